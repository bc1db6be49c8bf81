"""What the manifest says of a run, and what nothing in a run's folder says."""

import hashlib
import json
import os
import platform
import signal
import socket
import subprocess
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path

import pytest
import torch
from processes import Process, Signal
from small_runs import manifest_of, run_of, small, trained

import lossatlas
from lossatlas.runs.ensure import ensure
from lossatlas.runs.store.fingerprint import RESULTS_VERSION, fingerprint
from lossatlas.runs.store.manifest import ENVIRONMENT, Manifest, new_manifest

ROOT = Path(lossatlas.__file__).parents[2]


def test_the_manifest_says_what_code_ran_where_on_what_and_with_what_result(tmp_path: Path) -> None:
    began = datetime.now(UTC) - timedelta(seconds=1)
    config = small(tmp_path, "seed=7", "study.snapshot_epochs=[1]")
    run = ensure(config, overrides=["seed=7"])
    value = json.loads(run.manifest_path.read_text())
    assert value["fingerprint"] == fingerprint(config) == run.folder.name
    assert value["results_version"] == RESULTS_VERSION
    assert value["status"] == "finished"
    assert (value["seed"], value["overrides"], value["experiment"]) == (7, ["seed=7"], None)
    assert (value["epochs"], value["steps"], value["failure"]) == (2, 6, None)
    assert value["versions"]["python"] == platform.python_version()
    assert value["versions"]["torch"] == version("torch")
    assert value["versions"]["lossatlas"] == lossatlas.__version__
    assert value["hardware"]["cores"] == os.cpu_count()
    assert value["hardware"]["gpus"] == [
        torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())
    ]
    (attempt,) = value["attempts"]
    assert (attempt["host"], attempt["pid"]) == (socket.gethostname(), os.getpid())
    assert (attempt["device"], attempt["threads"]) == ("cpu", 1)
    assert (attempt["from_step"], attempt["to_step"]) == (0, 6)
    elapsed = (datetime.now(UTC) - began).total_seconds()
    assert 0 < attempt["seconds"] < elapsed
    for time in (value["created"], attempt["started"]):
        assert began < datetime.fromisoformat(time) < datetime.now(UTC)


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="needs a checkout")
def test_the_manifest_names_the_commit_of_the_checkout() -> None:
    def git(*arguments: str) -> str:
        command = ["git", "-C", str(ROOT), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    manifest = new_manifest("f" * 16, 1, seed=0, experiment=None, overrides=[])
    assert manifest.code["commit"] == git("rev-parse", "HEAD")
    assert manifest.code["modified"] == (git("status", "--porcelain", "--untracked-files=no") != "")


def test_the_hashes_are_those_that_sha256sum_gives(tmp_path: Path) -> None:
    run = trained(small(tmp_path, "study.snapshot_epochs=[1,2]"))
    manifest = manifest_of(run)
    expected = {"weights.safetensors": manifest.weights_sha256, **manifest.files_sha256}
    assert sorted(expected) == [
        "config.yaml",
        "history.csv",
        "snapshots/epoch-0001.safetensors",
        "snapshots/epoch-0002.safetensors",
        "weights.safetensors",
    ]
    for name, digest in expected.items():
        assert hashlib.sha256((run.folder / name).read_bytes()).hexdigest() == digest


def test_the_metrics_hold_the_loss_and_the_studys_metrics_of_every_split(tmp_path: Path) -> None:
    names = {"loss", "error", "nll", "calibration_error"}
    with_validation = manifest_of(trained(small(tmp_path))).metrics
    assert set(with_validation) == {f"{s}_{n}" for s in ("train", "validation", "test") for n in names}
    without = manifest_of(trained(small(tmp_path, "data.validation=0"))).metrics
    assert set(without) == {f"{s}_{n}" for s in ("train", "test") for n in names}


def test_each_attempt_is_on_record_and_an_interrupted_run_says_so(tmp_path: Path) -> None:
    config = small(tmp_path)
    stopped = Process(config, Signal(signal.SIGTERM, 1))
    assert stopped.outcome().error == "Interrupted"
    run = run_of(config)
    assert manifest_of(run).status == "interrupted"
    Process(config, Signal(signal.SIGKILL, 4)).outcome()
    assert manifest_of(run).status == "running"
    ensure(config)
    first, killed, last = manifest_of(run).attempts
    assert (first.pid, first.from_step, first.to_step) == (stopped.pid, 0, 2)
    assert (killed.from_step, killed.to_step, killed.seconds) == (2, None, 0.0)
    assert (last.pid, last.from_step, last.to_step) == (os.getpid(), 3, 6)


def test_a_resumed_run_keeps_its_number_of_threads(tmp_path: Path) -> None:
    """Another number would add in another order."""
    config = small(tmp_path)
    Process(config, Signal(signal.SIGTERM, 1)).outcome()
    run = ensure(small(tmp_path, "runtime.threads=2"))
    assert [attempt.threads for attempt in manifest_of(run).attempts] == [1, 1]
    assert torch.get_num_threads() == 1


# What is not recorded


@pytest.mark.parametrize("choice", ["logger=csv", pytest.param("logger=wandb", marks=pytest.mark.slow)])
def test_no_value_of_an_environment_variable_off_the_list_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, choice: str
) -> None:
    secret = "do-not-write-me-6b1f"
    for name in ("FAKE_TOKEN", "WANDB_NOTES_SECRET", "AWS_SECRET_ACCESS_KEY", "SLURM_JWT"):
        monkeypatch.setenv(name, secret)
    monkeypatch.setenv("SLURM_JOB_ID", "4242")
    run = trained(small(tmp_path, choice, "study.snapshot_epochs=[0]"))
    environment = manifest_of(run).environment
    assert environment["SLURM_JOB_ID"] == "4242"
    assert set(environment) <= set(ENVIRONMENT)
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(written) > 8
    assert [path for path in written if secret.encode() in path.read_bytes()] == []


def test_none_of_the_recorded_variables_could_hold_a_key() -> None:
    suspicious = ("KEY", "TOKEN", "SECRET", "PASS", "AUTH", "CREDENTIAL", "JWT")
    assert [name for name in ENVIRONMENT if any(word in name for word in suspicious)] == []


# Its form


def test_a_manifest_comes_back_from_its_json(tmp_path: Path) -> None:
    manifest = manifest_of(trained(small(tmp_path)))
    assert Manifest.from_json(json.loads(json.dumps(manifest.to_json()))) == manifest


def test_a_manifest_of_another_form_is_refused(tmp_path: Path) -> None:
    value = manifest_of(trained(small(tmp_path))).to_json()
    with pytest.raises(ValueError, match=r"one of running, interrupted, failed, finished, got 'done'$"):
        Manifest.from_json(value | {"status": "done"})
    with pytest.raises(ValueError, match=r"^mood: unknown key$"):
        Manifest.from_json(value | {"mood": "good"})
