"""Matrices that are known, as operators that are known by their products alone."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from lossatlas.landscape.curvature.operators import SymmetricOperator


class Dense:
    """A dense symmetric matrix, known by its products."""

    def __init__(self, matrix: Tensor) -> None:
        self.matrix = matrix
        self.n: int = len(matrix)
        self.dtype: torch.dtype = matrix.dtype
        self.device: torch.device = matrix.device

    def __call__(self, vector: Tensor) -> Tensor:
        return self.matrix @ vector

    def refresh(self) -> None:
        pass


@pytest.fixture
def dense() -> Callable[[Tensor], SymmetricOperator]:
    """From a symmetric matrix, (n, n), to the operator."""
    return Dense
