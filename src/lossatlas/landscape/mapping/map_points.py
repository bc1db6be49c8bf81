"""A resumable map over the points of a survey, shared by as many processes as there are."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lossatlas.landscape.mapping.journal import (
    Journal,
    finished_points_of_all,
    first_difference,
    merge_shards,
    shard,
)
from lossatlas.landscape.mapping.ranks import RankFailedError, Ranks, ranks

__all__ = ["Progress", "RankFailedError", "map_points"]

Progress = Callable[[int, int], None]
"""Called with the numbers of finished points and of all points: at the start, and after each point."""

Rows = dict[int, Sequence[float]]


def map_points(
    total: int,
    measure: Callable[[int], Sequence[float]],
    *,
    indices: Sequence[int] | None = None,
    chain: int = 1,
    journal: str | Path | None = None,
    header: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
) -> NDArray[np.float64]:
    """Return ``measure(i)`` for i = 0, ..., ``total`` - 1 as rows, (total, values).

    Where torch.distributed has several ranks, all have to call this, with the same header. They share the points that
    are missing; rank r > 0 keeps its points in ``<journal>.rank<r>`` until all are finished and in ``journal``; each
    rank returns all rows.

    Parameters
    ----------
    total : int
        Number of points.
    measure : callable
        From the index of a point to its values, as many for each.
    indices : sequence of int, optional
        Points that are wanted: one row each, in their order; None: all.
    chain : int, default 1
        Length of the runs of consecutive points that are measured by one rank, in their order.
    journal : str or Path, optional
        File that keeps finished points, from which an interrupted survey goes on (`Journal`); None: nothing is kept.
    header : mapping, optional
        Settings that tell this survey from others in the journal, and among ranks; None: none.
    progress : callable, optional
        Called with the numbers of finished and of all points, of this rank's share; may raise to stop the survey.

    Returns
    -------
    array (points, values)
        Float64. Points that the journal holds under the header are taken from there; each new one is kept before
        ``progress`` hears of it.

    Raises
    ------
    RankFailedError
        If a rank fails; the others finish their share first.
    ValueError
        If the ranks' headers differ.

    Examples
    --------
    >>> map_points(3, lambda i: [i, i / 2]).tolist()
    [[0.0, 0.0], [1.0, 0.5], [2.0, 1.0]]
    >>> map_points(3, lambda i: [i, i / 2], indices=[2, 0]).tolist()
    [[2.0, 1.0], [0.0, 0.0]]
    """
    among, path, title = ranks(), None if journal is None else Path(journal), dict(header or {})
    wanted = list(range(total)) if indices is None else list(indices)
    finished = _finished(path, title, among)
    missing = _share([index for index in dict.fromkeys(wanted) if index not in finished], chain, among)

    def measure_share() -> Rows:
        known = len(finished.keys() & set(wanted))
        with ExitStack() as stack:
            keep = None
            if path is not None:
                keep = stack.enter_context(Journal(shard(path, among.rank), title)).append
            return _measure(missing, measure, keep, progress, known)

    new = {index: row for part in among.attempt(measure_share) for index, row in part.items()}
    rows = {**finished, **new}
    if path is not None:
        among.attempt(lambda: merge_shards(path, title, rows) if among.rank == 0 else None)
    return np.array([rows[index] for index in wanted], dtype=np.float64)


def _finished(path: Path | None, header: dict[str, Any], among: Ranks) -> Rows:
    """Points that are finished already, by whatever ranks.

    Nobody measures before all have read: else one would see the first points of another, and leave out others.
    """
    parts = among.attempt(lambda: (header, {} if path is None else finished_points_of_all(path, header)))
    for rank, (theirs, _) in enumerate(parts):
        if difference := first_difference(parts[0][0], theirs):
            raise ValueError(f"ranks 0 and {rank} do not survey the same: they differ in {difference!r}")
    return {index: row for _, part in parts for index, row in part.items()}


def _share(missing: list[int], chain: int, among: Ranks) -> list[int]:
    mine = set(among.share(sorted({index // chain for index in missing})))
    return [index for index in missing if index // chain in mine]


def _measure(
    missing: Sequence[int],
    measure: Callable[[int], Sequence[float]],
    keep: Callable[[int, Sequence[float]], None] | None,
    progress: Progress | None,
    known: int,
) -> Rows:
    report = progress or (lambda done, total: None)
    rows: Rows = {}
    report(known, known + len(missing))
    for index in missing:
        rows[index] = [float(value) for value in measure(index)]
        if keep is not None:
            keep(index, rows[index])
        report(known + len(rows), known + len(missing))
    return rows
