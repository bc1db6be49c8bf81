"""Extreme eigenvalues of the Hessian or of the Gauss-Newton matrix."""

from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from lossatlas.landscape.curvature.lanczos import lanczos
from lossatlas.landscape.curvature.operators import SymmetricOperator, matrix_of
from lossatlas.landscape.curvature.parameters import Parameters, parameters_described
from lossatlas.landscape.curvature.ritz import Wanted
from lossatlas.landscape.engine import EXACT, Engine
from lossatlas.landscape.mapping.map_points import Progress, map_points
from lossatlas.landscape.measuring.evaluate import identity, settings
from lossatlas.landscape.measuring.prepared import prepared
from lossatlas.landscape.problem import Problem
from lossatlas.landscape.survey import survey

_QUANTITIES = {
    "eigenvalue": "eigenvalue",
    "residual": "norm of A v - eigenvalue v: an eigenvalue lies within it",
    "error": "estimated error of the eigenvalue, residual**2 / gap where that is smaller",
}


@survey(
    products=43, added={"parameters": None, "convention": "lossatlas"}
)  # the larger of those of the two networks in benchmarks/eigenvalues.json
def eigenvalues(
    problem: Problem,
    *,
    smallest: int = 1,
    largest: int = 1,
    matrix: str = "hessian",
    parameters: Parameters = None,
    convention: str = "lossatlas",
    split: str = "train",
    tolerance: float = 0.01,
    iterations: int = 300,
    seed: int = 0,
    engine: Engine = EXACT,
    journal: str | Path | None = None,
    progress: Progress | None = None,
) -> xr.Dataset:
    """Extreme eigenvalues, ``smallest`` and ``largest`` so many, of ``matrix`` of the mean loss over ``split``.

    Both ends come from one run of Lanczos' method with full reorthogonalisation, from a random vector. A k-fold
    eigenvalue counts once, unless the run has exhausted the space of its random vector.

    Parameters
    ----------
    problem : Problem
        Network, loss and data; left as they were.
    smallest : int, default 1
        Number of eigenvalues at the lower end.
    largest : int, default 1
        Number of eigenvalues at the upper end.
    matrix : {"hessian", "gauss_newton"}, default "hessian"
        Matrix of the mean loss over ``split``, in the dtype of the weights.
    parameters : {"all", "matrices"}, sequence of str or None, default None
        By which second derivatives are taken: all, those of two or more dimensions, or names and patterns of names
        (`parameters_chosen`); None: what ``convention`` says.
    convention : {"lossatlas", "li2018"}, default "lossatlas"
        "lossatlas": all parameters; "li2018": as the code of Li et al., those of two or more dimensions.
    split : str, default "train"
        Part of the data over which the loss is averaged.
    tolerance : float, default 0.01
        The run ends when each residual is at most this share of the eigenvalue, as `Wanted` says; between 0 and 1.
    iterations : int, default 300
        Products of the matrix with a vector after which it ends anyway.
    seed : int, default 0
        Seed of the random vector.
    engine : Engine, optional
        Batches and subsample; derivatives are in the weights' dtype, and ``evaluation`` must be "eval".
    journal : str or Path, optional
        File that keeps finished points, from which an interrupted survey goes on (`Journal`); None: nothing is kept.
    progress : callable, optional
        Called with the numbers of finished and of all points, also between the products; may raise to stop the
        survey.

    Returns
    -------
    xr.Dataset
        Dimensionless: ``eigenvalue``, ``residual``, within which an eigenvalue lies, and ``error``, an estimate, all
        over (end, rank), rank 1 the outermost, NaN where fewer were asked for or the matrix is not finite; and the
        scalars ``products`` and ``converged``, 0 if ``iterations`` ended the run, or rounding before the residuals
        were as small as ``tolerance`` wants them.

    Raises
    ------
    ValueError
        For a value out of its range.

    Examples
    --------
    >>> import torch
    >>> x = torch.tensor([[1.0, 0.0], [0.0, 3.0]])
    >>> model = torch.nn.Linear(2, 1, bias=False)
    >>> problem = Problem(model, torch.nn.MSELoss(), {"train": (x, torch.zeros(2, 1))})
    >>> eigenvalues(problem).eigenvalue.sel(rank=1).values.round(4)  # of 2 X'X / 2 = diag(1, 9)
    array([1., 9.])
    """
    wanted = Wanted(smallest, largest, tolerance)
    attributes = {
        "survey": "eigenvalues",
        "split": split,
        "matrix": matrix,
        "parameters": parameters_described(parameters, convention),
        "convention": convention,
        "smallest": smallest,
        "largest": largest,
        "tolerance": tolerance,
        "iterations": iterations,
        "seed": seed,
    }
    with prepared(problem, splits=[split], engine=engine.for_derivatives()) as ready:
        attributes |= settings(ready)
        operator = matrix_of(ready, split, matrix, parameters, convention)

        def measure(_: int) -> list[float]:
            return _run(operator, wanted, iterations, seed, progress)

        header = {**attributes, **identity(ready)}
        row = map_points(1, measure, journal=journal, header=header, progress=progress)[0]
    return _dataset(row, wanted, attributes)


def _run(
    operator: SymmetricOperator, wanted: Wanted, iterations: int, seed: int, progress: Progress | None
) -> list[float]:
    """The quantities of `_dataset` in one row."""
    heard = None if progress is None else lambda: progress(0, 1)
    try:
        found = lanczos(operator, wanted, iterations=iterations, seed=seed, heard=heard)
    except ArithmeticError:
        return [np.nan] * (len(_QUANTITIES) * wanted.number) + [0.0, 0.0]
    parts = [
        part for pairs in (found.low, found.high) for part in (pairs.values, pairs.residuals, pairs.errors)
    ]
    missing = wanted.smallest + wanted.largest - len(found.low.values) - len(found.high.values)
    if missing:
        raise ValueError(f"iterations must be enough for {missing} eigenvalues more, got {iterations}")
    return [*np.concatenate(parts).tolist(), float(found.products), float(found.converged)]


def _dataset(row: NDArray[np.float64], wanted: Wanted, attributes: dict[str, Any]) -> xr.Dataset:
    ranks = max(wanted.smallest, wanted.largest)
    table = np.full((len(_QUANTITIES), 2, ranks), np.nan)
    low, high = np.split(row[:-2], [len(_QUANTITIES) * wanted.smallest])
    table[:, 0, : wanted.smallest] = low.reshape(len(_QUANTITIES), -1)
    table[:, 1, : wanted.largest] = high.reshape(len(_QUANTITIES), -1)
    variables: dict[str, Any] = {
        name: (("end", "rank"), values, {"long_name": meaning, "units": "1"})
        for (name, meaning), values in zip(_QUANTITIES.items(), table, strict=True)
    }
    counts = {"products": "products of the matrix and a vector", "converged": "whether it converged, 0 or 1"}
    for (name, meaning), value in zip(counts.items(), row[-2:], strict=True):
        variables[name] = ((), int(value), {"long_name": meaning, "units": "1"})
    axes = {
        "end": ("end", ["smallest", "largest"], {"long_name": "end of the spectrum"}),
        "rank": ("rank", np.arange(1, ranks + 1), {"long_name": "place from the end", "units": "1"}),
    }
    return xr.Dataset(variables, axes, attributes)
