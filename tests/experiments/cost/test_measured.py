"""How long a reproduction took, and which of two records of it is kept."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from lossatlas.experiments.collect import Cell
from lossatlas.experiments.cost.measured import Stopwatch, more_complete
from lossatlas.runs.store.store import Run


@dataclass(frozen=True)
class Lacking(Cell):
    """A cell of which it is known what is missing."""

    lacks: tuple[str, ...] = ()

    @property
    def missing(self) -> list[str]:
        return list(self.lacks)


def cells(*lacking: tuple[str, ...]) -> list[Lacking]:
    return [
        Lacking({"seed": seed}, Run(Path(f"runs/{seed}")), {}, lacks) for seed, lacks in enumerate(lacking)
    ]


def test_what_was_trained_and_what_was_only_surveyed_are_counted_apart() -> None:
    whole = ("run", "line")
    before = cells(whole, whole, ("line",), (), whole)
    after = cells(
        (), ("line",), (), (), whole
    )  # the second was trained and its survey stopped; the last failed
    record = Stopwatch(time.monotonic() - 60).record(before, after)
    assert record is not None
    assert (record["cells"], record["trained"], record["surveyed"]) == (5, 2, 3)
    assert record["seconds"] == pytest.approx(60, abs=1)
    assert record["cores"] >= 1
    assert record["processor_seconds"] < 5


def test_processor_time_is_that_since_the_stopwatch_began() -> None:
    watch = Stopwatch()
    end = time.process_time() + 0.3
    while time.process_time() < end:
        pass
    record = watch.record(cells(("run",)), cells(()))
    assert record is not None
    assert record["processor_seconds"] == pytest.approx(0.3, abs=0.15)


def test_where_nothing_was_computed_there_is_no_record() -> None:
    assert Stopwatch().record(cells((), ("line",)), cells((), ("line",))) is None


def record(trained: int, surveyed: int, seconds: float, cells: int = 4) -> dict[str, Any]:
    return {"seconds": seconds, "cells": cells, "trained": trained, "surveyed": surveyed}


@pytest.mark.parametrize(
    ("earlier", "newer", "kept"),
    [
        (None, None, None),
        (record(4, 4, 60), None, 60),
        (None, record(1, 1, 5), 5),
        (record(4, 4, 60), record(0, 4, 5), 60),
        (record(4, 4, 60), record(4, 4, 50), 50),
        (record(2, 3, 60), record(2, 4, 50), 50),
        (record(4, 4, 60), record(3, 3, 5, cells=8), 5),  # the experiment has grown since
    ],
)
def test_the_record_of_the_more_complete_computation_is_kept(earlier: Any, newer: Any, kept: Any) -> None:
    found = more_complete(earlier, newer)
    assert (None if found is None else found["seconds"]) == kept
