"""What differs between the configurations of sides, and within them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lossatlas.comparison.side import Side
from lossatlas.runs.store.index import comparable

_LISTED = 6  # values that a side may have of a key for all of them to be named


@dataclass(frozen=True)
class Setting:
    """A key of which the runs that are compared have several values."""

    key: str
    values: tuple[tuple[str, ...], ...]  # of each side, each once; "" where a run has no such key
    tells_apart: bool  # whether the sides have other values, not only the runs of each

    def in_words(self) -> list[str]:
        """What to say of each side.

        >>> Setting("seed", (("0", "1", "2", "3", "4", "5", "6"), ("1",)), True).in_words()
        ['0, 1, 2, … 6 (7 values)', '1']
        """
        return [_in_words(values) for values in self.values]


def settings_compared(sides: Sequence[Side]) -> list[Setting]:
    """The keys that differ: first those that tell the sides apart, then those that differ within them alone."""
    settings = [[record.settings for record in side.records] for side in sides]
    keys = dict.fromkeys(key for of_side in settings for each in of_side for key in each)
    found = []
    for key in keys:
        values = [{comparable(each.get(key)): each.get(key, "") for each in of_side} for of_side in settings]
        if len({value for of_side in values for value in of_side}) > 1:
            apart = any(of_side.keys() != values[0].keys() for of_side in values)
            found.append(Setting(key, tuple(_sorted(of_side.values()) for of_side in values), apart))
    return sorted(found, key=lambda setting: not setting.tells_apart)


def _sorted(values: Iterable[str]) -> tuple[str, ...]:
    """Numbers by their size, else words by the alphabet."""
    texts = sorted(values)
    try:
        return tuple(sorted(texts, key=float))
    except ValueError:
        return tuple(texts)


def _in_words(values: Sequence[str]) -> str:
    told = [value or "–" for value in values]
    if len(told) <= _LISTED:
        return ", ".join(told)
    return f"{', '.join(told[:3])}, … {told[-1]} ({len(told)} values)"
