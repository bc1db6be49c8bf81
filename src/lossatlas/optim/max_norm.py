"""Max-norm constraint: a ball in which the weights of each unit stay."""

from collections.abc import Mapping

import torch
from torch import Tensor

from lossatlas.optim.choosing import matrices


class MaxNorm:
    """Max-norm constraint: after each step the incoming weights of a unit are shrunk to ``norm`` where they are longer.

    Srivastava et al. 2014 (JMLR 15, section 5.1), there with dropout. A unit is a row of a linear layer or a filter of
    a convolution, the first index of its weight; biases are not counted. It adds nothing to the loss.

    Parameters
    ----------
    norm : float
        Largest Euclidean norm, positive.

    Raises
    ------
    ValueError
        Unless positive, and for a network without weights or whose weights are parametrised.

    Examples
    --------
    >>> weights = {"weight": torch.tensor([[3.0, 4.0], [0.6, 0.8]])}
    >>> MaxNorm(2.0).project(weights, {})
    >>> weights["weight"]
    tensor([[1.2000, 1.6000],
            [0.6000, 0.8000]])
    """

    def __init__(self, norm: float) -> None:
        if not norm > 0:
            raise ValueError(f"norm must be positive, got {norm}")
        self.norm = norm

    def check(self, parameters: Mapping[str, Tensor]) -> None:
        """Raise ValueError if there are no weights, or parametrised ones."""
        matrices(parameters)

    @torch.no_grad()
    def project(self, parameters: Mapping[str, Tensor], rates: Mapping[str, float]) -> None:
        """Shrink the rows of ``parameters``, in place, that are longer."""
        for weight in matrices(parameters).values():
            weight.renorm_(p=2, dim=0, maxnorm=self.norm)
