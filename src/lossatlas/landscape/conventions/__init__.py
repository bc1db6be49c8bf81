"""What codes for landscapes do differently, a file each: this library's own way, and that of Li et al. 2018."""

from lossatlas.landscape.choices import chosen
from lossatlas.landscape.conventions.convention import Convention, Rule
from lossatlas.landscape.conventions.li2018 import LI2018
from lossatlas.landscape.conventions.lossatlas import LOSSATLAS

CONVENTIONS = {"lossatlas": LOSSATLAS, "li2018": LI2018}


def convention_named(name: str) -> Convention:
    """The convention ``name``, "lossatlas" or "li2018". ValueError for another name.

    >>> convention_named("li2018").clamps_variances
    False
    """
    return chosen("convention", name, CONVENTIONS)


__all__ = ["CONVENTIONS", "Convention", "Rule", "convention_named"]
