"""Stochastic trace estimation of a matrix that is known by its products with vectors."""

from collections.abc import Callable, Mapping
from functools import cached_property
from math import isfinite, nan
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
import xarray as xr
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from lossatlas.landscape.curvature.operators import SymmetricOperator, inner, matrix_of, probe
from lossatlas.landscape.curvature.parameters import Parameters, parameters_described
from lossatlas.landscape.engine import EXACT, Engine
from lossatlas.landscape.mapping.map_points import Progress, map_points
from lossatlas.landscape.measuring.evaluate import identity, settings
from lossatlas.landscape.measuring.prepared import prepared
from lossatlas.landscape.problem import Problem
from lossatlas.landscape.survey import survey


class TraceEstimate(NamedTuple):
    """Trace estimate: a mean over independent probes, and its standard error, NaN for a single probe."""

    value: float
    standard_error: float

    @classmethod
    def of(cls, samples: ArrayLike, offset: float = 0.0) -> "TraceEstimate":
        """The mean of ``samples``, (m,), plus a constant.

        >>> TraceEstimate.of([1.0, 3.0], offset=10.0)
        TraceEstimate(value=12.0, standard_error=1.0)
        """
        values = np.asarray(samples, np.float64)
        spread = float(values.std(ddof=1)) if len(values) > 1 else nan
        return cls(offset + float(values.mean()), spread / len(values) ** 0.5)

    def within(self, tolerance: float | None) -> bool:
        """Whether the standard error is at most ``tolerance`` times the value's size; never for None.

        >>> TraceEstimate(-100.0, 0.5).within(0.01), TraceEstimate(-100.0, 0.5).within(None)
        (True, False)
        """
        known = tolerance is not None and isfinite(self.standard_error)
        return known and self.standard_error <= tolerance * abs(self.value)  # type: ignore[operator]


class SketchedTrace:
    """Hutch++ estimator: tr A = tr Q'AQ + tr (I - QQ')A(I - QQ'), the first part exactly, the second by probes.

    Q is an orthonormal basis of A S, with S (n, ``sketch``) of random signs. It catches the large eigenvalues,
    which dominate the spread of the probes (Hutch++: Meyer et al. 2021, arXiv:2010.09649, algorithm 1); the
    estimate is unbiased for every Q. With ``sketch`` 0 there is no Q, and this is Hutchinson's estimator. A
    sketch costs twice its size in products, and memory for as many vectors; Q is made when first needed. More
    than n dimensions are n. ValueError if ``sketch`` is negative.

    >>> class Diagonal:
    ...     n, dtype, device = 3, torch.float64, torch.device("cpu")
    ...     def __call__(self, vector):
    ...         return torch.tensor([1.0, 2.0, 4.0], dtype=torch.float64) * vector
    >>> estimate = SketchedTrace(Diagonal(), sketch=3, seed=0)  # all of it
    >>> round(estimate.caught(), 12), abs(round(estimate.sample(0), 12))
    (7.0, 0.0)
    """

    def __init__(self, operator: SymmetricOperator, *, sketch: int, seed: int) -> None:
        if sketch < 0:
            raise ValueError(f"sketch must be >= 0, got {sketch}")
        self.sketch = min(sketch, operator.n)
        self._operator = operator
        self._seed = seed

    @cached_property
    def _basis(self) -> Tensor:
        """Q', (sketch, n)."""
        columns = [
            self._operator(probe(self._operator, self._seed, index, "sketch")) for index in range(self.sketch)
        ]
        return torch.linalg.qr(torch.stack(columns, dim=1)).Q.T.contiguous()

    def caught(self) -> float:
        """Trace of Q'AQ."""
        return sum(inner(q, self._operator(q)) for q in self._basis) if self.sketch else 0.0

    def sample(self, index: int) -> float:
        """z'(I - QQ')A(I - QQ')z for probe z number ``index``, whose mean is the rest of the trace."""
        z = probe(self._operator, self._seed, index)
        if self.sketch:
            z = z - (self._basis @ z) @ self._basis
        return inner(z, self._operator(z))


_ROUND = (
    10  # probes between two looks at the standard error: from fewer it is not known well enough to stop at
)


