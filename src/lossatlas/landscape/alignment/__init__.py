"""Permutation symmetry: unit orders under which a network computes the same, and weight matching of two networks."""

from lossatlas.landscape.alignment.matching import Matching, align, match_weights
from lossatlas.landscape.alignment.permuting import Orders, permuted, random_orders
from lossatlas.landscape.alignment.units import Place, UnitGroup, unit_groups

__all__ = [
    "Matching",
    "Orders",
    "Place",
    "UnitGroup",
    "align",
    "match_weights",
    "permuted",
    "random_orders",
    "unit_groups",
]
