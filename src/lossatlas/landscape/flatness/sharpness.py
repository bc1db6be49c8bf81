"""Keskar's sharpness: how far the loss can rise in a small box around the weights."""

from collections.abc import Callable, Sequence
from math import isfinite
from pathlib import Path

import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray
from scipy.optimize import Bounds, minimize
from torch import Tensor

from lossatlas.landscape.engine import EXACT, Engine
from lossatlas.landscape.mapping.map_points import Progress, map_points
from lossatlas.landscape.measuring.differentiating import check_gradient, check_width
from lossatlas.landscape.measuring.evaluate import identity, settings
from lossatlas.landscape.measuring.gradient import loss_and_gradient
from lossatlas.landscape.measuring.prepared import PreparedProblem, prepared
from lossatlas.landscape.problem import Problem
from lossatlas.landscape.survey import survey
from lossatlas.seeds import generator
from lossatlas.weight_space import flatten, unflatten


@survey(products=None)
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
    """Keskar's sharpness: 100 (max f(x + A y) - f(x)) / (1 + f(x)) for each box size (Keskar et al. 2017, metric 2.1).

    f is the mean loss over ``split``, x all parameters, and y runs over the box abs(y_i) <= epsilon (abs((A^+ x)_i) +
    1). The maximum is what L-BFGS-B finds from x, as in the paper.

    Parameters
    ----------
    problem : Problem
        Network, loss and data; left as they were.
    epsilons : sequence of float, default (1e-3, 5e-4)
        Sizes of the box, > 0.
    iterations : int, default 10
        Iterations of L-BFGS-B.
    subspace : int, optional
        Number of columns of A, of standard normal entries (the paper says only "randomly generated" and takes 100);
        None: A is the identity.
    seed : int, default 0
        Seed of A, and of the start where the gradient is exactly zero.
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
        ``sharpness`` in percent and the dimensionless ``loss_maximum`` over (epsilon,), and the scalar ``loss``.

    Raises
    ------
    ValueError
        For a value out of its range.

    Examples
    --------
    >>> import torch
    >>> data = {"train": (torch.eye(2), torch.arange(2))}
    >>> problem = Problem(torch.nn.Linear(2, 3), torch.nn.CrossEntropyLoss(), data)
    >>> dataset = sharpness(problem, epsilons=[1e-2, 1e-3])
    >>> bool(dataset.sharpness[0] > dataset.sharpness[1] > 0)
    True
    """
    n = sum(parameter.numel() for parameter in problem.model.parameters())
    _check(epsilons, iterations, subspace, n)
    with prepared(problem, splits=[split], engine=engine.for_derivatives()) as ready:
        attributes = {
            "survey": "sharpness",
            "split": split,
            "iterations": iterations,
            "subspace": "all parameters" if subspace is None else subspace,
            "seed": seed,
            **settings(ready),
        }
        header = {**attributes, "epsilons": list(epsilons), **identity(ready)}
        check_width(ready, "steps within a box")
        check_gradient(ready, split)
        matrix = None if subspace is None else random_matrix(n, subspace, seed, ready.dtype)
        around = _Neighbourhood(ready, split, matrix)
        widths = np.abs(around.coordinates()) + 1
        loss, _ = around(np.zeros_like(widths))

        def measure(index: int) -> list[float]:
            return [_box_maximum(around, epsilons[index] * widths, iterations=iterations, seed=seed)]

        maxima = map_points(len(epsilons), measure, journal=journal, header=header, progress=progress)[:, 0]
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


_Vector = NDArray[np.float64]

_Objective = Callable[[_Vector], tuple[float, _Vector]]
"""From a point to a value and its gradient there."""


def random_matrix(n: int, p: int, seed: int, dtype: torch.dtype = torch.float64) -> Tensor:
    """Matrix (n, p) of independent standard normal entries; its columns span a random subspace.

    >>> random_matrix(5, 2, seed=0).shape
    torch.Size([5, 2])
    """
    rng = generator(seed, "subspace")
    columns = [torch.randn(n, generator=rng, dtype=torch.float64).to(dtype) for _ in range(p)]
    return torch.stack(columns, dim=1)


class _Neighbourhood:
    """The loss f(x + A y) on one split as a function of y, with x the parameters of ``ready``, (n,).

    A is ``matrix``, (n, p), or None for the identity.
    """

    def __init__(self, ready: PreparedProblem, split: str, matrix: Tensor | None = None) -> None:
        self._ready = ready
        self._split = split
        self._live = {name: ready.weights[name] for name, _ in ready.model.named_parameters()}
        self._centre = flatten(self._live)
        self._matrix = None if matrix is None else matrix.to(self._centre)

    def coordinates(self) -> _Vector:
        """A^+ x: the weights themselves in the coordinates of y, (p,), by least squares."""
        if self._matrix is None:
            return self._centre.double().cpu().numpy()
        gram = self._matrix.T @ self._matrix
        return torch.linalg.solve(gram, self._matrix.T @ self._centre).double().cpu().numpy()

    def __call__(self, y: _Vector) -> tuple[float, _Vector]:
        """Loss at x + A y, and its gradient in y, (p,)."""
        step = torch.from_numpy(y).to(self._centre)
        moved = self._centre + (step if self._matrix is None else self._matrix @ step)  # (n,)
        for name, tensor in unflatten(moved, self._live).items():
            self._live[name].copy_(tensor)
        loss, by_name = loss_and_gradient(self._ready, self._split)
        gradient = flatten(by_name)
        if self._matrix is not None:
            gradient = self._matrix.T @ gradient
        return loss, gradient.double().cpu().numpy()


def _box_maximum(objective: _Objective, half_widths: _Vector, *, iterations: int, seed: int) -> float:
    """Largest value of ``objective`` that L-BFGS-B finds in the box abs(y) <= ``half_widths``, (p,).

    The search has ``iterations`` iterations. It starts at 0, as at a network's weights; where the gradient is
    exactly zero there, it starts at a random point of the box. It is a lower bound of the maximum.

    >>> bowl = lambda y: (float(y @ y + y.sum()), 2 * y + 1)
    >>> _box_maximum(bowl, np.array([1.0, 2.0]), iterations=10, seed=0)
    8.0
    """
    start = np.zeros_like(half_widths)
    best, gradient = objective(start)
    if not gradient.any():
        draws = torch.rand(len(start), generator=generator(seed, "start"), dtype=torch.float64)
        start = (2 * draws.numpy() - 1) * half_widths

    def descend(y: _Vector) -> tuple[float, _Vector]:
        nonlocal best
        value, gradient = objective(y)
        best = float(np.fmax(best, value))  # a NaN is no maximum
        return -value, -gradient

    minimize(
        descend,
        start,
        jac=True,
        method="L-BFGS-B",
        bounds=Bounds(-half_widths, half_widths),
        # the gradient at a trained network is too small for the usual tolerances: they would stop at once
        options={"maxiter": iterations, "ftol": 0.0, "gtol": 0.0},
    )
    return best
