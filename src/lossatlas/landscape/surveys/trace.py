"""The trace of the Hessian or of the Gauss-Newton matrix: the sum of all curvatures."""

from collections.abc import Callable, Mapping
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from lossatlas.landscape.curvature.operators import matrix_of
from lossatlas.landscape.curvature.trace import Estimate, SketchedTrace
from lossatlas.landscape.engine import EXACT, Engine
from lossatlas.landscape.evaluation import identity, settings
from lossatlas.landscape.measuring.bench import opened
from lossatlas.landscape.problem import Problem
from lossatlas.landscape.visiting.visit import Progress, visit

ROUND = (
    10  # probes between two looks at the standard error: from fewer it is not known well enough to stop at
)


def trace(
    problem: Problem,
    *,
    probes: int = 60,
    sketch: int = 20,
    tolerance: float | None = 0.01,
    matrix: str = "hessian",
    seed: int = 0,
    split: str = "train",
    engine: Engine = EXACT,
    journal: str | Path | None = None,
    progress: Progress | None = None,
) -> xr.Dataset:
    """Trace of ``matrix`` of the mean loss over ``split``, over all parameters, with its standard error.

    ``matrix`` is "hessian" or "gauss_newton". The trace over a subspace of ``sketch`` dimensions that catches
    the large eigenvalues is computed exactly, and the rest estimated from random vectors of signs (Meyer et
    al. 2021, algorithm 1; Hutchinson 1990 with ``sketch`` 0). It stops after ``probes`` probes, or, looking
    after every ten, where the standard error is at most ``tolerance`` of the trace (None: never). Each probe
    costs a product of the matrix with a vector, the sketch two for each of its dimensions.

    Returns the scalars ``trace``, ``standard_error`` over the probes, ``caught``, the part of the trace in the
    subspace, and ``products``; and ``sample`` over (probe,), NaN where it was not needed. ValueError for a
    value out of its range.

    >>> import torch
    >>> model = torch.nn.Linear(2, 1, bias=False)
    >>> x = torch.tensor([[1.0, 0.0], [0.0, 3.0]])
    >>> problem = Problem(model, torch.nn.MSELoss(), {"train": (x, torch.zeros(2, 1))})
    >>> round(trace(problem, sketch=2).trace.item(), 4)  # of 2 X'X / 2 = diag(1, 9)
    10.0
    """
    _check(probes, tolerance)
    with opened(problem, splits=[split], engine=engine.for_derivatives()) as bench:
        parts = SketchedTrace(matrix_of(bench, split, matrix), sketch=sketch, seed=seed)
        attributes = {
            "survey": "trace",
            "split": split,
            "matrix": matrix,
            "sketch": parts.sketch,
            "seed": seed,
            **settings(bench),
        }

        def measure(index: int) -> list[float]:
            return [parts.sample(index - 1) if index else parts.caught()]

        header = {**attributes, **identity(bench)}
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
    for last in (*range(ROUND, probes, ROUND), probes):
        taken = len(values)
        rows = visit(
            probes + 1,
            measure,
            indices=range(taken, last + 1),
            journal=journal,
            header=header,
            progress=lambda done, _, taken=taken: report(taken + done, probes + 1),  # type: ignore[misc]
        )
        values = np.concatenate([values, rows[:, 0]])
        if Estimate.of(values[1:], values[0]).within(tolerance):
            break
    return values


def _dataset(values: NDArray[np.float64], probes: int, attributes: dict[str, Any]) -> xr.Dataset:
    caught, samples = float(values[0]), values[1:]
    estimate = Estimate.of(samples, caught)
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
