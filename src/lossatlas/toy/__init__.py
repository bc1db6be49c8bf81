"""Balls on surfaces of one or two dimensions, trained, pushed and surveyed as networks are."""

from lossatlas.toy.coordinate import Coordinate
from lossatlas.toy.point import Point
from lossatlas.toy.surfaces import Cubic

__all__ = ["Coordinate", "Cubic", "Point"]
