"""Learning-rate schedules as functions of the epoch, and regularisers as functions of the weights."""

from lossatlas.optim.cycles import Cyclic, CyclicCosine, Restarted, Triangular, WarmRestarts
from lossatlas.optim.hard_concrete import L0
from lossatlas.optim.max_norm import MaxNorm
from lossatlas.optim.noise import GradientNoise, WeightNoise
from lossatlas.optim.penalties import L1, L2, ElasticNet, Orthogonality
from lossatlas.optim.schedules import Constant, Cosine, Linear, Schedule, Step

__all__ = [
    "L0",
    "L1",
    "L2",
    "Constant",
    "Cosine",
    "Cyclic",
    "CyclicCosine",
    "ElasticNet",
    "GradientNoise",
    "Linear",
    "MaxNorm",
    "Orthogonality",
    "Restarted",
    "Schedule",
    "Step",
    "Triangular",
    "WarmRestarts",
    "WeightNoise",
]
