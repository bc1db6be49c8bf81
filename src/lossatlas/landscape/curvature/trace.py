"""The trace of a matrix that is known by its products with vectors."""

from functools import cached_property
from math import isfinite, nan
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from lossatlas.landscape.curvature.operators import SymmetricOperator
from lossatlas.landscape.curvature.probes import inner, probe


class Estimate(NamedTuple):
    """A mean over independent probes, and its standard error: NaN for a single probe."""

    value: float
    standard_error: float

    @classmethod
    def of(cls, samples: ArrayLike, offset: float = 0.0) -> "Estimate":
        """The mean of ``samples``, (m,), plus a constant.

        >>> Estimate.of([1.0, 3.0], offset=10.0)
        Estimate(value=12.0, standard_error=1.0)
        """
        values = np.asarray(samples, np.float64)
        spread = float(values.std(ddof=1)) if len(values) > 1 else nan
        return cls(offset + float(values.mean()), spread / len(values) ** 0.5)

    def within(self, tolerance: float | None) -> bool:
        """Whether the standard error is at most ``tolerance`` times the value's size; never for None.

        >>> Estimate(-100.0, 0.5).within(0.01), Estimate(-100.0, 0.5).within(None)
        (True, False)
        """
        known = tolerance is not None and isfinite(self.standard_error)
        return known and self.standard_error <= tolerance * abs(self.value)  # type: ignore[operator]


class SketchedTrace:
    """tr A = tr Q'AQ + tr (I - QQ')A(I - QQ'): the first part exactly, the second by probes.

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