@survey(
    products=lambda sketch, probes, **_: (2 * sketch + probes) / (probes + 1),
    added={"parameters": None, "convention": "lossatlas"},
)
def trace(
    problem: Problem,
    *,
    probes: int = 60,
    sketch: int = 20,
    tolerance: float | None = 0.01,
    matrix: str = "hessian",
    parameters: Parameters = None,
    convention: str = "lossatlas",
    seed: int = 0,
    split: str = "train",
    engine: Engine = EXACT,
    journal: str | Path | None = None,
    progress: Progress | None = None,
) -> xr.Dataset:
    """Trace of ``matrix`` of the mean loss over ``split`` with its standard error.

    The trace over a subspace that catches the large eigenvalues is computed exactly, and the rest estimated from
    random vectors of signs. Each probe costs a product of the matrix with a vector.

    Parameters
    ----------
    problem : Problem
        Network, loss and data; left as they were.
    probes : int, default 60
        Largest number of random vectors, >= 2.
    sketch : int, default 20
        Dimensions of the subspace, of which each costs two products; with 0 it is Hutchinson's estimator.
    tolerance : float or None, default 0.01
        Every ten probes it stops if the standard error is at most this share of the trace; None: never.
    matrix : {"hessian", "gauss_newton"}, default "hessian"
        Matrix of the mean loss over ``split``, in the dtype of the weights.
    parameters : {"all", "matrices"}, sequence of str or None, default None
        By which second derivatives are taken: all, those of two or more dimensions, or names and patterns of names
        (`parameters_chosen`); None: what ``convention`` says.
    convention : {"lossatlas", "li2018"}, default "lossatlas"
        "lossatlas": all parameters; "li2018": as the code of Li et al., those of two or more dimensions.
    seed : int, default 0
        Seed of the random vectors.
    split : str, default "train"
        Part of the data over which the loss is averaged.
    engine : Engine, optional
        Batches and subsample; derivatives are in the weights' dtype, and ``evaluation`` must be "eval".
    journal : str or Path, optional
        File that keeps finished points, from which an interrupted survey goes on (`Journal`); None: nothing is kept.
    progress : callable, optional
        Called with the numbers of finished and of all points; may raise to stop the survey.

    Returns
    -------
    xr.Dataset
        Dimensionless: the scalars ``trace``, ``standard_error`` over the probes, ``caught``, the part of the trace in
        the subspace, and ``products``; and ``sample`` over (probe,), NaN where it was not needed.

    Raises
    ------
    ValueError
        For a value out of its range.

    References
    ----------
    Meyer et al. 2021, arXiv:2010.09649, algorithm 1; Hutchinson 1990.

    Examples
    --------
    >>> import torch
    >>> model = torch.nn.Linear(2, 1, bias=False)
    >>> x = torch.tensor([[1.0, 0.0], [0.0, 3.0]])
    >>> problem = Problem(model, torch.nn.MSELoss(), {"train": (x, torch.zeros(2, 1))})
    >>> round(trace(problem, sketch=2).trace.item(), 4)  # of 2 X'X / 2 = diag(1, 9)
    10.0
    """
    _check(probes, tolerance)
    with prepared(problem, splits=[split], engine=engine.for_derivatives()) as ready:
        parts = SketchedTrace(
            matrix_of(ready, split, matrix, parameters, convention), sketch=sketch, seed=seed
        )
        attributes = {
            "survey": "trace",
            "split": split,
            "matrix": matrix,
            "parameters": parameters_described(parameters, convention),
            "convention": convention,
            "sketch": parts.sketch,
            "seed": seed,
            **settings(ready),
        }

        def measure(index: int) -> list[float]:
            return [parts.sample(index - 1) if index else parts.caught()]

        header = {**attributes, **identity(ready)}
        values = _in_rounds(probes, tolerance, measure, journal, header, progress)
    wanted = {"probes": probes, "tolerance": "none" if tolerance is None else tolerance}
    return _dataset(values, probes, {**attributes, **wanted})


def _in_rounds(
    probes: int,
    tolerance: float | None,
    measure: Callable[[int], list[float]],
    journal: str | Path | None,
    header: Mapping[str, Any],
    progress: Progress | None,
) -> NDArray[np.float64]:
    """What the sketch caught, then the samples that were needed, in an order that no number of ranks changes."""
    report = progress or (lambda done, total: None)
    values = np.empty(0)
    for last in (*range(_ROUND, probes, _ROUND), probes):
        taken = len(values)
        rows = map_points(
            probes + 1,
            measure,
            indices=range(taken, last + 1),
            journal=journal,
            header=header,
            progress=lambda done, _, taken=taken: report(taken + done, probes + 1),  # type: ignore[misc]
        )
        values = np.concatenate([values, rows[:, 0]])
        if TraceEstimate.of(values[1:], values[0]).within(tolerance):
            break
    return values


def _dataset(values: NDArray[np.float64], probes: int, attributes: dict[str, Any]) -> xr.Dataset:
    caught, samples = float(values[0]), values[1:]
    estimate = TraceEstimate.of(samples, caught)
    padded = np.full(probes, np.nan)
    padded[: len(samples)] = samples

    def about(meaning: str) -> dict[str, str]:
        return {"long_name": meaning, "units": "1"}

    return xr.Dataset(
        {
            "trace": ((), estimate.value, about("trace of the matrix")),
            "standard_error": ((), estimate.standard_error, about("standard error of the trace over probes")),
            "caught": ((), caught, about("trace within the sketched subspace")),
            "products": (
                (),
                2 * attributes["sketch"] + len(samples),
                about("products of the matrix and a vector"),
            ),
            "sample": ("probe", padded, about("estimate of the rest of the trace by one probe")),
        },
        {"probe": ("probe", np.arange(probes), about("number of the probe"))},
        attributes,
    )


def _check(probes: int, tolerance: float | None) -> None:
    if probes < 2:
        raise ValueError(f"probes must be >= 2, for a standard error, got {probes}")
    if tolerance is not None and not (isfinite(tolerance) and tolerance > 0):
        raise ValueError(f"tolerance must be finite and > 0, or None, got {tolerance}")
