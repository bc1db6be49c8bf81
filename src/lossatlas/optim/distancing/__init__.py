"""Distance penalty: repulsion from a network's own earlier weights; kernels, widths, and the force they exert."""

from lossatlas.optim.distancing.distance import Distance, Layout
from lossatlas.optim.distancing.force import Centre, DistanceForce, Pushed
from lossatlas.optim.distancing.kernels import RBF, Cauchy, Kernel, Laplace, Tanh
from lossatlas.optim.distancing.merging import EachCheckpoint, LastCheckpoint, MeanOfCheckpoints, Merging
from lossatlas.optim.distancing.pushes import Away, Nothing, Push, RandomDirection, Toward
from lossatlas.optim.distancing.widths import InverseWidth, Sigma, Travelled, Width

__all__ = [
    "RBF",
    "Away",
    "Cauchy",
    "Centre",
    "Distance",
    "DistanceForce",
    "EachCheckpoint",
    "InverseWidth",
    "Kernel",
    "Laplace",
    "LastCheckpoint",
    "Layout",
    "MeanOfCheckpoints",
    "Merging",
    "Nothing",
    "Push",
    "Pushed",
    "RandomDirection",
    "Sigma",
    "Tanh",
    "Toward",
    "Travelled",
    "Width",
]
