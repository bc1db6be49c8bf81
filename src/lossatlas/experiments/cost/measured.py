"""The cost of an experiment as it was measured: how long, of what, on what."""

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from lossatlas.experiments.collect import Cell
from lossatlas.hardware import cpu_name

Record = Mapping[str, Any]
"""A `Measured` as plain containers."""


@dataclass(frozen=True)
class Measured:
    """What a reproduction took of the machine that made it."""

    seconds: float
    processor_seconds: float  # of this process and of those of its jobs
    cells: int  # of the experiment's sweeps
    trained: int  # of them, whose network was trained in this time
    surveyed: int  # of them, of which anything was computed in this time
    cores: int
    processor: str


class Stopwatch:
    """Measures from its making on, or from when it is said to have ``started``, by `time.monotonic`."""

    def __init__(self, started: float | None = None) -> None:
        self._started = time.monotonic() if started is None else started
        self._processor = _processor_seconds()

    def record(self, before: Sequence[Cell], after: Sequence[Cell]) -> Record | None:
        """The record of what has been computed since, given the cells ``before`` and ``after``; None if nothing."""
        computed = [
            (early, late)
            for early, late in zip(before, after, strict=True)
            if len(late.missing) < len(early.missing)
        ]
        if not computed:
            return None
        measured = Measured(
            seconds=round(time.monotonic() - self._started, 1),
            processor_seconds=round(_processor_seconds() - self._processor, 1),
            cells=len(before),
            trained=sum("run" in early.missing and "run" not in late.missing for early, late in computed),
            surveyed=len(computed),
            cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
            processor=cpu_name(),
        )
        return asdict(measured)


def _processor_seconds() -> float:
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system


def more_complete(earlier: Record | None, newer: Record | None) -> Record | None:
    """The record to keep of two: that of the more complete computation, the newer if they are equally complete.

    A record of another number of cells is one of another experiment: the newer is kept.

    >>> whole = {"seconds": 60.0, "cells": 4, "trained": 4, "surveyed": 4}
    >>> part = {"seconds": 5.0, "cells": 4, "trained": 0, "surveyed": 1}
    >>> [more_complete(*two)["seconds"] for two in ((whole, part), (part, whole), (None, part))]
    [60.0, 60.0, 5.0]
    """
    if earlier is None or newer is None:
        return earlier or newer
    if earlier["cells"] != newer["cells"]:
        return newer
    return max(newer, earlier, key=lambda record: (record["trained"], record["surveyed"]))
