"""Curves as runs: composed with their ends, refused where they make no sense, resumed to the same bits, surveyed."""

import signal
from pathlib import Path
from typing import Any

import pytest
import torch
from processes import Process, Signal, Stop
from small_runs import EPOCH, RANDOM, Config, manifest_of, named_runs, record, run_of, small, trained

from lossatlas.runs.check import check_jobs
from lossatlas.runs.composition.compose import compose_config
from lossatlas.runs.composition.job import ConfigError, Job
from lossatlas.runs.ensure import ensure
from lossatlas.runs.store.store import Run
from lossatlas.runs.surveyor import Surveyor

RARELY = "runtime.checkpoint_seconds=1000"
ARC = "study.objective={_target_: lossatlas.studies.ArcLength}"


def ends(*seeds: int) -> str:
    named = ", ".join(f"{{run: ['seed={seed}']}}" for seed in seeds)
    return f"study.ends=[{named}]"


CURVE = ("study=curve", ends(1, 2))


def curve(store: Path, *overrides: str) -> Config:
    """Configuration of a small curve whose ends are trained."""
    config = small(store, *CURVE, *RANDOM, *overrides)
    for end in named_runs(config):
        ensure(end)
    return config


def whole_record(run: Run) -> dict[str, Any]:
    members = {member.file: (run.folder / member.file).read_bytes() for member in manifest_of(run).members}
    assert len(members) == 3
    return record(run) | members


def check(*overrides: str) -> None:
    check_jobs([Job((), small(Path("nowhere"), *overrides))])


def test_decay_moves_from_the_optimizer_to_the_point_of_the_curve_but_not_for_the_ends(
    tmp_path: Path,
) -> None:
    config = small(tmp_path, *CURVE)
    first, second = named_runs(config)
    assert config["optimizer"]["weight_decay"] == 0.0
    assert config["regularizer"]["l2"]["weight_decay"] == 0.0005
    for end, seed in ((first, 1), (second, 2)):
        assert run_of(end).fingerprint == run_of(small(tmp_path, f"seed={seed}")).fingerprint
        assert (end["optimizer"]["weight_decay"], end["regularizer"]) == (0.0005, {})


def test_what_is_typed_wins_over_what_the_study_chooses() -> None:
    typed = ["study=curve", "regularizer.l2.weight_decay=0.3", "optimizer.weight_decay=0.1"]
    config = compose_config(typed)
    assert (config.regularizer.l2.weight_decay, config.optimizer.weight_decay) == (0.3, 0.1)
    assert compose_config(["study=curve", "regularizer=none"]).regularizer == {}


def test_the_seeds_of_ends_may_follow_that_of_the_curve(tmp_path: Path) -> None:
    follows = 'study.ends=[{run: ["seed=${seed}"]}, {run: ["seed=1${seed}"]}]'
    seeds = [end["seed"] for end in named_runs(small(tmp_path, "study=curve", follows, "seed=3"))]
    assert seeds == [3, 13]


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["study=curve"], r"study\.ends is required: give study\.ends=VALUE"),
        (["study=curve", ends(1)], "study: a curve needs at least two ends, got 1"),
        (
            ["study=curve", ends(3, 3)],
            r"study: run (\w+) and run \1 are ends with the same seed=3; expected a seed for each end",
        ),
        (
            [*CURVE, "study.curve.bends=0"],
            r"study: curve\.bends=0 leaves nothing to train; expected a number >= 1",
        ),
        (
            [*CURVE, "optimizer.weight_decay=0.1"],
            r"study: optimizer\.weight_decay=0\.1 would act on the bends, not along the curve: type "
            r"optimizer\.weight_decay=0 regularizer=l2 regularizer\.l2\.weight_decay=0\.1",
        ),
        (
            ["study=curve", 'study.ends=[{run: ["seed=1"]}, {run: ["seed=2", "model.width=3"]}]'],
            r"study: run \w+ has 'features\.0\.weight' of shape \(3, 1, 3, 3\), the network of shape \(2, 1, 3, 3\)",
        ),
    ],
)
def test_a_curve_that_makes_no_sense_is_refused_before_anything_is_trained(
    overrides: list[str], message: str
) -> None:
    with pytest.raises(ConfigError, match=f"^{message}$"):
        check(*overrides)


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return whole_record(trained(curve(tmp_path_factory.mktemp("store"), "study.snapshot_epochs=[0,1,2]")))


