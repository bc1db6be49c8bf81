"""Parametric curves in weight space, by control points: Bezier curves and polygonal chains."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.integrate import quad
from torch import Tensor, nn

from lossatlas.landscape.shapes.combination import Basis, Combination
from lossatlas.landscape.shapes.curve_families import CurveFamily
from lossatlas.landscape.shapes.grid import Grid, axis, evenly
from lossatlas.weight_space import (
    Weights,
    check_alike,
    check_mixable,
    inner,
    matching,
    parameters,
    state,
    weights_digest,
)


class ControlledCurve:
    """The curve of ``family`` that ``control_points`` span; at its ends it is those points to the last bit.

    Parameters
    ----------
    family : CurveFamily
        Such as `Bezier` or `PolygonalChain`.
    control_points : sequence of mappings
        Tensors by name; those that are not of floating point, such as counts of batches, are left out.
    measured : sequence of str, optional
        Names of the tensors that lengths are over; None: all.

    Raises
    ------
    ValueError
        For a number of control points that the family cannot have, and, naming the first difference, if they differ
        in names or shapes.

    Examples
    --------
    >>> from lossatlas.landscape import Bezier
    >>> corner = [{"w": torch.tensor(w)} for w in ([0.0, 0.0], [0.0, 2.0], [2.0, 2.0])]
    >>> curve = ControlledCurve(Bezier(bends=1), corner)
    >>> curve.place(out := {"w": torch.empty(2)}, 0.5)
    >>> out["w"]
    tensor([0.5000, 1.5000])
    >>> round(curve.length(), 6)  # an arc of a parabola
    3.24645
    """

    def __init__(
        self,
        family: CurveFamily,
        control_points: Sequence[Mapping[str, Tensor]],
        *,
        measured: Sequence[str] | None = None,
    ) -> None:
        self._ends = family.ends(len(control_points))
        self.family = family
        self.control_points = [_floating(point) for point in control_points]
        for k, point in enumerate(self.control_points[1:], start=1):
            check_alike(self.control_points[0], point, f"control point {k}")
        self._measured = list(self.control_points[0] if measured is None else measured)
        self._bases: dict[int, Basis] = {}

    def of(self, model: nn.Module) -> "ControlledCurve":
        """The curve in the dtype and on the device of ``model``, with lengths over its parameters alone.

        ValueError, naming the first difference, if the control points are not of this network, or differ in a buffer
        that cannot be mixed (`check_mixable`).
        """
        there = state(model)
        first, *others = self.control_points
        check_alike(there, first, "the curve")
        for k, point in enumerate(others, start=1):
            check_mixable(model, point, f"control point {k}", first)
        points = [
            {name: point[name].detach().to(tensor) for name, tensor in there.items()}
            for point in self.control_points
        ]
        return ControlledCurve(self.family, points, measured=list(parameters(model)))

    @property
    def ends(self) -> list[Weights]:
        """The control points that the curve passes through by its making."""
        return [self.control_points[k] for k in self._ends]

    def place(self, out: Weights, t: float) -> None:
        """Write the weights at ``t`` into ``out``. ValueError for a t outside [0, 1]."""
        basis, coefficients = self.combine(t)
        targets = matching(out, basis[0])
        (first, *more) = [pair for pair in zip(basis, coefficients, strict=True) if pair[1] != 0.0]
        torch._foreach_copy_(targets, list(first[0].values()))
        if first[1] != 1.0:
            torch._foreach_mul_(targets, first[1])
        for point, coefficient in more:
            torch._foreach_add_(targets, list(point.values()), alpha=coefficient)

    def combine(self, t: float) -> Combination:
        """The weights at ``t`` as a linear combination of the control points that take part there."""
        first, coefficients = self.family.support(t, len(self.control_points))
        if first not in self._bases:
            self._bases[first] = tuple(self.control_points[first : first + len(coefficients)])
        return Combination(self._bases[first], tuple(coefficients))

    def grid(self, points: int = 61, low: float = 0.0, high: float = 1.0) -> Grid:
        """``points`` points, evenly over t in [low, high]. ValueError for a range that is not within [0, 1]."""
        if low < 0 or high > 1:
            raise ValueError(
                f"low and high are positions along the curve, within [0, 1], got {low} and {high}"
            )
        along = axis("t", evenly(low, high, points), "position along the curve")
        return Grid({"t": along}, self.place, self.combine)

    def lengths(self, t: NDArray[np.float64]) -> NDArray[np.float64]:
        """Lengths of the curve from its start to each of ``t``, (T,), to a relative 1e-10 or so.

        The speed is integrated between each two corners, where a chain has one speed.
        """
        corners = self.family.corners(len(self.control_points))
        steps = np.unique(np.concatenate([corners, t]))
        pieces = [self._length(low, high) for low, high in pairwise(steps)]
        return np.interp(t, steps, np.concatenate([[0.0], np.cumsum(pieces)]))

    def length(self) -> float:
        """Length of the whole curve."""
        return float(self.lengths(np.array([1.0]))[0])

    def _length(self, low: float, high: float) -> float:
        value, _ = quad(lambda u: self.speed(low + u * (high - low)), 0.0, 1.0, epsrel=1e-11, limit=200)
        return float(value) * (high - low)

    def speed(self, t: float) -> float:
        """Length of the derivative by t at ``t``."""
        rates = np.asarray(self.family.derivative(t, len(self.control_points)))
        return float(np.sqrt(max(rates @ self._gram @ rates, 0.0)))

    @cached_property
    def _gram(self) -> NDArray[np.float64]:
        """Inner products of what control points differ by from the first, (P, P): fewer digits are lost in those."""
        origin = {name: self.control_points[0][name].double() for name in self._measured}
        offsets = [
            {name: point[name].double() - start for name, start in origin.items()}
            for point in self.control_points
        ]
        return np.array([[inner(one, other) for other in offsets] for one in offsets])

    def digest(self) -> str:
        """Hash of the family and its control points, which tells this curve from others."""
        points = "-".join(weights_digest(point)[:16] for point in self.control_points)
        return f"{self.family!r}-{points}"


def _floating(point: Mapping[str, Tensor]) -> Weights:
    return {name: tensor.detach() for name, tensor in point.items() if tensor.is_floating_point()}
