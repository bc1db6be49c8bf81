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
from lossatlas.landscape.connectivity.activation_patterns import activation_patterns
from lossatlas.landscape.connectivity.aligned import aligned
from lossatlas.landscape.connectivity.curve_distances import curve_distances
from lossatlas.landscape.connectivity.interpolation import interpolation
from lossatlas.landscape.connectivity.path import path
from lossatlas.landscape.connectivity.plane import curve_plane, plane
from lossatlas.landscape.connectivity.spanning_tree import spanning_tree
from lossatlas.landscape.connectivity.triangle import triangle
from lossatlas.landscape.connectivity.tunnel import tunnel
from lossatlas.landscape.curvature.convexity import convexity
from lossatlas.landscape.curvature.eigenvalues import eigenvalues
from lossatlas.landscape.curvature.extremes import HessianDirections, extreme_eigenvalues, hessian_directions
from lossatlas.landscape.curvature.hessian_noise import hessian_noise
from lossatlas.landscape.curvature.spectrum import spectrum
from lossatlas.landscape.curvature.trace import trace
from lossatlas.landscape.directions import (
    CoordinateDirections,
    DirectionFile,
    GivenDirections,
    RandomDirections,
    SeveralDirections,
    TowardsNetworks,
    write_directions,
)
from lossatlas.landscape.directions.direction_set import DirectionSet
from lossatlas.landscape.directions.normalization import normalize_direction, random_direction
from lossatlas.landscape.engine import Engine
from lossatlas.landscape.ensembles.dropout_ensemble import dropout_ensemble
from lossatlas.landscape.ensembles.ensemble import ensemble
from lossatlas.landscape.flatness.adversarial import adversarial
from lossatlas.landscape.flatness.compression import compression
from lossatlas.landscape.flatness.jacobian import jacobian
from lossatlas.landscape.flatness.level_sets import level_sets
from lossatlas.landscape.flatness.lipschitz import lipschitz
from lossatlas.landscape.flatness.rescaling import rescaled
from lossatlas.landscape.flatness.sam_sharpness import sam_sharpness
from lossatlas.landscape.flatness.sharpness import sharpness
from lossatlas.landscape.flatness.twins import twins
from lossatlas.landscape.flatness.weight_spectrum import weight_spectrum
from lossatlas.landscape.flatness.weights import weights
from lossatlas.landscape.mapping.journal import Journal
from lossatlas.landscape.mapping.map_points import Progress
from lossatlas.landscape.measuring.evaluate import evaluate
from lossatlas.landscape.measuring.gradient import GradientDirections
from lossatlas.landscape.problem import Loss, Problem
from lossatlas.landscape.sampling.adaptive import Adaptive
from lossatlas.landscape.shapes.bezier_triangle import BezierTriangle
from lossatlas.landscape.shapes.controlled_curve import ControlledCurve
from lossatlas.landscape.shapes.curve_families import Bezier, CurveFamily, PolygonalChain
from lossatlas.landscape.shapes.curves import Curve, Polyline
from lossatlas.landscape.shapes.grid import Grid, Points
from lossatlas.landscape.shapes.lines import Bundle, Line, Segment
from lossatlas.landscape.shapes.plane import Plane
from lossatlas.landscape.signals.feature_rank import feature_rank
from lossatlas.landscape.signals.gradient_noise import gradient_noise
from lossatlas.landscape.signals.signal_propagation import signal_propagation
from lossatlas.landscape.slices.along_training import along_training
from lossatlas.landscape.slices.line import line
from lossatlas.landscape.slices.principal_directions import PrincipalDirections
from lossatlas.landscape.slices.surface import surface
from lossatlas.landscape.slices.trajectory import trajectory
from lossatlas.landscape.step_timing import step_time
from lossatlas.weight_space import Weights, norm, parameters, state, statistics

__all__ = [
    "Adaptive",
    "Bezier",
    "BezierTriangle",
    "Bundle",
    "ControlledCurve",
    "CoordinateDirections",
    "Curve",
    "CurveFamily",
    "DirectionFile",
    "DirectionSet",
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
    "activation_patterns",
    "adversarial",
    "align",
    "aligned",
    "along_training",
    "compression",
    "convexity",
    "curve_distances",
    "curve_plane",
    "dropout_ensemble",
    "eigenvalues",
    "ensemble",
    "evaluate",
    "extreme_eigenvalues",
    "feature_rank",
    "gradient_noise",
    "hessian_directions",
    "hessian_noise",
    "interpolation",
    "jacobian",
    "level_sets",
    "line",
    "lipschitz",
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
    "signal_propagation",
    "spanning_tree",
    "spectrum",
    "state",
    "statistics",
    "step_time",
    "surface",
    "trace",
    "trajectory",
    "triangle",
    "tunnel",
    "twins",
    "unit_groups",
    "weight_spectrum",
    "weights",
    "write_directions",
]
