"""Visiting the points of a survey, each once, whatever interrupts it, by as many processes as there are."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lossatlas.landscape.journal import Journal, finished_points
from lossatlas.landscape.ranks import Ranks, ranks

Progress = Callable[[int, int], None]
"""Called with the numbers of finished points and of all points: at the start, and after each point."""

Rows = dict[int, Sequence[float]]


class RankFailedError(RuntimeError):
    """Another process on the same survey has failed; what was finished is in the journals."""


def visit(
    total: int,
    measure: Callable[[int], Sequence[float]],
    *,
    journal: str | Path | None = None,
    header: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
) -> NDArray[np.float64]:
    """Return ``measure(i)`` for i = 0, ..., ``total`` - 1 as rows, (total, values).

    Points that ``journal`` holds under ``header`` are taken from there, and each new one is kept there before
    ``progress`` hears of it, which may raise to stop the survey.

    Where torch.distributed has several ranks, all have to call this. They share the points that are missing,
    rank r > 0 keeps its own in ``<journal>.rank<r>``, and each returns all rows. ``progress`` then counts
    this rank's share. If a rank fails, the others finish their share first and then raise `RankFailedError`.

    >>> visit(3, lambda i: [i, i / 2]).tolist()
    [[0.0, 0.0], [1.0, 0.5], [2.0, 1.0]]
    """
    among = ranks()
    with ExitStack() as stack:
        rows, keep = _opened(journal, header or {}, among, stack)
        missing = among.share([index for index in range(total) if index not in rows])
        failure: BaseException | None = None
        try:
            _measure(missing, measure, rows, keep, progress)
        except BaseException as error:
            if among.world_size == 1:
                raise
            failure = error
        rows = _gathered(rows, failure, among)
    return np.array([rows[index] for index in range(total)], dtype=np.float64)


def _opened(
    journal: str | Path | None, header: Mapping[str, Any], among: Ranks, stack: ExitStack
) -> tuple[Rows, Callable[[int, Sequence[float]], None]]:
    """Rows that are finished already, by whatever ranks, and what keeps another."""
    if journal is None:
        return {}, lambda index, values: None
    path = Path(journal)
    rows: Rows = {}
    for other in path.parent.glob(f"{path.name}.rank*"):
        rows |= finished_points(other, header)
    if among.rank == 0:
        rows |= finished_points(path, header)
    # Nobody writes before all have read: else one would see the first points of another and leave them out.
    rows = {index: values for part in among.gather(rows) for index, values in part.items()}
    mine = path if among.rank == 0 else path.with_name(f"{path.name}.rank{among.rank}")
    return rows, stack.enter_context(Journal(mine, header)).append


def _measure(
    missing: Sequence[int],
    measure: Callable[[int], Sequence[float]],
    rows: Rows,
    keep: Callable[[int, Sequence[float]], None],
    progress: Progress | None,
) -> None:
    report = progress or (lambda done, total: None)
    total = len(rows) + len(missing)
    report(len(rows), total)
    for index in missing:
        values = measure(index)
        keep(index, values)
        rows[index] = values
        report(len(rows), total)


def _gathered(rows: Rows, failure: BaseException | None, among: Ranks) -> Rows:
    """Rows of all ranks. A failure of this rank is raised as it is, one of another as `RankFailedError`."""
    if among.world_size == 1:
        return rows
    parts = among.gather((rows, None if failure is None else f"{type(failure).__name__}: {failure}"))
    if failure is not None:
        raise failure
    for rank, (_, message) in enumerate(parts):
        if message is not None:
            raise RankFailedError(f"rank {rank} failed: {message}")
    return {index: values for part, _ in parts for index, values in part.items()}
