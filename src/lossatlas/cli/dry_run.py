"""``lossatlas train [-m] --dry-run``: the jobs, which of them are there already, and what the others will take."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean

from lossatlas.cli.console import READABLE, composing, console
from lossatlas.cli.estimating import estimated, show_estimate
from lossatlas.cli.plain_table import table_lines
from lossatlas.cli.progress import labels
from lossatlas.experiments.collect import Cell, locate
from lossatlas.experiments.cost.estimate import group_of
from lossatlas.experiments.cost.in_words import duration
from lossatlas.runs.check import check_jobs
from lossatlas.runs.composition.job import Job
from lossatlas.runs.composition.sweep import other_job_among
from lossatlas.runs.store.progress import read_progress, status_of
from lossatlas.words import counted


def show_plan(jobs: Sequence[Job]) -> None:
    """Print what launching ``jobs`` would do, and what it would take. ValueError as when they are launched."""
    with composing():
        check_jobs(jobs)
        cells = locate(jobs, {}, other_job_among(jobs))
    out = console(READABLE)
    header = ["run", "what differs", "run is", "landscapes"]
    rows = [
        [cell.run.fingerprint, label, _of_run(cell), _of_landscapes(cell)]
        for label, cell in zip(labels(jobs), cells, strict=True)
    ]
    shown = [number for number in range(len(header)) if any(row[number] for row in rows)]
    lines = table_lines(
        [header[number] for number in shown],
        [[row[number] for number in shown] for row in rows],
        width=out.width,
        gap=2,
        folded=[
            place for place, number in enumerate(shown) if header[number] in ("what differs", "landscapes")
        ],
        most={},
    )
    for line in lines:
        print(line)
    left = {cell.run.fingerprint: job for cell, job in zip(cells, jobs, strict=True) if cell.missing}
    there = len({cell.run.fingerprint for cell in cells}) - len(left)
    print(
        f"{counted(len(left) + there, 'run')}: {there} there with all landscapes, {len(left)} to be computed"
    )
    if left:
        show_estimate(estimated(jobs, left_only=True))
        for line in _as_measured(jobs, cells):
            print(line)


def _of_run(cell: Cell) -> str:
    """What is there of a run: all, a part, or nothing."""
    if "run" not in cell.missing:
        return "there"
    status = status_of(cell.run)
    if status in ("absent", "running"):
        return {"absent": "to train"}.get(status, status)
    progress = read_progress(cell.run)
    far = f" in epoch {progress.epoch}/{progress.epochs}" if progress is not None and progress.epochs else ""
    return f"{status}{far}" if status == "interrupted" else status


def _of_landscapes(cell: Cell) -> str:
    missing = [name for name in cell.missing if name != "run"]
    there = len(cell.landscapes) - len(missing)
    told = [f"{there} there"] if there else []
    return ", ".join([*told, *([f"to survey: {' '.join(missing)}"] if missing else [])])


@dataclass
class _Trainings:
    """Those of one kind: how long each that is there took, in seconds, and how many are left."""

    seconds: list[float]
    left: int = 0


def _as_measured(jobs: Sequence[Job], cells: Sequence[Cell]) -> list[str]:
    """How long the trainings that are left take, as far as the store has runs of their kind."""
    kinds: dict[str, _Trainings] = {}
    counted_ones: set[str] = set()
    for job, cell in zip(jobs, cells, strict=True):
        if cell.run.fingerprint in counted_ones:
            continue
        counted_ones.add(cell.run.fingerprint)
        kind = kinds.setdefault(group_of(job), _Trainings([]))
        if "run" in cell.missing:
            kind.left += 1
        elif (manifest := cell.run.manifest()) is not None:
            kind.seconds.append(sum(attempt.seconds for attempt in manifest.attempts))
    known = [kind for kind in kinds.values() if kind.left and kind.seconds]
    if not known:
        return []
    seconds = sum(kind.left * mean(kind.seconds) for kind in known)
    number = sum(kind.left for kind in known)
    of_all = sum(kind.left for kind in kinds.values())
    which = counted(number, "training") if number == of_all else f"{number} of {counted(of_all, 'training')}"
    return [f"By those like them that are there, {which} will take {duration(seconds)}, one after the other."]
