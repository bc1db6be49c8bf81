"""Learning-rate schedules as functions of the epoch, and penalties as functions of the weights."""

from lossatlas.optim.cycles import Cyclic, CyclicCosine, Restarted, Triangular, WarmRestarts
from lossatlas.optim.penalties import L2
from lossatlas.optim.schedules import Constant, Cosine, Linear, Schedule, Step

__all__ = [
    "L2",
    "Constant",
    "Cosine",
    "Cyclic",
    "CyclicCosine",
    "Linear",
    "Restarted",
    "Schedule",
    "Step",
    "Triangular",
    "WarmRestarts",
]
