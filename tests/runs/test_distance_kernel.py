"""Runs with distance kernels: from a trunk or from the start, killed and resumed, with several checkpoints."""

import signal
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from processes import KillAtRename, Process, Signal
from small_runs import EPOCH, RANDOM, Config, manifest_of, named_runs, record, run_of, small, trained

from lossatlas.runs.ensure import ensure
from lossatlas.runs.store.store import Run

RARELY = "runtime.checkpoint_seconds=1000"  # only a request to stop, or the end, writes a checkpoint
KERNEL = (
    *("study=distance_kernel", "study.strength=0.5", "scheduler=constant"),
    *("rates.sgd=0.05", "epochs=5"),
)
TRUNK = "study.trunk={run: ['scheduler=constant','epochs=2']}"
ONE, TWO = "study.checkpoints=[2]", "study.checkpoints=[2,3]"


def arm(store: Path, *overrides: str, width: str = "study.width.sigma=0.3") -> Config:
    return small(store, *RANDOM, *KERNEL, *overrides, width)


def trunk_of(config: Config) -> Run:
    (trunk,) = named_runs(config)
    return run_of(trunk)


def members(run: Run) -> list[bytes]:
    return [run.member_path(member.number).read_bytes() for member in manifest_of(run).members]


def numbers(rows: pd.DataFrame) -> pd.DataFrame:
    """What is computed: all columns but those of the clock."""
    return rows[[name for name in rows if "seconds" not in str(name)]]


def test_an_arm_from_a_trunk_is_to_the_bit_the_run_that_began_by_itself(tmp_path: Path) -> None:
    branch, alone = arm(tmp_path, TWO, TRUNK), arm(tmp_path, TWO)
    one, other = ensure(branch), ensure(alone)
    assert trunk_of(branch).is_finished()
    assert one.fingerprint != other.fingerprint
    assert one.weights_path.read_bytes() == other.weights_path.read_bytes()
    assert members(one) == members(other)
    assert manifest_of(one).metrics == manifest_of(other).metrics
    assert manifest_of(one).steps == manifest_of(other).steps == 5 * EPOCH
    states = [torch.load(run.checkpoint_path, weights_only=True) for run in (one, other)]
    momenta = [state["optimizer_states"][0]["state"] for state in states]
    assert all(
        torch.equal(momenta[0][k]["momentum_buffer"], momenta[1][k]["momentum_buffer"]) for k in momenta[0]
    )


def test_its_history_has_the_rows_of_the_trunk_and_then_those_of_the_run_that_began_by_itself(
    tmp_path: Path,
) -> None:
    branch = arm(tmp_path, ONE, TRUNK)
    trunk, one, other = trained_rows(branch), ensure(branch), ensure(arm(tmp_path, ONE))
    rows, whole = numbers(one.history()), numbers(other.history())
    assert rows.index.tolist() == whole.index.tolist()
    pd.testing.assert_frame_equal(rows.loc[:2][trunk.columns], trunk, check_exact=True)
    pd.testing.assert_frame_equal(rows.loc[:2][trunk.columns], whole.loc[:2][trunk.columns], check_exact=True)
    late = rows.loc[3:]
    pd.testing.assert_frame_equal(late, whole.loc[3:][late.columns], check_exact=True)
    for name in ("squared_distance_0", "kernel_0", "force_norm", "test_loss", "test_error"):
        assert late[name].notna().all(), name
    assert rows["squared_distance_0"].loc[:2].isna().all()


def trained_rows(branch: Config) -> pd.DataFrame:
    """Rows of the trunk, which is trained for them."""
    (trunk,) = named_runs(branch)
    return numbers(ensure(trunk).history())


def test_distances_in_the_history_are_those_of_the_members(tmp_path: Path) -> None:
    run = ensure(arm(tmp_path, TWO, TRUNK))
    last = run.history().iloc[-1]
    first, second, end = (run.member(number) for number in range(3))
    trainable = [name for name in end if "running" not in name and "num_batches" not in name]

    def apart(one: dict[str, Any], other: dict[str, Any]) -> float:
        return sum((one[name].double() - other[name].double()).square().sum().item() for name in trainable)

    assert last["squared_distance_0"] == pytest.approx(apart(end, first), rel=1e-6)
    assert last["squared_distance_1"] == pytest.approx(apart(end, second), rel=1e-6)
    assert last["kernel_0"] == pytest.approx(np.exp(-apart(end, first) / (2 * 0.3**2)), rel=1e-5)
    assert [member.step for member in manifest_of(run).members] == [2 * EPOCH, 3 * EPOCH, 5 * EPOCH]
    state = run.state()
    assert all(torch.equal(end[name], tensor) for name, tensor in state.items())


def test_a_run_without_a_push_is_to_the_bit_the_classifier(tmp_path: Path) -> None:
    """The control is what it says: distances are measured, and nothing else is other."""
    control = ensure(arm(tmp_path, ONE, TRUNK, "study/push=nothing"))
    plain = ensure(small(tmp_path, *RANDOM, "scheduler=constant", "rates.sgd=0.05", "epochs=5"))
    assert control.weights_path.read_bytes() == plain.weights_path.read_bytes()
    common = plain.history().columns
    pd.testing.assert_frame_equal(
        numbers(control.history()[common]), numbers(plain.history()), check_exact=True
    )


