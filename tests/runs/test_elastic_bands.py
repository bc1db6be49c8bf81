"""Elastic bands as runs: composed with their ends, refused where senseless, resumed to the same bits, surveyed."""

import signal
import sys
from pathlib import Path
from typing import Any

import pytest
import xarray as xr

sys.path.insert(0, str(Path(__file__).parents[1] / "cli"))

from processes import Process, Signal, Stop
from small_runs import EPOCH, RANDOM, SMALL, Config, manifest_of, named_runs, record, run_of, small, trained
from typed import type_here

from lossatlas.runs.check import check_jobs
from lossatlas.runs.composition.job import ConfigError, Job
from lossatlas.runs.ensure import ensure
from lossatlas.runs.store.store import Run

RARELY = "runtime.checkpoint_seconds=1000"
CYCLES = "study.cycles=[{steps: 2}, {steps: 2}, {steps: 2, factor: 0.1}]"  # they begin within both epochs
BAND = (
    *("study=elastic_band", "study.ends=[{run: ['seed=1']}, {run: ['seed=2']}]", CYCLES),
    *("study.positions=2", "study.threshold=0.0"),
)


def band(store: Path, *overrides: str) -> Config:
    """Configuration of a small band whose ends are trained."""
    config = small(store, *BAND, *RANDOM, *overrides)
    for end in named_runs(config):
        ensure(end)
    return config


def whole_record(run: Run) -> dict[str, Any]:
    members = {member.file: (run.folder / member.file).read_bytes() for member in manifest_of(run).members}
    assert len(members) > 5  # pivots have come
    return record(run) | members


def test_the_band_has_a_penalty_and_a_constant_rate_and_its_ends_what_they_would_have_alone(
    tmp_path: Path,
) -> None:
    config = small(tmp_path, *BAND)
    assert config["optimizer"]["weight_decay"] == 0.0
    assert config["regularizer"]["l2"]["weight_decay"] == 0.0005
    assert config["scheduler"]["_target_"] == "lossatlas.optim.Constant"
    for end, seed in zip(named_runs(config), (1, 2), strict=True):
        assert run_of(end).fingerprint == run_of(small(tmp_path, f"seed={seed}")).fingerprint


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["study=elastic_band"], r"study\.ends is required: give study\.ends=VALUE"),
        (
            [*BAND, "epochs=3"],
            r"study: epochs must be 2, in the last of which the cycles' 6 steps end .*, got 3",
        ),
        (
            [*BAND, "study.ends=[{run: ['seed=3']}, {run: ['seed=3']}]"],
            r"study: run (\w+) and run \1 are ends with the same seed=3; expected a seed for each end",
        ),
        (
            [*BAND, "study.ends=[{run: ['seed=1']}, {run: ['seed=2', 'model.width=3']}]"],
            r"study: run \w+ has 'features\.0\.weight' of shape \(3, 1, 3, 3\), the network of shape \(2, 1, 3, 3\)",
        ),
        ([*BAND, "study.snapshot_epochs=[1]"], r"study: .* expected snapshot_epochs=\[\], got \[1\]"),
    ],
)
def test_a_band_that_makes_no_sense_is_refused_before_anything_is_trained(
    overrides: list[str], message: str
) -> None:
    with pytest.raises(ConfigError, match=f"^{message}$"):
        check_jobs([Job((), small(Path("nowhere"), *overrides))])


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return whole_record(trained(band(tmp_path_factory.mktemp("store"))))


@pytest.mark.parametrize(
    ("stop", "lot"),
    [
        (Signal(signal.SIGTERM, 2), RARELY),  # where a cycle begins
        (Signal(signal.SIGKILL, EPOCH + 2), "runtime.checkpoint_seconds=0"),
    ],
    ids=str,
)
def test_an_interrupted_band_ends_with_the_same_bits(
    tmp_path: Path, uninterrupted: dict[str, Any], stop: Stop, lot: str
) -> None:
    """Its pivots too, although their number changes."""
    config = band(tmp_path, lot)
    outcome = Process(config, stop).outcome()
    assert outcome.error == "Interrupted" or outcome.exit_code == -signal.SIGKILL
    assert whole_record(ensure(config)) == uninterrupted


@pytest.mark.slow
@pytest.mark.parametrize("choice", [(), ("optimizer=adam",), ("study.spring=0.1",)], ids=str)
def test_a_band_stopped_at_every_step_ends_the_same(tmp_path: Path, choice: tuple[str, ...]) -> None:
    expected = whole_record(trained(band(tmp_path / "expected", *choice)))
    config = band(tmp_path / "stopped", *choice, RARELY)
    for step in range(2 * EPOCH - 1):
        assert Process(config, Signal(signal.SIGTERM, step)).outcome().error == "Interrupted"
    assert whole_record(ensure(config)) == expected


def test_a_survey_along_the_band_finds_its_saddle_and_a_tree_of_bands_its_minima(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    other = "study.ends=[{run: ['seed=2']}, {run: ['seed=3']}]"
    answer = type_here(
        *("train", *SMALL, *BAND, "engine.evaluation=recompute", "landscape=[path,spanning_tree]"),
        *("landscape.path.through={curve: []}", "landscape.path.points=16"),
        f'landscape.spanning_tree.bands=[{{curve: []}}, {{curve: ["seed=5", "{other}"]}}]',
        "landscape.spanning_tree.points=5",
    )
    assert answer.status == 0, answer.err
    run = run_of(small(Path("runs"), *BAND))
    found = {path.name.partition("-")[0]: xr.load_dataset(path) for path in run.landscapes.glob("*.nc")}
    metrics = manifest_of(run).metrics
    along = found["path"]
    assert float(along.length_ratio) == pytest.approx(metrics["length_ratio"], rel=1e-5)
    assert float(along.loss.sel(split="train")[[0, -1]].max()) == pytest.approx(
        metrics["ends_loss"], rel=1e-5
    )
    tree = found["spanning_tree"]
    assert (tree.sizes["minimum"], tree.start.values.tolist(), tree.end.values.tolist()) == (
        3,
        [0, 1],
        [1, 2],
    )
    assert tree.in_tree.values.all()
    assert float(tree.loss_maximum.sel(split="train")[0]) <= metrics["saddle_loss"] * 1.5
