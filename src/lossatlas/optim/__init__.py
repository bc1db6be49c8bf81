"""Optimizers, learning-rate schedules as functions of the epoch, and regularisers of the weights."""

from lossatlas.optim.adam import Adam, NAdam
from lossatlas.optim.cycles import Cyclic, CyclicCosine, Restarted, Triangular, WarmRestarts
from lossatlas.optim.decays import Exponential, InverseTime, Polynomial, StepEvery
from lossatlas.optim.first_order import AdaGrad, Momentum, RMSProp
from lossatlas.optim.hard_concrete import L0
from lossatlas.optim.max_norm import MaxNorm
from lossatlas.optim.monitoring import Monitoring, Plateau
from lossatlas.optim.muon import Muon
from lossatlas.optim.noise import GradientNoise, WeightNoise
from lossatlas.optim.penalties import L1, L2, ElasticNet, Orthogonality
from lossatlas.optim.quickprop import Quickprop
from lossatlas.optim.sam import SAM
from lossatlas.optim.schedules import Constant, Cosine, Linear, Schedule, Step
from lossatlas.optim.second_order import HessianFree, Newton, SaddleFreeNewton
from lossatlas.optim.warming import OneCycle, Zigzag, warmed_up

__all__ = [
    "L0",
    "L1",
    "L2",
    "SAM",
    "AdaGrad",
    "Adam",
    "Constant",
    "Cosine",
    "Cyclic",
    "CyclicCosine",
    "ElasticNet",
    "Exponential",
    "GradientNoise",
    "HessianFree",
    "InverseTime",
    "Linear",
    "MaxNorm",
    "Momentum",
    "Monitoring",
    "Muon",
    "NAdam",
    "Newton",
    "OneCycle",
    "Orthogonality",
    "Plateau",
    "Polynomial",
    "Quickprop",
    "RMSProp",
    "Restarted",
    "SaddleFreeNewton",
    "Schedule",
    "Step",
    "StepEvery",
    "Triangular",
    "WarmRestarts",
    "WeightNoise",
    "Zigzag",
    "warmed_up",
]
