"""Runs as they are listed, without files: what sides are made of."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from lossatlas.runs.store.index import Listed, Record
from lossatlas.runs.store.store import Run

Listing = Callable[..., Listed]


@pytest.fixture
def listed() -> Listing:
    """Function that makes a finished run with some settings and metrics."""
    made = iter(range(1000))

    def make(metrics: Mapping[str, float] | None = None, **settings: object) -> Listed:
        number = next(made)
        texts = {key.replace("__", "."): str(value) for key, value in settings.items()}
        record = Record(
            "finished", "2026-11-01T00:00:00+00:00", "", "", (), 1, 1.0, dict(metrics or {}), texts
        )
        return Listed(Run(Path("runs") / f"{number:016x}"), record, "finished", "")

    return make
