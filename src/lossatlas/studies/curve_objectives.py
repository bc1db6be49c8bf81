"""Objectives of curve finding: how much the loss at a random position along the curve counts."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from lossatlas.landscape.shapes.curve_families import CurveFamily


class CurveObjective(Protocol):
    """Objective of curve finding: a factor on the loss at t, whose mean over t ~ U(0, 1) is minimised."""

    def __call__(self, family: CurveFamily, points: Tensor, t: float) -> Tensor | float:
        """Return the factor at ``t`` on the curve of ``family`` that ``points``, (control points, n), span.

        Parameters
        ----------
        family : CurveFamily
            Bezier curve or polygonal chain.
        points : Tensor
            Weights of the control points, a row each.
        t : float
            Position, in [0, 1].

        Returns
        -------
        Tensor or float
            A scalar, by which the loss is multiplied.
        """


class UniformPosition:
    """All positions t count the same: the mean of L(phi(t)) over t ~ U(0, 1).

    Garipov et al. 2018 (arXiv:1802.10026), eq. (2), by which they train all their curves.
    """

    def __call__(self, family: CurveFamily, points: Tensor, t: float) -> float:
        """Return 1."""
        return 1.0


class ArcLength:
    """All points of the curve count the same: the integral of L along it over its length.

    Garipov et al. 2018 (arXiv:1802.10026), eq. (1): the factor is the speed at t over the length of the curve, and
    gradients take account of both. The length is a Gauss-Legendre quadrature.

    Parameters
    ----------
    nodes : int, default 16
        Of the quadrature, between each two corners, where a chain has one speed.

    Raises
    ------
    ValueError
        For fewer than one node.

    Examples
    --------
    >>> from lossatlas.landscape import PolygonalChain
    >>> points = torch.tensor([[0.0, 0.0], [0.0, 1.0], [3.0, 1.0]])  # a line of length 1 and one of length 3
    >>> [round(float(ArcLength()(PolygonalChain(), points, t)), 6) for t in (0.2, 0.7)]
    [0.5, 1.5]
    """

    def __init__(self, nodes: int = 16) -> None:
        if nodes < 1:
            raise ValueError(f"nodes must be >= 1, got {nodes}")
        nodes_at, weights = np.polynomial.legendre.leggauss(nodes)
        self._nodes = (nodes_at + 1) / 2  # in [0, 1]
        self._weights = weights / 2

    def __call__(self, family: CurveFamily, points: Tensor, t: float) -> Tensor:
        """Return the speed at ``t`` over the length of the curve, a scalar."""
        offsets = points - points[:1]
        gram = offsets @ offsets.T  # (P, P), of all that speeds depend on
        corners = np.asarray(family.corners(len(points)))
        positions = (corners[:-1, None] + np.diff(corners)[:, None] * self._nodes).flatten()
        weights = torch.from_numpy((np.diff(corners)[:, None] * self._weights).flatten()).to(gram)
        speeds = _speeds(family, gram, [t, *positions.tolist()])
        return speeds[0] / (weights @ speeds[1:])


def _speeds(family: CurveFamily, gram: Tensor, positions: Sequence[float]) -> Tensor:
    """Length of the derivative by t at each of ``positions``, (T,)."""
    rates = gram.new_tensor([family.derivative(t, len(gram)) for t in positions])  # (T, P)
    return ((rates @ gram) * rates).sum(1).clamp_min(0.0).sqrt()
