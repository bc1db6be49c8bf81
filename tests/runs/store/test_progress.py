"""How far a run is, for anybody who looks."""

from pathlib import Path

import pytest
from processes import Pause, Process
from small_runs import run_of, small

from lossatlas.runs.store.progress import Progress, read_progress, write_progress
from lossatlas.runs.store.store import Run


def test_progress_comes_back_as_it_was_written(tmp_path: Path) -> None:
    progress = Progress("train", 3, 6, epoch=1, epochs=2, loss=0.1 + 0.2, stage=0, stages=3)
    write_progress(Run(tmp_path), progress)
    assert read_progress(Run(tmp_path)) == progress


@pytest.mark.parametrize("content", [None, "", "{", "[1]", '{"phase": "train"}', '{"colour": 1}'])
def test_progress_that_cannot_be_read_is_none(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "progress.json").write_text(content)
    assert read_progress(Run(tmp_path)) is None


@pytest.mark.parametrize(
    ("progress", "fraction"),
    [
        (Progress("train", 0, 6), 0.0),
        (Progress("train", 3, 6), 0.5),
        (Progress("train", 3, 6, stages=2), 0.25),
        (Progress("line", 51, 51, stage=1, stages=2), 1.0),
        (Progress("train", 0, 0), 0.0),
    ],
)
def test_the_fraction_counts_all_phases_alike(progress: Progress, fraction: float) -> None:
    assert progress.fraction == fraction


def test_a_run_says_where_it_is_while_it_trains(tmp_path: Path) -> None:
    """Its first step is reported at once."""
    config, pause = small(tmp_path / "store", "epochs=5"), Pause(step=2, folder=tmp_path)
    process = Process(config, pause)
    pause.wait_until_reached()
    progress = read_progress(run_of(config))
    assert progress is not None
    assert (progress.phase, progress.done, progress.total) == ("train", 1, 15)
    assert (progress.epoch, progress.epochs) == (1, 5)
    assert progress.loss == pytest.approx(1.4, abs=0.2)  # log 4 at the start
    pause.end()
    process.outcome()
