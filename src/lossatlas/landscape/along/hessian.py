"""Eigenvectors of the Hessian as directions."""

from lossatlas.landscape.along.axes import Attributes, Axes, fixed_axes
from lossatlas.landscape.curvature.extremes import hessian_directions
from lossatlas.landscape.problem import Problem


class HessianDirections:
    """Eigenvectors of the Hessian of ``split``: of the ``largest`` eigenvalues, then of the ``smallest``.

    ``matrix``, ``tolerance``, ``iterations`` and ``seed`` are those of `hessian_directions`. Each has norm 1,
    unless it is rescaled as ``normalize`` and ``ignore`` say in `normalize_direction`.

    >>> import torch
    >>> from torch import nn
    >>> x = torch.tensor([[1.0, 0.0], [0.0, 3.0]])
    >>> problem = Problem(nn.Linear(2, 1, bias=False), nn.MSELoss(), {"train": (x, torch.zeros(2, 1))})
    >>> first, second = HessianDirections().of(problem).take(2)  # of 2 X'X / 2 = diag(1, 9)
    >>> first["weight"].abs().round(decimals=3), second["weight"].abs().round(decimals=3)
    (tensor([[0., 1.]]), tensor([[1., 0.]]))
    """

    def __init__(
        self,
        largest: int = 1,
        smallest: int = 1,
        split: str = "train",
        matrix: str = "hessian",
        tolerance: float = 1e-4,
        iterations: int = 300,
        seed: int = 0,
        normalize: str = "none",
        ignore: str = "none",
    ) -> None:
        self._largest = largest
        self._smallest = smallest
        self._split = split
        self._matrix = matrix
        self._tolerance = tolerance
        self._iterations = iterations
        self._seed = seed
        self._options = {"normalize": normalize, "ignore": ignore}

    def of(self, problem: Problem) -> Axes:
        """The directions at the network of ``problem``. ValueError for a value out of its range."""
        vectors = hessian_directions(
            problem,
            largest=self._largest,
            smallest=self._smallest,
            split=self._split,
            matrix=self._matrix,
            tolerance=self._tolerance,
            iterations=self._iterations,
            seed=self._seed,
        )
        which: Attributes = {"matrix": self._matrix, "largest": self._largest, "smallest": self._smallest}
        which["hessian_split"] = self._split
        return fixed_axes("hessian", vectors, self._options, problem.model, **which)
