"""Progress of a sweep, read from the run store: works with every launcher, and shows every process's runs."""

import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from lossatlas.cli.console import console
from lossatlas.runs.composition.job import Job
from lossatlas.runs.composition.overrides import Overrides, key_of
from lossatlas.runs.ensure import run_of
from lossatlas.runs.store.progress import Progress, read_progress, status_of
from lossatlas.runs.store.store import Run

_LINE_EVERY_SECONDS = 10.0  # where there is no terminal to draw on
_STALE_SECONDS = 20.0  # a job that has said nothing for so long is not shown as running


def labels(jobs: Sequence[Job]) -> list[str]:
    """For each job the overrides in which the jobs differ, by the last part of their keys; nothing for a single job.

    Of an experiment's jobs those of its axes, which tell its arms apart, if they tell these jobs apart.

    >>> typed = Overrides(["a=1", "data.batch_size=8"])
    >>> labels([Job(typed, {}), Job(typed.merged(["data.batch_size=64"]), {})])
    ['batch_size=8', 'batch_size=64']
    """
    common = set.intersection(*(set(job.overrides) for job in jobs))
    # Which sweep of an experiment a job is of is told by what that sets.
    differing = [[o for o in job.overrides if o not in common and key_of(o) != "experiment"] for job in jobs]
    keys = set(map(key_of, jobs[0].config.get("experiment", {}).get("axes", {}).values()))
    on_axes = [[o for o in overrides if key_of(o) in keys] for overrides in differing]
    told = on_axes if len({frozenset(overrides) for overrides in on_axes}) == len(jobs) else differing
    return [" ".join(map(_short, overrides)) for overrides in told]


def _short(override: str) -> str:
    ((key, value),) = Overrides([override]).items()
    return f"{key.rpartition('.')[2]}={value}" if value else override


@dataclass(frozen=True)
class _Row:
    label: str
    progress: Progress
    fresh: bool
    of_another: bool = False  # the progress of a run that the job's study names, and that is had first


class Watch:
    """Reads how far a sweep's jobs are, and draws it."""

    def __init__(
        self,
        jobs: Sequence[Job],
        console: Console | None = None,
        *,
        runs: Sequence[tuple[str, Run]] | None = None,
    ) -> None:
        self.console = console or Console(stderr=True)
        self._jobs = _runs_of(jobs) if runs is None else list(runs)
        # The runs that studies name, by the fingerprints of the runs that are to start from them.
        named = {job.fingerprint: [run_of(other) for other in job.upstream] for job in jobs if runs is None}
        self._named: dict[str, list[Run]] = named
        self._started = time.time()
        self._first_fraction: float | None = None

    def rows(self) -> list[_Row]:
        """Jobs that have said something since the watch began."""
        rows = []
        for label, run in self._jobs:
            row = self._row(label, run)
            named = (
                self._row(label, other, of_another=True) for other in self._named.get(run.fingerprint, ())
            )
            rows += [row] if row else [found for found in named if found and self._runs(found)][-1:]
        return rows

    def _row(self, label: str, run: Run, *, of_another: bool = False) -> _Row | None:
        """What ``run`` has said since the watch began."""
        try:
            written = run.progress_path.stat().st_mtime
        except OSError:
            return None
        progress = read_progress(run)
        if progress is None or written < self._started - 1:
            return None
        return _Row(label, progress, time.time() - written < _STALE_SECONDS, of_another)

    def render(self) -> RenderableType:
        """Draw the state of the sweep: a bar for all jobs, a line for each that runs."""
        rows = self.rows()
        fraction = self._fraction(rows)
        head = Table.grid(padding=(0, 2))
        head.add_row(
            self._count(rows),
            ProgressBar(total=1.0, completed=fraction, width=32),
            self._left(fraction),
        )
        lines = [
            Text(f"  {self._line(row)}", style="dim", no_wrap=True, overflow="ellipsis")
            for row in rows
            if self._runs(row)
        ]
        return Group(head, *lines)

    def line(self) -> str:
        """Say the state of the sweep in one line, for logs."""
        rows = self.rows()
        fraction = self._fraction(rows)
        now = "; ".join(self._line(row) for row in rows if self._runs(row))
        return f"{self._count(rows)}, {fraction:.0%}, {self._left(fraction)}" + (f" | {now}" if now else "")

    @staticmethod
    def _runs(row: _Row) -> bool:
        return row.fresh and row.progress.phase not in ("done", "failed")

    @staticmethod
    def _line(row: _Row) -> str:
        progress = row.progress
        label = (f"{row.label}: " if row.label else "") + ("first, another run: " if row.of_another else "")
        if progress.phase != "train":
            return f"{label}{progress.phase} {progress.done}/{progress.total} points"
        loss = "" if progress.loss is None else f", loss {progress.loss:.4f}"
        return f"{label}epoch {progress.epoch}/{progress.epochs}{loss}"

    def _count(self, rows: list[_Row]) -> str:
        phases = Counter(row.progress.phase for row in rows if not row.of_another)
        failed = f", {phases['failed']} failed" if phases["failed"] else ""
        return f"runs {phases['done']}/{len(self._jobs)}{failed}"

    def _fraction(self, rows: list[_Row]) -> float:
        return sum(row.progress.fraction for row in rows if not row.of_another) / len(self._jobs)

    def _left(self, fraction: float) -> str:
        if fraction >= 1:
            return "done"
        elapsed = time.time() - self._started
        if fraction < 0.02 or elapsed < 5:
            return "estimating the time left"
        return f"{timedelta(seconds=round(elapsed / fraction * (1 - fraction)))} left"


@contextmanager
def watching(jobs: Sequence[Job], *, runs: Sequence[tuple[str, Run]] | None = None) -> Iterator[Watch]:
    """Show the progress of ``jobs`` while the block computes them; of ``runs``, with labels, if they are given."""
    watch = Watch(jobs, runs=runs)
    if watch.console.is_terminal:
        with Live(get_renderable=watch.render, console=watch.console, refresh_per_second=2):
            yield watch
        return
    stopped = threading.Event()

    def print_lines() -> None:
        while not stopped.wait(_LINE_EVERY_SECONDS):
            watch.console.print(watch.line(), soft_wrap=True, highlight=False, markup=False)

    thread = threading.Thread(target=print_lines, daemon=True)
    thread.start()
    try:
        yield watch
    finally:
        stopped.set()
        thread.join()


def print_outcomes(jobs: Sequence[Job]) -> None:
    """Print the runs of a sweep and what they gave."""
    table = Table(box=None, pad_edge=False)
    table.add_column("run", no_wrap=True, min_width=16)
    for heading in ("what differs", "status", "test error") if len(jobs) > 1 else ("status", "test error"):
        table.add_column(heading, overflow="fold")  # a long word is broken, never cut off
    for label, run in _runs_of(jobs):
        table.add_row(run.fingerprint, *([label] if len(jobs) > 1 else []), *_outcome(run))
    console().print(table)


def _runs_of(jobs: Sequence[Job]) -> list[tuple[str, Run]]:
    return [(label, run_of(job)) for label, job in zip(labels(jobs), jobs, strict=True)]


def _outcome(run: Run) -> tuple[str, str]:
    status = status_of(run)
    manifest = None if status in ("damaged", "refused") else run.manifest()
    error = manifest.metrics.get("test_error") if manifest is not None else None
    return status, "" if error is None else f"{error:.2%}"
