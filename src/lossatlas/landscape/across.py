"""Directions across a curve: random ones, orthogonal to its tangent."""

from collections.abc import Sequence

import torch

from lossatlas.landscape.directions import random_direction
from lossatlas.landscape.shapes.controlled import ControlledCurve
from lossatlas.landscape.weight_space import Weights, inner, norm

_ALONG = 1e-6  # what is left of a direction that is, to rounding, the tangent


def across(
    curve: ControlledCurve,
    t: float,
    centre: Weights,
    *,
    seed: int,
    index: int = 0,
    normalize: str = "none",
    ignore: str = "biasbn",
) -> Weights:
    """Direction of length 1, orthogonal to the tangent of ``curve`` at ``t``, where it is at ``centre``.

    It is that of `random_direction` at ``centre`` less its part along the tangent, in those tensors that it moves: what
    ``ignore`` keeps still, stays still. ValueError as that raises it, for a curve that stands still at t, and where
    nothing is left, since the tangent is the only direction.

    >>> from lossatlas.landscape import PolygonalChain
    >>> ends = [{"w": torch.tensor([[0.0, 1.0]])}, {"w": torch.tensor([[0.0, 5.0]])}]
    >>> curve = ControlledCurve(PolygonalChain(bends=0), ends)
    >>> across(curve, 0.5, {"w": torch.tensor([[0.0, 3.0]])}, seed=0)["w"].abs()
    tensor([[1., 0.]])
    """
    drawn = random_direction(centre, seed=seed, index=index, normalize=normalize, ignore=ignore)
    moved = {name: tensor.double() for name, tensor in drawn.items() if tensor.any()}
    tangent = _tangent(curve, t, list(moved))
    speed = inner(tangent, tangent)
    if speed == 0:
        raise ValueError(f"the curve stands still at t = {t:g}, so nothing is orthogonal to it")
    along = inner(moved, tangent) / speed
    rest = {name: tensor - along * tangent[name] for name, tensor in moved.items()}
    if (length := norm(rest)) <= _ALONG * norm(moved):
        raise ValueError("there is no direction but the curve's own: the network needs another weight")
    return {
        name: (rest[name] / length).to(tensor) if name in rest else torch.zeros_like(tensor)
        for name, tensor in centre.items()
    }


def _tangent(curve: ControlledCurve, t: float, names: Sequence[str]) -> Weights:
    """Derivative of the curve by t, in float64, in the tensors ``names``."""
    rates = curve.family.derivative(t, len(curve.control_points))
    points = [(rate, point) for rate, point in zip(rates, curve.control_points, strict=True) if rate != 0.0]
    return {
        name: torch.stack([rate * point[name].double() for rate, point in points]).sum(0) for name in names
    }
