"""The surveys: each a function from a problem to a dataset, with a journal and a progress callback."""

from lossatlas.landscape.surveys.aligned import aligned
from lossatlas.landscape.surveys.convexity import convexity
from lossatlas.landscape.surveys.curve_distances import curve_distances
from lossatlas.landscape.surveys.eigenvalues import eigenvalues
from lossatlas.landscape.surveys.ensemble import ensemble
from lossatlas.landscape.surveys.interpolation import interpolation
from lossatlas.landscape.surveys.jacobian import jacobian
from lossatlas.landscape.surveys.level_sets import level_sets
from lossatlas.landscape.surveys.line import line
from lossatlas.landscape.surveys.path import path
from lossatlas.landscape.surveys.plane import curve_plane, plane
from lossatlas.landscape.surveys.sam_sharpness import sam_sharpness
from lossatlas.landscape.surveys.sharpness import sharpness
from lossatlas.landscape.surveys.spanning_tree import spanning_tree
from lossatlas.landscape.surveys.spectrum import spectrum
from lossatlas.landscape.surveys.step_time import step_time
from lossatlas.landscape.surveys.surface import surface
from lossatlas.landscape.surveys.trace import trace
from lossatlas.landscape.surveys.trajectory import trajectory
from lossatlas.landscape.surveys.tunnel import tunnel
from lossatlas.landscape.surveys.twins import twins
from lossatlas.landscape.surveys.weights import weights

__all__ = [
    "aligned",
    "convexity",
    "curve_distances",
    "curve_plane",
    "eigenvalues",
    "ensemble",
    "interpolation",
    "jacobian",
    "level_sets",
    "line",
    "path",
    "plane",
    "sam_sharpness",
    "sharpness",
    "spanning_tree",
    "spectrum",
    "step_time",
    "surface",
    "trace",
    "trajectory",
    "tunnel",
    "twins",
    "weights",
]