@pytest.mark.parametrize(
    ("stop", "lot"),
    [
        (Signal(signal.SIGTERM, 1), RARELY),
        (Signal(signal.SIGTERM, EPOCH + 1), RARELY),
        (Signal(signal.SIGKILL, EPOCH + 1), "runtime.checkpoint_seconds=0"),
        (Signal(signal.SIGTERM, 2 * EPOCH - 1), RARELY),
    ],
    ids=str,
)
def test_an_interrupted_curve_ends_with_the_same_bits(
    tmp_path: Path, uninterrupted: dict[str, Any], stop: Stop, lot: str
) -> None:
    """Its control points too."""
    config = curve(tmp_path, "study.snapshot_epochs=[0,1,2]", lot)
    outcome = Process(config, stop).outcome()
    assert outcome.error == "Interrupted" or outcome.exit_code == -signal.SIGKILL
    assert whole_record(ensure(config)) == uninterrupted


@pytest.mark.slow
@pytest.mark.parametrize("choice", [(), (ARC,), ("optimizer=adam",)], ids=str)
def test_a_curve_stopped_at_every_step_ends_the_same(tmp_path: Path, choice: tuple[str, ...]) -> None:
    expected = whole_record(trained(curve(tmp_path / "expected", *choice)))
    config = curve(tmp_path / "stopped", *choice, RARELY)
    for step in range(2 * EPOCH - 1):
        assert Process(config, Signal(signal.SIGTERM, step)).outcome().error == "Interrupted"
    assert whole_record(ensure(config)) == expected


def test_the_record_names_the_distance_of_the_ends_and_the_length_of_the_curve(tmp_path: Path) -> None:
    config = curve(tmp_path)
    run = trained(config)
    metrics = manifest_of(run).metrics
    states = [run_of(end).state() for end in named_runs(config)]
    names = [
        name
        for name, tensor in states[0].items()
        if not name.rpartition(".")[2].startswith(("running", "num"))
    ]
    distance = sum((states[0][name] - states[1][name]).double().square().sum() for name in names) ** 0.5
    assert metrics["end_distance"] == pytest.approx(float(distance), rel=1e-6)
    assert metrics["length_ratio"] == metrics["curve_length"] / metrics["end_distance"] >= 1


def test_members_are_the_control_points_with_the_ends_as_they_were(tmp_path: Path) -> None:
    config = curve(tmp_path)
    run = trained(config)
    first, _, last = run.members().values()
    for member, end in zip((first, last), named_runs(config), strict=True):
        state = run_of(end).state()
        assert member.keys() == state.keys()
        assert all(torch.equal(member[name], tensor) for name, tensor in state.items())


def test_the_losses_of_a_path_are_those_in_the_records_of_the_ends_and_of_the_curve(tmp_path: Path) -> None:
    """At an end with its own batch-norm statistics, in the middle with those of a pass over the training data."""
    config = curve(tmp_path)
    run = trained(config)
    node = {"_target_": "lossatlas.landscape.path", "through": {"curve": []}, "points": 3}

    def losses(evaluation: str) -> list[float]:
        engine = {**config["engine"], "evaluation": evaluation}
        dataset = Surveyor(run, config, _no_other_run).survey("path", {**node, "engine": engine})
        assert dataset is not None
        return dataset.loss.sel(split="train").values.tolist()

    first, _, last = losses("eval")
    _, middle, _ = losses("recompute")
    ends = [manifest_of(run_of(end)).metrics["train_loss"] for end in named_runs(config)]
    assert [first, last] == pytest.approx(ends, rel=1e-5)
    assert middle == pytest.approx(manifest_of(run).metrics["train_loss"], rel=1e-5)


def _no_other_run(value: Any) -> Run:
    raise AssertionError(f"nobody asked for {value}")
