"""Convexity over a plane: the extreme eigenvalues of the Hessian at each point."""

from collections.abc import Sequence
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray

from lossatlas.landscape.curvature.davidson import davidson
from lossatlas.landscape.curvature.lanczos import lanczos
from lossatlas.landscape.curvature.operators import SymmetricOperator, matrix_of
from lossatlas.landscape.curvature.parameters import Parameters, parameters_described
from lossatlas.landscape.curvature.ritz import Wanted
from lossatlas.landscape.curvature.warm_start import WarmStart, WarmStarts
from lossatlas.landscape.directions import Along, RandomDirections, directions_along
from lossatlas.landscape.engine import EXACT, Engine
from lossatlas.landscape.mapping.map_points import Progress, map_points
from lossatlas.landscape.mapping.ranks import ranks
from lossatlas.landscape.measuring.evaluate import identity, settings
from lossatlas.landscape.measuring.prepared import PreparedProblem, prepared
from lossatlas.landscape.problem import Problem
from lossatlas.landscape.shapes.grid import Grid
from lossatlas.landscape.shapes.plane import Plane
from lossatlas.landscape.survey import survey

_MEASURED = {
    "loss": "mean loss over the split",
    "lambda_min": "smallest eigenvalue",
    "lambda_max": "largest eigenvalue",
    "residual_min": "distance from lambda_min within which an eigenvalue lies",
    "residual_max": "distance from lambda_max within which an eigenvalue lies",
    "products": "products of the matrix and a vector",
    "converged": "whether both eigenvalues converged, 0 or 1",
}


@survey(
    products=10.71,  # the larger of those of the two networks in benchmarks/convexity.json, warm
    version=lambda convention, **_: 2 if convention == "li2018" else 1,  # 1: by all parameters
    added={"parameters": None},
)
def convexity(
    problem: Problem,
    *,
    points: int = 25,
    extent: float = 1.0,
    seed: int = 123,
    normalize: str = "filter",
    ignore: str = "biasbn",
    statistics: bool = False,
    convention: str = "lossatlas",
    along: Along = None,
    matrix: str = "hessian",
    parameters: Parameters = None,
    split: str = "train",
    tolerance: float = 0.05,
    iterations: int = 300,
    start_seed: int = 0,
    warm: bool = True,
    engine: Engine = EXACT,
    journal: str | Path | None = None,
    progress: Progress | None = None,
) -> xr.Dataset:
    """Smallest and largest eigenvalue of the Hessian over a plane (Li et al. 2018, figure 7).

    The plane and its points are those of `surface` with the same options, the matrix and the accuracy those of
    `eigenvalues`.

    Parameters
    ----------
    problem : Problem
        Network, loss and data; left as they were.
    points : int, default 25
        Points along each axis, >= 2.
    extent : float, default 1.0
        x and y lie in [-``extent``, ``extent``], in units of the directions.
    seed : int, default 123
        Seed of the random directions.
    normalize : {"filter", "layer", "weight", "none"}, default "filter"
        Rescale random directions to the size of each filter, layer or weight, or not at all (`normalize_direction`).
    ignore : {"biasbn", "none"}, default "biasbn"
        Tensors that stay: those of fewer than two dimensions (biases, normalisation layers), or none.
    statistics : bool, default False
        Whether running means and variances of batch norm move too, as "states" in Li et al.'s code; ``ignore`` =
        "biasbn" leaves them where they are.
    convention : {"lossatlas", "li2018"}, default "lossatlas"
        Rules for drawing, small tensors and variances below zero, and of which parameters the matrix is: this
        library's, or those of Li et al.'s code, whose eigenvalues are by parameters of two or more dimensions.
    along : mapping, directions or a list of these, optional
        In place of the random directions, whose options must then be left alone: tensors by parameter name, or for
        example `GradientDirections`.
    matrix : {"hessian", "gauss_newton"}, default "hessian"
        Matrix of the mean loss over ``split``, in the dtype of the weights.
    parameters : {"all", "matrices"}, sequence of str or None, default None
        By which second derivatives are taken: all, those of two or more dimensions, or names and patterns of names
        (`parameters_chosen`); None: what ``convention`` says.
    split : str, default "train"
        Part of the data over which the loss is averaged.
    tolerance : float, default 0.05
        Largest residual as a share of the eigenvalue, between 0 and 1.
    iterations : int, default 300
        Largest number of products of the matrix with a vector at a point.
    start_seed : int, default 0
        Seed of the random vector that a run begins with.
    warm : bool, default True
        Whether each point but the first of a row begins with the eigenvectors of its neighbour, which takes about two
        thirds of the products; a row is then measured by one rank, in order, and its last eigenvectors are kept
        beside the ``journal`` until the survey is finished. A point after one without eigenvalues begins anew.
    engine : Engine, optional
        Batches and subsample; derivatives are in the weights' dtype, and ``evaluation`` must be "eval".
    journal : str or Path, optional
        File that keeps finished points, from which an interrupted survey goes on (`Journal`); None: nothing is kept.
    progress : callable, optional
        Called with the numbers of finished and of all points; may raise to stop the survey.

    Returns
    -------
    xr.Dataset
        Dimensionless, over (y, x): ``lambda_min``, ``lambda_max``, the paper's ``ratio`` abs(lambda_min /
        lambda_max), ``loss``, ``residual_min`` and ``residual_max``, ``products`` and ``converged``. Eigenvalues are
        NaN where the loss or the Hessian is not finite; the attribute ``not_finite`` counts these points.

    Raises
    ------
    ValueError
        For a value out of its range.

    References
    ----------
    Li et al. 2018, arXiv:1712.09913.

    Examples
    --------
    >>> data = {"train": (torch.eye(2), torch.arange(2))}
    >>> problem = Problem(torch.nn.Linear(2, 3), torch.nn.CrossEntropyLoss(), data)
    >>> dataset = convexity(problem, points=3)
    >>> bool((dataset.ratio < 0.01).all())  # convex: logistic regression
    True
    """
    wanted = Wanted(1, 1, tolerance)
    of_directions = "lossatlas" if along is not None else convention  # those that are given need none
    direction_set = directions_along(
        along, RandomDirections(seed, normalize, ignore, statistics, of_directions), problem
    )
    along_x, along_y = direction_set.take(2)
    grid = Plane(direction_set.centre, along_x, along_y, direction_set.clamp).grid(points, extent=extent)
    attributes = {
        "survey": "convexity",
        **direction_set.attributes,
        "split": split,
        "matrix": matrix,
        "parameters": parameters_described(parameters, convention),
        "convention": convention,
        "tolerance": tolerance,
        "iterations": iterations,
        "start_seed": start_seed,
        "warm": int(warm),
    }
    with prepared(problem, splits=[split], engine=engine.for_derivatives()) as ready:
        attributes |= settings(ready)
        header = {**attributes, "points": points, "extent": extent, **identity(ready)}
        starts = WarmStarts(journal if warm else None, header)
        operator = matrix_of(ready, split, matrix, parameters, convention)
        point = _Point(ready, operator, wanted, iterations, start_seed)
        rows = _Rows(grid, point, starts, warm)
        chain = points if warm else 1
        values = map_points(
            len(grid), rows.measure, chain=chain, journal=journal, header=header, progress=progress
        )
        if ranks().rank == 0:
            starts.clear(range(points))
    return _dataset(values, grid, attributes)


