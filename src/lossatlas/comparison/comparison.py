"""Comparison of sides: all that is told of it, whether in a terminal, as a table or on a page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd
import xarray as xr

from lossatlas.comparison.configuration import Setting, settings_compared
from lossatlas.comparison.differences import Difference, differences, plain
from lossatlas.comparison.numbers import landscapes_of, numbers_of_landscapes
from lossatlas.comparison.side import Side, place_of


@dataclass(frozen=True)
class Comparison:
    """What sides have in common and what not. Made by `compare`.

    Parameters
    ----------
    sides : tuple of Side
        Those compared, all with the first.
    settings : tuple of Setting
        What differs in their configurations.
    differences : tuple of Difference
        Each quantity of each side.
    landscapes : dict of str to dict of str to Dataset
        Place of a run -> name -> landscape.
    confidence : float
        Of each interval alone.
    problems : tuple of str
        What could not be read.
    """

    sides: tuple[Side, ...]
    settings: tuple[Setting, ...]
    differences: tuple[Difference, ...]
    landscapes: dict[str, dict[str, xr.Dataset]]
    confidence: float
    problems: tuple[str, ...] = ()

    @cached_property
    def histories(self) -> dict[str, pd.DataFrame]:
        """Place of a run -> a row an epoch; read when it is asked for."""
        return {place_of(entry): entry.run.history() for side in self.sides for entry in side.runs}

    def to_json(self) -> dict[str, Any]:
        """Plain containers."""
        sides = [
            {
                "label": side.label,
                "runs": [entry.run.fingerprint for entry in side.runs],
                "seeds": side.seeds,
                "unfinished": side.unfinished,
            }
            for side in self.sides
        ]
        settings = [
            {
                "key": setting.key,
                "tells_apart": setting.tells_apart,
                "values": {
                    side.label: list(values) for side, values in zip(self.sides, setting.values, strict=True)
                },
            }
            for setting in self.settings
        ]
        return {
            "sides": sides,
            "confidence": self.confidence,
            "settings": settings,
            "differences": [plain(one) for one in self.differences],
        }


def compare(sides: Sequence[Side], *, confidence: float = 0.95) -> Comparison:
    """Compare ``sides``, all of them with the first.

    Parameters
    ----------
    sides : sequence of Side
        Two or more, each with a name of its own.
    confidence : float, default 0.95
        Of each interval alone, in (0, 1).

    Returns
    -------
    Comparison
        With all numbers; histories are read when they are asked for.

    Raises
    ------
    ValueError
        For fewer than two sides, two of one name, a side without a finished run, and a confidence out of range.
    """
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must lie in (0, 1), got {confidence:g}")
    labels = [side.label for side in sides]
    if len(labels) < 2 or len(set(labels)) < len(labels):
        raise ValueError(f"expected two sides or more, each with a name of its own, got {labels}")
    for side in sides:
        if not side.runs:
            raise ValueError(f"{side.label}: none of its {side.unfinished} runs is finished")
    entries = {place_of(entry): entry for side in sides for entry in side.runs}
    read, problems = landscapes_of([entry.run for entry in entries.values()])
    landscapes = dict(zip(entries, read, strict=True))
    numbers = {
        place: {**_sorted(entry.record.metrics), **numbers_of_landscapes(landscapes[place])}
        for place, entry in entries.items()
        if entry.record is not None
    }
    return Comparison(
        tuple(sides),
        tuple(settings_compared(sides)),
        tuple(differences(sides, numbers, confidence)),
        landscapes,
        confidence,
        tuple(problems),
    )


def _sorted(metrics: Mapping[str, float]) -> dict[str, float]:
    """Metrics with those of the test split first."""
    return dict(sorted(metrics.items(), key=lambda item: not item[0].startswith("test_")))
