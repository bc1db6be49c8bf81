"""What a user may have meant."""

import difflib
from collections.abc import Iterable


def nearest(name: str, choices: Iterable[str]) -> str:
    """Clause that names the choice most like ``name``, or all of them if none is.

    >>> nearest("resnt20", ["resnet20", "vgg9"])
    'did you mean resnet20?'
    >>> nearest("x", ["resnet20", "vgg9"])
    'expected one of resnet20, vgg9'
    """
    choices = list(choices)
    close = difflib.get_close_matches(name, choices, n=1)
    return f"did you mean {close[0]}?" if close else f"expected one of {', '.join(sorted(choices))}"
