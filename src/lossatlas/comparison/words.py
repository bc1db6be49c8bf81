"""A comparison in words and in numbers of a few digits, for the terminal and for pages."""

import math
from collections import Counter

from lossatlas.comparison.comparison import Comparison
from lossatlas.comparison.differences import Difference
from lossatlas.comparison.side import Side


def of_side(side: Side) -> tuple[str, str]:
    """How many runs a side has, and of which seeds."""
    unfinished = f" ({side.unfinished} more not finished)" if side.unfinished else ""
    seeds = side.seeds
    told = ", ".join(seeds) if len(seeds) <= 12 else f"{', '.join(seeds[:3])}, … {seeds[-1]} ({len(seeds)})"
    return f"{len(side.runs)}{unfinished}", told


def mean_and_sd(one: Difference) -> str:
    """A quantity of a side: its mean, with the standard deviation where there are several runs.

    >>> mean_and_sd(Difference("test_error", "sgd", 3, 0.0423, 0.0011)), mean_and_sd(Difference("x", "y", 0, 0.0, 0.0))
    ('0.0423 ± 0.0011', '–')
    """
    if not one.runs or math.isnan(one.mean):
        return "–"
    return number(one.mean) + ("" if math.isnan(one.sd) else f" ± {number(one.sd, 2)}")


def interval(one: Difference) -> str:
    """A difference with its interval, where it has one.

    >>> interval(Difference("test_error", "adam", 6, 0.05, 0.01, 0.0102, 0.004, 0.016, 0.02, 6, "greater", "greater"))
    '+0.0102 [+0.004, +0.016]'
    """
    if math.isnan(one.difference):
        return "–"
    told = signed(one.difference)
    return told if math.isnan(one.low) else f"{told} [{signed(one.low)}, {signed(one.high)}]"


def told(one: Difference) -> str:
    """What is decided of a difference, with a star where it is not if all are to hold at once."""
    if one.told in ("", "cannot tell"):
        return ""
    return f" {one.told}{'' if one.corrected == one.told else '*'}"


def number(value: float, digits: int = 4) -> str:
    """Significant digits, none of them behind a point for large numbers.

    >>> number(0.042349), number(12345.6), number(-0.00001234)
    ('0.04235', '12346', '-1.234e-05')
    """
    return f"{value:.0f}" if 10**digits <= abs(value) < 1e7 else f"{value:.{digits}g}"


def signed(value: float) -> str:
    """A number with its sign.

    >>> signed(0.01), signed(-0.01), signed(0.0)
    ('+0.01', '-0.01', '0')
    """
    return f"+{number(value, 3)}" if value > 0 else number(value, 3)


def notes(comparison: Comparison) -> list[str]:
    """What is remarked on differences, each once, with the number of quantities that it is about."""
    decided = any(
        one.told for one in comparison.differences
    )  # else `conditions` says that there are too few seeds
    told = [one for one in comparison.differences if one.note and (decided or not one.seeds)]
    counts = Counter((one.side, one.note) for one in told)
    first = comparison.sides[0].label
    several = len(comparison.sides) > 2
    return [
        f"{f'{side} - {first}: ' if several else ''}{note} ({count} {'quantity' if count == 1 else 'quantities'})"
        for (side, note), count in counts.items()
    ]


def conditions(comparison: Comparison) -> str:
    """How the differences are to be read."""
    first, *others = (side.label for side in comparison.sides)
    decided = [one for one in comparison.differences if one.told]
    words = f"Differences are {others[0] if len(others) == 1 else 'each'} - {first}. Spreads are standard deviations."
    if not decided:
        return f"{words} No interval: that takes five seeds that both sides have, and a decision six."
    chance = len(decided) * (1 - comparison.confidence)
    return (
        f"{words} Intervals are paired over seeds, each at {100 * comparison.confidence:g} %; of {len(decided)}, about "
        f"{chance:.2g} would be decided by chance if there were nothing to see. * not decided if all are to hold at "
        "once (Holm)."
    )
