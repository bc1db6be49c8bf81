"""Choosing by name."""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import TypeVar

T = TypeVar("T")


def chosen(option: str, given: str, choices: Mapping[str, T]) -> T:
    """The one of ``choices`` that is called ``given``. ValueError for a name that is none of theirs.

    >>> chosen("ignore", "biasbm", {"biasbn": 1, "none": 2})
    Traceback (most recent call last):
    ValueError: unknown ignore 'biasbm', expected one of biasbn, none (did you mean biasbn?)
    """
    if given in choices:
        return choices[given]
    near = get_close_matches(str(given), choices, n=1)
    hint = f" (did you mean {near[0]}?)" if near else ""
    raise ValueError(f"unknown {option} {given!r}, expected one of {', '.join(choices)}{hint}")