def test_every_takes_the_checkpoints_that_naming_them_takes(tmp_path: Path) -> None:
    """0 is the initialisation, which `every` leaves out."""
    named = ensure(arm(tmp_path, "study.checkpoints=[2,4]"))
    every = ensure(arm(tmp_path, "study.checkpoints=null", "study.every=2"))
    assert named.fingerprint != every.fingerprint
    assert members(named) == members(every)
    assert len(members(every)) == 3


def test_checkpoint_0_is_the_initialisation(tmp_path: Path) -> None:
    run = ensure(arm(tmp_path, "study.checkpoints=[0]", "study.snapshot_epochs=[0]"))
    start, first = run.snapshot(0), run.member(0)
    assert all(torch.equal(first[name], tensor) for name, tensor in start.items())
    rows = run.history()
    pd.testing.assert_series_equal(
        rows["squared_distance_0"], rows["squared_distance_initialisation"], check_names=False
    )
    plain = ensure(small(tmp_path, *RANDOM, "scheduler=constant", "rates.sgd=0.05", "epochs=5"))
    assert not torch.equal(run.state()["features.0.weight"], plain.state()["features.0.weight"])


def test_a_release_lets_go_and_later_epochs_have_no_force(tmp_path: Path) -> None:
    released, held = ensure(arm(tmp_path, ONE, TRUNK, "study.release=4")), ensure(arm(tmp_path, ONE, TRUNK))
    one, other = numbers(released.history()), numbers(held.history())
    pd.testing.assert_frame_equal(one.loc[:4], other.loc[:4], check_exact=True)
    assert one["force_norm"].loc[5] == 0 < other["force_norm"].loc[5]
    assert not torch.equal(released.state()["features.0.weight"], held.state()["features.0.weight"])


@pytest.mark.parametrize("push", ["toward", "random"])
def test_the_controls_end_elsewhere_and_pull_or_push_as_hard(tmp_path: Path, push: str) -> None:
    away, control = (ensure(arm(tmp_path, ONE, TRUNK, f"study/push={kind}")) for kind in ("away", push))
    one, other = away.history().loc[3:], control.history().loc[3:]
    assert (one["squared_distance_0"] - other["squared_distance_0"]).abs().iloc[-1] > 1e-6
    if push == "toward":
        assert other["squared_distance_0"].iloc[-1] < one["squared_distance_0"].iloc[-1]


# Killed and resumed

STUDIES = {
    "from a trunk": (TWO, TRUNK),
    "from the start": ("study.checkpoints=[0,2,3]",),
    "released, decoupled": (ONE, TRUNK, "study.release=4", "study.decoupled=true"),
    "random push, mean": (TWO, TRUNK, "study/push=random", "study/merging=mean"),
    "by layers": ("study.checkpoints=[1,3]", "study.distance.per_layer=true"),
}
STOPS = {
    "at a checkpoint": (Signal(signal.SIGTERM, step=2 * EPOCH),),
    "again and again": tuple(Signal(signal.SIGTERM, step) for step in (2 * EPOCH + 1, 3 * EPOCH, 11)),
    "killed": (Signal(signal.SIGKILL, step=10),),
    "killed as it first saves": (
        KillAtRename("checkpoint.ckpt", "after"),
    ),  # from a trunk: where the arm begins
}
FAST = {("from a trunk", "again and again")}


def whole(run: Run) -> dict[str, Any]:
    everything = {
        **record(run),
        "members": members(run),
        "listed": [vars(m) for m in manifest_of(run).members],
    }
    return {key: "NaN" if value != value else value for key, value in everything.items()}


@cache
def uninterrupted(study: str) -> dict[str, Any]:
    with TemporaryDirectory() as folder:
        config = arm(Path(folder), *STUDIES[study])
        for needed in named_runs(config):
            ensure(needed)
        return whole(trained(config))


@pytest.mark.parametrize(
    ("study", "stops"),
    [
        pytest.param(
            study, stop, marks=[] if (study, stop) in FAST else pytest.mark.slow, id=f"{study}, {stop}"
        )
        for study in STUDIES
        for stop in STOPS
    ],
)
def test_a_run_that_was_stopped_has_the_bits_and_the_checkpoints_of_one_that_was_not(
    tmp_path: Path, study: str, stops: str
) -> None:
    config = arm(tmp_path, *STUDIES[study], RARELY)
    for needed in named_runs(config):
        ensure(needed)
    for stop in STOPS[stops]:
        assert Process(config, stop).outcome().weights_sha256 is None
    assert whole(ensure(config)) == uninterrupted(study)


def test_an_arm_asked_for_first_trains_its_trunk_and_another_arm_finds_it(tmp_path: Path) -> None:
    first, second = arm(tmp_path, ONE, TRUNK), arm(tmp_path, ONE, TRUNK, "study.strength=2")
    assert not trunk_of(first).is_finished()
    ensure(first)
    ensure(second)
    assert trunk_of(first).fingerprint == trunk_of(second).fingerprint
    assert len(manifest_of(trunk_of(first)).attempts) == 1
    assert manifest_of(run_of(second)).attempts[0].from_step in (0, 2 * EPOCH)
