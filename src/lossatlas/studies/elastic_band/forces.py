"""Forces of a nudged elastic band on its pivots: tangents, and gradients perpendicular to them.

A band is its pivots' weights as the rows of a matrix, (P, n), both ends included; the ends do not move.
"""

import torch
from torch import Tensor

from lossatlas.studies.elastic_band.pivots import gaps


def tangents(points: Tensor, losses: Tensor) -> Tensor:
    """Unit tangents of the band at its inner pivots, (P - 2, n), from ``points`` (P, n) and their ``losses`` (P,).

    The improved estimate of Henkelman & Jonsson 2000 (doi:10.1063/1.1323224, eqs. 8 to 11): towards the neighbour of
    the higher loss; at a maximum or a minimum of the losses a mean of both, weighted by the differences of loss, so
    that it does not jump. ValueError for fewer than three points, or if losses are not one a point.

    >>> corner = torch.tensor([[0.0, 0.0], [2.0, 0.0], [2.0, 1.0]])
    >>> tangents(corner, torch.tensor([0.0, 1.0, 2.0]))  # uphill
    tensor([[0., 1.]])
    """
    _check(points, losses)
    rise = losses.diff()  # (P - 1,)
    before, after = rise[:-1], rise[1:]  # of the pivot above the one before, of the one after above the pivot
    highest, lowest = torch.maximum(before.abs(), after.abs()), torch.minimum(before.abs(), after.abs())
    towards_next = before + after > 0  # the next is the higher of the two neighbours
    at_extremum = before * after <= 0
    weight_after = torch.where(towards_next, highest, lowest)
    weight_before = torch.where(towards_next, lowest, highest)
    flat = highest == 0
    weight_after = torch.where(at_extremum, weight_after, towards_next.to(points)).masked_fill(flat, 1.0)
    weight_before = torch.where(at_extremum, weight_before, (~towards_next).to(points)).masked_fill(flat, 1.0)
    steps = points.diff(dim=0)  # (P - 1, n)
    mixed = weight_before[:, None] * steps[:-1] + weight_after[:, None] * steps[1:]
    return torch.nn.functional.normalize(mixed, dim=1)


def band_gradients(
    points: Tensor,
    losses: Tensor,
    gradients: Tensor,
    *,
    shares: Tensor | None = None,
    spring: float | None = None,
) -> Tensor:
    """Nudged gradients of the inner pivots, (P - 2, n): the negative of the force that acts on each.

    ``gradients``, (P - 2, n), of the loss lose their part along the tangent. With ``spring``, a spring of that constant
    pulls along the tangent (Henkelman & Jonsson 2000, eqs. 3 and 12) until each gap between two pivots is its share of
    the band's length, ``shares`` (P - 1,), by default all alike. None stands for a spring without end, in whose stead
    the pivots are `evenly_spaced`. ValueError for a constant that is not positive, or as `tangents` raises it.

    >>> straight = torch.tensor([[0.0, 0.0], [1.0, 0.0], [3.0, 0.0]])
    >>> losses, gradients = torch.tensor([0.0, 1.0, 2.0]), torch.tensor([[5.0, 7.0]])
    >>> band_gradients(straight, losses, gradients)  # across the band alone
    tensor([[0., 7.]])
    >>> band_gradients(straight, losses, gradients, spring=2.0)  # descending it moves the pivot to the right
    tensor([[-2.,  7.]])
    """
    along = tangents(points, losses)
    across = gradients - (gradients * along).sum(1, keepdim=True) * along
    if spring is None:
        return across
    if not spring > 0:
        raise ValueError(f"spring must be positive, or None for one without end, got {spring}")
    lengths = gaps(points)
    wanted = lengths.mean() if shares is None else shares.to(lengths) * lengths.sum()
    stretched = lengths - wanted  # (P - 1,)
    return across - spring * (stretched[1:] - stretched[:-1])[:, None] * along


def _check(points: Tensor, losses: Tensor) -> None:
    if points.ndim != 2 or len(points) < 3:
        raise ValueError(
            f"points must be (P, n) with P >= 3, both ends and a pivot, got {tuple(points.shape)}"
        )
    if losses.shape != points.shape[:1]:
        raise ValueError(f"losses must be one a point, ({len(points)},), got {tuple(losses.shape)}")
