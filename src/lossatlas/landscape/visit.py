"""Visiting the points of a survey, each once, whatever interrupts it."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lossatlas.landscape.journal import Journal

Progress = Callable[[int, int], None]
"""Called with the numbers of finished points and of all points: at the start, and after each point."""


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

    >>> visit(3, lambda i: [i, i / 2]).tolist()
    [[0.0, 0.0], [1.0, 0.5], [2.0, 1.0]]
    """
    if journal is None:
        return _visit(total, measure, {}, lambda index, values: None, progress)
    with Journal(journal, header or {}) as kept:
        return _visit(total, measure, dict(kept.finished), kept.append, progress)


def _visit(
    total: int,
    measure: Callable[[int], Sequence[float]],
    rows: dict[int, Sequence[float]],
    keep: Callable[[int, Sequence[float]], None],
    progress: Progress | None,
) -> NDArray[np.float64]:
    report = progress or (lambda done, total: None)
    report(len(rows), total)
    for index in range(total):
        if index in rows:
            continue
        rows[index] = measure(index)
        keep(index, rows[index])
        report(len(rows), total)
    return np.array([rows[index] for index in range(total)], dtype=np.float64)
