"""How the jobs of a sweep are launched, or stopped, does not change what they compute."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from small_runs import RANDOM, SMALL, manifest_of, small, trained

from lossatlas.runs.store.progress import read_progress
from lossatlas.runs.store.store import Store

PATIENCE = 120.0  # seconds


def sweep(store: Path, *arguments: str) -> subprocess.Popen[str]:
    """Start `lossatlas train -m` over three seeds."""
    overrides = [*SMALL, *RANDOM, *arguments, "seed=0,1,2", f"paths.runs={store}"]
    environment = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
    return subprocess.Popen(
        [sys.executable, "-m", "lossatlas.cli.main", "train", "-m", *overrides],
        env=environment,
        cwd=store.parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def ended(process: subprocess.Popen[str], status: int) -> None:
    output, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == status, output


def weights_of_all(store: Path) -> dict[str, str | None]:
    return {run.fingerprint: manifest_of(run).weights_sha256 for run in Store(store).runs()}


@pytest.mark.parametrize(
    "choice",
    [
        ("hydra/launcher=processes", "hydra.launcher.jobs=2"),
        ("hydra/launcher=processes", "hydra.launcher.jobs=1"),
        ("hydra/launcher=basic",),
    ],
    ids=" ".join,
)
@pytest.mark.slow
def test_a_sweep_gives_the_bits_of_its_runs_alone(tmp_path: Path, choice: tuple[str, ...]) -> None:
    for seed in (0, 1, 2):
        trained(small(tmp_path / "alone", *RANDOM, f"seed={seed}"))
    ended(sweep(tmp_path / "swept", *choice), status=0)
    assert weights_of_all(tmp_path / "swept") == weights_of_all(tmp_path / "alone")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.slow
def test_a_sweep_that_is_stopped_saves_its_runs_and_goes_on_to_the_same_bits(
    tmp_path: Path, number: signal.Signals
) -> None:
    store, longer = tmp_path / "swept", ("data.train=1000", "epochs=20", "runtime.checkpoint_seconds=1000")
    process = sweep(store, *longer, "hydra.launcher.jobs=2")
    end = time.monotonic() + PATIENCE
    while sum(_steps_done(path) > 20 for path in store.glob("*")) < 2:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.05)
    process.send_signal(number)
    ended(process, status=130)
    stopped = [manifest_of(run) for run in Store(store).runs()]
    assert [manifest.status for manifest in stopped] == ["interrupted"] * 2, "the third has not begun"
    ended(sweep(store, *longer), status=0)
    for manifest in stopped:
        attempts = manifest_of(Store(store).run(manifest.fingerprint)).attempts
        assert attempts[1].from_step == attempts[0].to_step > 20
    for seed in (0, 1, 2):
        trained(small(tmp_path / "alone", *RANDOM, *longer, f"seed={seed}"))
    assert weights_of_all(store) == weights_of_all(tmp_path / "alone")


def _steps_done(folder: Path) -> int:
    progress = read_progress(Store(folder.parent).run(folder.name))
    return progress.done if progress is not None and progress.phase == "train" else 0
