"""Choosing by name, and what a user may have meant by one that is none."""

from collections.abc import Iterable, Mapping
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
    near = get_close_matches(str(given), map(str, choices), n=1)
    hint = f" (did you mean {near[0]}?)" if near else ""
    raise ValueError(f"unknown {option} {given!r}, expected one of {', '.join(map(str, choices))}{hint}")


def nearest(name: str, choices: Iterable[str]) -> str:
    """Clause that names the choice most like ``name``, or all of them if none is.

    >>> nearest("resnt20", ["resnet20", "vgg9"])
    'did you mean resnet20?'
    >>> nearest("x", ["resnet20", "vgg9"])
    'expected one of resnet20, vgg9'
    """
    choices = [str(choice) for choice in choices]  # YAML reads some keys as numbers or truth values
    close = get_close_matches(name, choices, n=1)
    return f"did you mean {close[0]}?" if close else f"expected one of {', '.join(sorted(choices))}"
