"""An ensemble whose training was stopped inside a cycle has the members, and the mean, of one that was not."""

import json
import signal
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import torch
from processes import KillAtRename, Process, Signal
from small_runs import EPOCH, RANDOM, Config, manifest_of, named_runs, record, run_of, small, trained

from lossatlas.runs.ensure import ensure
from lossatlas.runs.store.store import Run

LAST = 4 * EPOCH
RARELY = "runtime.checkpoint_seconds=1000"  # only a request to stop, or the end, writes a checkpoint
SNAPSHOT = (
    "study=snapshot",
    "scheduler=cyclic_cosine",
    "scheduler.cycles=3",
)  # members after steps 4, 8 and 12
STUDIES = {
    "snapshot": SNAPSHOT,
    "checkpoints": ("study=checkpoints", "study.members=5"),
    "warm restarts": ("study=snapshot", "scheduler=warm_restarts", "scheduler.period=1"),
    "fge": (
        *("study=fge", "study.start.run=['scheduler=linear','scheduler.epochs=3','epochs=2']"),
        *("scheduler=triangular", "scheduler.unit=steps", "scheduler.cycle=4"),
    ),
    "swa": ("study=swa", "study.begin=0.25"),
    "swa at the ends of cycles": ("study=swa", "study.begin=0", *SNAPSHOT[1:]),
}


def four_epochs(store: Path, *overrides: str) -> Config:
    """Configuration of four epochs of three steps; what the study starts from is trained already."""
    config = small(store, *RANDOM, "epochs=4", *overrides)
    for needed in named_runs(config):
        ensure(needed)
    return config


def whole(run: Run) -> dict[str, Any]:
    """What the run computed, with its members as files and as the manifest has them."""
    folder = run.member_folder
    files = {path.name: path.read_bytes() for path in sorted(folder.iterdir())} if folder.exists() else {}
    checkpoint = torch.load(run.checkpoint_path, weights_only=True)
    average = {name: tensor.tolist() for name, tensor in checkpoint.get("averaging_state", {}).items()}
    return {
        **record(run),
        "members": files,
        "listed": [vars(m) for m in manifest_of(run).members],
        "n": average,
    }


STOPS = {
    "inside a cycle": (Signal(signal.SIGTERM, step=2),),
    "again and again": tuple(Signal(signal.SIGTERM, step) for step in (3, EPOCH + 1, 7)),
    "killed": (Signal(signal.SIGKILL, step=10),),
    "killed at the end": (KillAtRename("checkpoint.ckpt", "after"),),  # only the results are missing
}
FAST = {
    *(("snapshot", "again and again"), ("fge", "inside a cycle")),
    *(("swa", "inside a cycle"), ("swa", "killed at the end")),
}
CASES = [
    pytest.param(study, stop, marks=[] if (study, stop) in FAST else pytest.mark.slow, id=f"{study}, {stop}")
    for study in STUDIES
    for stop in STOPS
]


@cache
def uninterrupted(study: str) -> dict[str, Any]:
    with TemporaryDirectory() as folder:
        return whole(trained(four_epochs(Path(folder), *STUDIES[study])))


@pytest.mark.parametrize(("study", "stops"), CASES)
def test_a_run_stopped_inside_a_cycle_has_the_same_members(tmp_path: Path, study: str, stops: str) -> None:
    config = four_epochs(tmp_path, *STUDIES[study], RARELY)
    for stop in STOPS[stops]:
        Process(config, stop).outcome()
    run = ensure(config)
    assert len(manifest_of(run).attempts) == len(STOPS[stops]) + 1
    assert whole(run) == uninterrupted(study)


@pytest.mark.slow
@pytest.mark.parametrize("study", STUDIES)
def test_a_run_stopped_at_every_step_has_the_same_members(tmp_path: Path, study: str) -> None:
    config = four_epochs(tmp_path, *STUDIES[study], RARELY)
    for step in range(LAST - 1):
        assert Process(config, Signal(signal.SIGTERM, step)).outcome().error == "Interrupted"
    assert whole(ensure(config)) == uninterrupted(study)


@pytest.mark.parametrize(
    ("member", "step"),
    [("member-001.safetensors", 8), pytest.param("member-002.safetensors", 12, marks=pytest.mark.slow)],
)
def test_a_run_killed_while_it_writes_a_member_writes_it_again(
    tmp_path: Path, member: str, step: int
) -> None:
    expected = uninterrupted("snapshot")
    for when in ("half", "before", "after"):
        config = four_epochs(tmp_path / when, *SNAPSHOT)
        Process(config, KillAtRename(member, when)).outcome()  # type: ignore[arg-type]
        assert run_of(config).checkpoint_path.exists()
        assert whole(ensure(config)) == expected
    assert expected["listed"][int(member[7:10])]["step"] == step


def test_the_manifest_lists_the_members_with_epoch_and_rate(tmp_path: Path) -> None:
    """Cycles of 4 steps of rate 0.1 end at 0.05 (1 + cos(3 pi / 4)); an epoch has 3 steps."""
    run = trained(four_epochs(tmp_path, *SNAPSHOT))
    listed = json.loads((run.folder / "manifest.json").read_text())["members"]
    assert [member["epoch"] for member in listed] == pytest.approx([4 / 3, 8 / 3, 4])
    assert [member["rate"] for member in listed] == pytest.approx([0.0146447] * 3, abs=1e-7)
    assert [member["file"] for member in listed] == [f"members/member-00{k}.safetensors" for k in range(3)]
    final = run.state()
    assert all(torch.equal(run.member(2)[name], tensor) for name, tensor in final.items())
    assert not torch.equal(run.member(1)["features.0.weight"], final["features.0.weight"])


def test_fge_starts_where_the_partial_run_ended_with_its_momentum(tmp_path: Path) -> None:
    """Two epochs of a schedule of three: the same run as the first two of the whole."""
    config = four_epochs(tmp_path, *STUDIES["fge"], "study.snapshot_epochs=[0]")
    (start,) = (run_of(needed) for needed in named_runs(config))
    run = ensure(config)
    begun, ended = run.snapshot(0), start.state()
    assert all(torch.equal(begun[name], tensor) for name, tensor in ended.items())
    whole_run = ensure(small(tmp_path, *RANDOM, "scheduler=linear", "epochs=3", "study.snapshot_epochs=[2]"))
    assert all(torch.equal(whole_run.snapshot(2)[name], tensor) for name, tensor in ended.items())
    without = ensure(four_epochs(tmp_path, *STUDIES["fge"], "study.momentum=false"))
    assert not torch.equal(without.member(0)["features.0.weight"], run.member(0)["features.0.weight"])
