"""The largest loss in a small box around the weights (Keskar et al. 2017, arXiv:1609.04836)."""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import Bounds, minimize
from torch import Tensor

from lossatlas.landscape.gradient import loss_and_gradient
from lossatlas.landscape.measuring.bench import Bench
from lossatlas.landscape.weight_space import flatten, unflatten
from lossatlas.seeds import generator

Vector = NDArray[np.float64]
Objective = Callable[[Vector], tuple[float, Vector]]
"""From a point to a value and its gradient there."""


def random_matrix(n: int, p: int, seed: int, dtype: torch.dtype = torch.float64) -> Tensor:
    """Matrix (n, p) of independent standard normal entries; its columns span a random subspace.

    >>> random_matrix(5, 2, seed=0).shape
    torch.Size([5, 2])
    """
    rng = generator(seed, "subspace")
    columns = [torch.randn(n, generator=rng, dtype=torch.float64).to(dtype) for _ in range(p)]
    return torch.stack(columns, dim=1)


class Neighbourhood:
    """The loss f(x + A y) on one split as a function of y, with x the parameters of ``bench``, (n,).

    A is ``matrix``, (n, p), or None for the identity.
    """

    def __init__(self, bench: Bench, split: str, matrix: Tensor | None = None) -> None:
        self._bench = bench
        self._split = split
        self._live = {name: bench.weights[name] for name, _ in bench.model.named_parameters()}
        self._centre = flatten(self._live)
        self._matrix = None if matrix is None else matrix.to(self._centre)

    def coordinates(self) -> Vector:
        """A^+ x: the weights themselves in the coordinates of y, (p,), by least squares."""
        if self._matrix is None:
            return self._centre.double().cpu().numpy()
        gram = self._matrix.T @ self._matrix
        return torch.linalg.solve(gram, self._matrix.T @ self._centre).double().cpu().numpy()

    def __call__(self, y: Vector) -> tuple[float, Vector]:
        """Loss at x + A y, and its gradient in y, (p,)."""
        step = torch.from_numpy(y).to(self._centre)
        moved = self._centre + (step if self._matrix is None else self._matrix @ step)  # (n,)
        for name, tensor in unflatten(moved, self._live).items():
            self._live[name].copy_(tensor)
        loss, by_name = loss_and_gradient(self._bench, self._split)
        gradient = flatten(by_name)
        if self._matrix is not None:
            gradient = self._matrix.T @ gradient
        return loss, gradient.double().cpu().numpy()


def box_maximum(objective: Objective, half_widths: Vector, *, iterations: int, seed: int) -> float:
    """Largest value of ``objective`` that L-BFGS-B finds in the box abs(y) <= ``half_widths``, (p,).

    The search has ``iterations`` iterations. It starts at 0, as at a network's weights; where the gradient is
    exactly zero there, it starts at a random point of the box. It is a lower bound of the maximum.

    >>> bowl = lambda y: (float(y @ y + y.sum()), 2 * y + 1)
    >>> box_maximum(bowl, np.array([1.0, 2.0]), iterations=10, seed=0)
    8.0
    """
    start = np.zeros_like(half_widths)
    best, gradient = objective(start)
    if not gradient.any():
        draws = torch.rand(len(start), generator=generator(seed, "start"), dtype=torch.float64)
        start = (2 * draws.numpy() - 1) * half_widths

    def descend(y: Vector) -> tuple[float, Vector]:
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
