"""Surveys of the loss around and between networks' weights, for any module, any loss and any data.

>>> import torch
>>> from lossatlas.landscape import Problem, surface
>>> model = torch.nn.Sequential(torch.nn.Linear(2, 8), torch.nn.ReLU(), torch.nn.Linear(8, 3))
>>> data = {"train": (torch.randn(30, 2), torch.arange(30) % 3)}
>>> dataset = surface(Problem(model, torch.nn.CrossEntropyLoss(), data), points=11)
>>> dict(dataset.loss.sizes)
{'split': 1, 'y': 11, 'x': 11}
"""

from lossatlas.landscape.alignment import align, match_weights, permuted, random_orders, unit_groups
from lossatlas.landscape.along import (
    CoordinateDirections,
    DirectionFile,
    GivenDirections,
    GradientDirections,
    HessianDirections,
    PrincipalDirections,
    RandomDirections,
    SeveralDirections,
    TowardsNetworks,
)
from lossatlas.landscape.curvature.extremes import extreme_eigenvalues, hessian_directions
from lossatlas.landscape.directions import normalize_direction, random_direction
from lossatlas.landscape.engine import Engine
from lossatlas.landscape.evaluation import evaluate
from lossatlas.landscape.problem import Loss, Problem
from lossatlas.landscape.rescaling import rescaled
from lossatlas.landscape.sampling.adaptive import Adaptive
from lossatlas.landscape.shapes.bezier import Bezier
from lossatlas.landscape.shapes.chain import PolygonalChain
from lossatlas.landscape.shapes.controlled import ControlledCurve
from lossatlas.landscape.shapes.curves import Curve, Polyline
from lossatlas.landscape.shapes.families import CurveFamily
from lossatlas.landscape.shapes.grid import Grid, Points
from lossatlas.landscape.shapes.lines import Bundle, Line, Segment
from lossatlas.landscape.shapes.plane import Plane
from lossatlas.landscape.surveys import (
    aligned,
    convexity,
    curve_distances,
    curve_plane,
    eigenvalues,
    ensemble,
    interpolation,
    jacobian,
    level_sets,
    line,
    path,
    plane,
    sam_sharpness,
    sharpness,
    spanning_tree,
    spectrum,
    step_time,
    surface,
    trace,
    trajectory,
    tunnel,
    twins,
    weights,
)
from lossatlas.landscape.visiting.journal import Journal
from lossatlas.landscape.visiting.visit import Progress
from lossatlas.landscape.weight_space import Weights, norm, parameters, state, statistics

__all__ = [
    "Adaptive",
    "Bezier",
    "Bundle",
    "ControlledCurve",
    "CoordinateDirections",
    "Curve",
    "CurveFamily",
    "DirectionFile",
    "Engine",
    "GivenDirections",
    "GradientDirections",
    "Grid",
    "HessianDirections",
    "Journal",
    "Line",
    "Loss",
    "Plane",
    "Points",
    "PolygonalChain",
    "Polyline",
    "PrincipalDirections",
    "Problem",
    "Progress",
    "RandomDirections",
    "Segment",
    "SeveralDirections",
    "TowardsNetworks",
    "Weights",
    "align",
    "aligned",
    "convexity",
    "curve_distances",
    "curve_plane",
    "eigenvalues",
    "ensemble",
    "evaluate",
    "extreme_eigenvalues",
    "hessian_directions",
    "interpolation",
    "jacobian",
    "level_sets",
    "line",
    "match_weights",
    "norm",
    "normalize_direction",
    "parameters",
    "path",
    "permuted",
    "plane",
    "random_direction",
    "random_orders",
    "rescaled",
    "sam_sharpness",
    "sharpness",
    "spanning_tree",
    "spectrum",
    "state",
    "statistics",
    "step_time",
    "surface",
    "trace",
    "trajectory",
    "tunnel",
    "twins",
    "unit_groups",
    "weights",
]
