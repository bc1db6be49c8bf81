"""Keskar's sharpness: how far the loss can rise in a small box around the weights."""

from collections.abc import Sequence
from math import isfinite
from pathlib import Path

import numpy as np
import xarray as xr

from lossatlas.landscape.box import Neighbourhood, box_maximum, random_matrix
from lossatlas.landscape.engine import EXACT, Engine
from lossatlas.landscape.evaluation import identity, settings
from lossatlas.landscape.measuring.bench import opened
from lossatlas.landscape.problem import Problem
from lossatlas.landscape.visiting.visit import Progress, visit


def sharpness(
    problem: Problem,
    *,
    epsilons: Sequence[float] = (1e-3, 5e-4),
    iterations: int = 10,
    subspace: int | None = None,
    seed: int = 0,
    split: str = "train",
    engine: Engine = EXACT,
    journal: str | Path | None = None,
    progress: Progress | None = None,
) -> xr.Dataset:
    """Sharpness 100 (max f(x + A y) - f(x)) / (1 + f(x)) for each box size (Keskar et al. 2017, metric 2.1).

    f is the mean loss over ``split``, x all parameters, and y runs over the box abs(y_i) <= epsilon (abs((A^+
    x)_i) + 1). A is the identity, or with ``subspace`` = p a matrix with p columns of standard normal entries
    drawn from ``seed`` (the paper says only "randomly generated" and takes p = 100). The maximum is what
    ``iterations`` iterations of L-BFGS-B find from x, as in the paper.

    Returns ``sharpness`` in percent and ``loss_maximum`` over (epsilon,), and the scalar ``loss``. ValueError
    for a value out of its range.

    >>> import torch
    >>> data = {"train": (torch.eye(2), torch.arange(2))}
    >>> problem = Problem(torch.nn.Linear(2, 3), torch.nn.CrossEntropyLoss(), data)
    >>> dataset = sharpness(problem, epsilons=[1e-2, 1e-3])
    >>> bool(dataset.sharpness[0] > dataset.sharpness[1] > 0)
    True
    """
    n = sum(parameter.numel() for parameter in problem.model.parameters())
    _check(epsilons, iterations, subspace, n)
    with opened(problem, splits=[split], engine=engine.for_derivatives()) as bench:
        attributes = {
            "survey": "sharpness",
            "split": split,
            "iterations": iterations,
            "subspace": "all parameters" if subspace is None else subspace,
            "seed": seed,
            **settings(bench),
        }
        header = {**attributes, "epsilons": list(epsilons), **identity(bench)}
        matrix = None if subspace is None else random_matrix(n, subspace, seed, bench.dtype)
        around = Neighbourhood(bench, split, matrix)
        widths = np.abs(around.coordinates()) + 1
        loss, _ = around(np.zeros_like(widths))

        def measure(index: int) -> list[float]:
            return [box_maximum(around, epsilons[index] * widths, iterations=iterations, seed=seed)]

        maxima = visit(len(epsilons), measure, journal=journal, header=header, progress=progress)[:, 0]
    return xr.Dataset(
        {
            "sharpness": (
                "epsilon",
                100 * (maxima - loss) / (1 + loss),
                {"long_name": "Keskar's sharpness", "units": "percent"},
            ),
            "loss_maximum": ("epsilon", maxima, {"long_name": "largest loss found in the box", "units": "1"}),
            "loss": ((), loss, {"long_name": "mean loss over the split", "units": "1"}),
        },
        {"epsilon": ("epsilon", list(epsilons), {"long_name": "size of the box", "units": "1"})},
        attributes,
    )


def _check(epsilons: Sequence[float], iterations: int, subspace: int | None, n: int) -> None:
    if not len(epsilons) or not all(isfinite(epsilon) and epsilon > 0 for epsilon in epsilons):
        raise ValueError(f"epsilons must be positive numbers, got {list(epsilons)}")
    if iterations < 1:
        raise ValueError(f"iterations must be >= 1, got {iterations}")
    if subspace is not None and not 1 <= subspace <= n:
        raise ValueError(f"subspace must be between 1 and the network's {n} parameters, got {subspace}")