class _Point:
    """Measuring at the prepared problem's present weights."""

    def __init__(
        self, ready: PreparedProblem, operator: SymmetricOperator, wanted: Wanted, iterations: int, seed: int
    ) -> None:
        self.ready = ready
        self._operator = operator
        self._wanted = wanted
        self._iterations = iterations
        self._seed = seed

    def measure(self, place: int, before: WarmStart | None) -> WarmStart:
        """Values in the order of `_MEASURED`, and the eigenvectors, found from those of the point ``before``."""
        self._operator.refresh()
        loss = self.ready.measure()[0]
        nothing = WarmStart(place, [loss, *[np.nan] * 4, 0.0, 0.0], torch.zeros(0, self._operator.n))
        if not isfinite(loss):
            return nothing
        try:
            if before is None or not len(before.vectors):
                found = lanczos(self._operator, self._wanted, iterations=self._iterations, seed=self._seed)
            else:
                found = davidson(self._operator, before.vectors, self._wanted, iterations=self._iterations)
        except ArithmeticError:
            return nothing
        ends = [float(part[0]) for part in (found.low.values, found.high.values)]
        bounds = [float(part[0]) for part in (found.low.residuals, found.high.residuals)]
        return WarmStart(
            place, [loss, *ends, *bounds, float(found.products), float(found.converged)], found.vectors
        )


class _Rows:
    """The points of a grid, row by row, each but the first of a row begun with what its neighbour hands over."""

    def __init__(self, grid: Grid, point: _Point, starts: WarmStarts, warm: bool) -> None:
        self._grid = grid
        self._point = point
        self._starts = starts
        self._warm = warm

    def measure(self, index: int) -> Sequence[float]:
        """Values at point ``index``, in the order of `_MEASURED`."""
        if not self._warm:
            self._grid.weights_at(index, self._point.ready.weights)
            return self._point.measure(0, None).values
        row, place = divmod(index, self._grid.shape[1])
        start = self._starts.last(row, next(iter(self._point.ready.weights.values())).device)
        if start is not None and start.place > place:
            start = None  # of no use: the row is measured again from its first point on
        while start is None or start.place < place:
            start = self._next(row, start)
        return start.values

    def _next(self, row: int, start: WarmStart | None) -> WarmStart:
        place = 0 if start is None else start.place + 1
        self._grid.weights_at(row * self._grid.shape[1] + place, self._point.ready.weights)
        start = self._point.measure(place, start)
        self._starts.keep(row, start)
        return start


def _dataset(values: NDArray[np.float64], grid: Grid, attributes: dict[str, Any]) -> xr.Dataset:
    maps = dict(zip(_MEASURED, values.T.reshape(len(_MEASURED), *grid.shape), strict=True))
    variables: dict[str, Any] = {
        name: (tuple(grid.axes), maps[name], {"long_name": meaning, "units": "1"})
        for name, meaning in _MEASURED.items()
    }
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.abs(maps["lambda_min"] / maps["lambda_max"])
    variables["ratio"] = (
        tuple(grid.axes),
        ratio,
        {"long_name": "abs(lambda_min / lambda_max)", "units": "1"},
    )
    for name in ("products", "converged"):
        variables[name] = (variables[name][0], maps[name].astype(np.int64), variables[name][2])
    not_finite = int((~np.isfinite(maps["lambda_min"])).sum())
    return xr.Dataset(variables, dict(grid.axes), {**attributes, "not_finite": not_finite})
