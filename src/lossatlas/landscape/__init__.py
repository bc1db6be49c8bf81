"""Surveys of the loss around and between networks' weights, for any module, any loss and any data.

>>> import torch
>>> from lossatlas.landscape import Problem, surface
>>> model = torch.nn.Sequential(torch.nn.Linear(2, 8), torch.nn.ReLU(), torch.nn.Linear(8, 3))
>>> data = {"train": (torch.randn(30, 2), torch.arange(30) % 3)}
>>> dataset = surface(Problem(model, torch.nn.CrossEntropyLoss(), data), points=11)
>>> dict(dataset.loss.sizes)
{'split': 1, 'y': 11, 'x': 11}
"""

from lossatlas.landscape.directions import normalize_direction, random_direction
from lossatlas.landscape.engine import Engine
from lossatlas.landscape.evaluation import evaluate
from lossatlas.landscape.grid import Grid, Points
from lossatlas.landscape.journal import Journal
from lossatlas.landscape.lines import Bundle, Line, Segment
from lossatlas.landscape.plane import Plane
from lossatlas.landscape.problem import Loss, Problem
from lossatlas.landscape.surveys import interpolation, line, sharpness, surface, weights
from lossatlas.landscape.visit import Progress
from lossatlas.landscape.weight_space import Weights, norm, parameters, state, statistics

__all__ = [
    "Bundle",
    "Engine",
    "Grid",
    "Journal",
    "Line",
    "Loss",
    "Plane",
    "Points",
    "Problem",
    "Progress",
    "Segment",
    "Weights",
    "evaluate",
    "interpolation",
    "line",
    "norm",
    "normalize_direction",
    "parameters",
    "random_direction",
    "sharpness",
    "state",
    "statistics",
    "surface",
    "weights",
]
