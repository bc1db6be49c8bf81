"""A side of a comparison, and which of its runs go with which of another."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lossatlas.runs.differing import differing
from lossatlas.runs.store.index import Listed, Record, comparable
from lossatlas.words import counted

_SEED = "seed"


@dataclass(frozen=True)
class Side:
    """Runs that are compared together, under one name.

    Parameters
    ----------
    label : str
        What they are called.
    runs : tuple of Listed
        Finished ones.
    unfinished : int, default 0
        How many others there are, which are left out; by default none are.
    """

    label: str
    runs: tuple[Listed, ...]
    unfinished: int = 0

    @property
    def records(self) -> list[Record]:
        """Of each run what is listed of it."""
        return [run.record for run in self.runs if run.record is not None]

    @property
    def seeds(self) -> list[str]:
        """The seeds of its runs, each once."""
        return sorted({record.settings.get(_SEED, "") for record in self.records}, key=_by_number)


def place_of(entry: Listed) -> str:
    """What a run is told by here: its folder, since two stores may have one run each that should be the same."""
    return str(entry.run.folder)


def _by_number(text: str) -> tuple[bool, float, str]:
    number = float(text) if text.lstrip("-").isdigit() else 0.0
    return not text.lstrip("-").isdigit(), number, text


@dataclass(frozen=True)
class Pair:
    """The runs of two sides that share a seed, by their places."""

    seed: str
    first: tuple[str, ...]
    second: tuple[str, ...]


def paired(first: Side, second: Side) -> tuple[list[Pair], str]:
    """The runs of two sides by the seeds that both have, and a remark on what is not compared like with like.

    Where a side has several runs of a seed, those count that have a counterpart on the other: one with the same
    settings, save those that are the same throughout each side. Where there is none, all runs of a seed count together.
    """
    keys = _settings_of_a_seed([first, second])
    one, two = (_by_place(side, keys) for side in (first, second))
    shared = one.keys() & two.keys()
    note = ""
    if keys and not shared:
        note = f"no runs that share {', '.join(keys)}: those of a seed are averaged"
        one, two = (_by_place(side, []) for side in (first, second))
        shared = one.keys() & two.keys()
    seeds = sorted({str(place[0]) for place in shared}, key=_by_number)
    pairs = [
        Pair(
            seed,
            *(tuple(name for place in shared if place[0] == seed for name in of[place]) for of in (one, two)),
        )
        for seed in seeds
    ]
    return pairs, note or _left_out(first, second, pairs)


def _left_out(first: Side, second: Side, pairs: Sequence[Pair]) -> str:
    used = sum(len(pair.first) for pair in pairs), sum(len(pair.second) for pair in pairs)
    left = [
        f"{len(side.runs) - count} of {counted(len(side.runs), 'run')} of {side.label}"
        for side, count in zip((first, second), used, strict=True)
        if count < len(side.runs)
    ]
    return f"{' and '.join(left)} without a counterpart" if left and pairs else ""


def _settings_of_a_seed(sides: Iterable[Side]) -> list[str]:
    """Keys in which runs of one seed, on one side, differ."""
    found: dict[str, None] = {}
    for side in sides:
        for seed in side.seeds:
            settings = [record.settings for record in side.records if record.settings.get(_SEED, "") == seed]
            keys = dict.fromkeys(key for each in settings for key in each)
            found |= dict.fromkeys(differing(settings, keys))
    return list(found)


def _by_place(side: Side, keys: Sequence[str]) -> dict[tuple[object, ...], list[str]]:
    """Places of runs by seed and the values of ``keys``."""
    places: dict[tuple[object, ...], list[str]] = {}
    for run, record in zip(side.runs, side.records, strict=True):
        settings = record.settings
        place = settings.get(_SEED, ""), *(comparable(settings.get(key)) for key in keys)
        places.setdefault(place, []).append(place_of(run))
    return places
