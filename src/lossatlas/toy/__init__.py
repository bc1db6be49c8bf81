"""Balls on surfaces, most of them of one or two dimensions, trained, pushed and surveyed as networks are."""

from lossatlas.toy.coordinate import Coordinate
from lossatlas.toy.grounds import grounds
from lossatlas.toy.point import Point
from lossatlas.toy.surfaces import (
    Beale,
    Bowl,
    CriticalPoint,
    Cubic,
    Himmelblau,
    MonkeySaddle,
    Pit,
    Quadratic,
    Rosenbrock,
    Saddle,
    Slope,
    Surface,
)
from lossatlas.toy.wedges import Wedges

__all__ = [
    "Beale",
    "Bowl",
    "Coordinate",
    "CriticalPoint",
    "Cubic",
    "Himmelblau",
    "MonkeySaddle",
    "Pit",
    "Point",
    "Quadratic",
    "Rosenbrock",
    "Saddle",
    "Slope",
    "Surface",
    "Wedges",
    "grounds",
]
