"""The surveys: each a function from a problem to a dataset, with a journal and a progress callback."""

from lossatlas.landscape.surveys.interpolation import interpolation
from lossatlas.landscape.surveys.line import line
from lossatlas.landscape.surveys.sharpness import sharpness
from lossatlas.landscape.surveys.surface import surface
from lossatlas.landscape.surveys.weights import weights

__all__ = ["interpolation", "line", "sharpness", "surface", "weights"]
