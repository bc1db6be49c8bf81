"""How far a network is from where it was, and how the push away from there lies to the loss's gradient."""

from collections.abc import Sequence

import torch
from torch import Tensor

from lossatlas.optim.distancing import Layout


def distances(
    layout: Layout, parameters: Sequence[Tensor], place: Sequence[Tensor], name: str
) -> dict[str, float]:
    """Squared Euclidean distance of ``parameters`` from ``place``, by names that end with ``name``.

    The whole one as it is, relative to the squared norm of ``place``, and as the mean over filters of the same for
    each filter (first index of a tensor of two dimensions or more; those that are 0 in ``place`` are left out); and
    the one of each layer.

    >>> layout = Layout(names=("fc.weight", "fc.bias"), groups=("",), group_of=(0, 0))
    >>> place, there = [torch.eye(2), torch.ones(1)], [torch.diag(torch.tensor([2.0, 1.0])), torch.ones(1)]
    >>> distances(layout, there, place, "0")["squared_distance_0"]
    1.0
    >>> distances(layout, there, place, "0")["filterwise_squared_distance_0"]  # of the filters: 1 and 0
    0.5
    """
    offsets = torch._foreach_sub(list(parameters), list(place))
    squares = torch.stack([offset.double().square().sum() for offset in offsets])
    norm = torch.stack([tensor.double().square().sum() for tensor in place]).sum()
    of_filters = _of_filters(offsets, place)
    layers: dict[str, list[int]] = {}
    for index, owner in enumerate(layout.names):
        layers.setdefault(owner.rpartition(".")[0], []).append(index)
    each = torch.stack([squares[indices].sum() for indices in layers.values()]).tolist()
    whole = torch.stack([squares.sum(), squares.sum() / norm, of_filters.mean()]).tolist()
    kinds = ("squared_distance", "relative_squared_distance", "filterwise_squared_distance")
    return {
        **{f"{kind}_{name}": value for kind, value in zip(kinds, whole, strict=True)},
        **{f"squared_distance_{name}/{layer}": value for layer, value in zip(layers, each, strict=True)},
    }


def _of_filters(offsets: Sequence[Tensor], place: Sequence[Tensor]) -> Tensor:
    """Relative squared distance of each filter whose norm in ``place`` is not 0, (filters,)."""
    parts = [torch.empty(0, dtype=torch.float64, device=place[0].device)]
    for offset, there in zip(offsets, place, strict=True):
        if there.ndim > 1:
            norms = there.double().flatten(1).square().sum(1)
            parts.append((offset.double().flatten(1).square().sum(1) / norms)[norms > 0])
    return torch.cat(parts)


class Alignments:
    """Norms and cosines at one step, on the device: ``values`` (3 + checkpoints,).

    They are the norm of the force's gradient, the norm of the loss's, the cosine between the two, and for each
    checkpoint the cosine between minus the loss's gradient and the direction away from it.
    """

    NAMES = ("force_norm", "gradient_norm", "force_gradient_cosine")

    def __init__(
        self,
        force: Sequence[Tensor],
        gradient: Sequence[Tensor],
        parameters: Sequence[Tensor],
        checkpoints: Sequence[Sequence[Tensor]],
    ) -> None:
        pushing, falling = _flat(force), _flat(gradient)
        away = (_flat(torch._foreach_sub(list(parameters), list(held))) for held in checkpoints)
        cosines = [-_cosine(falling, direction) for direction in away]
        self.values = torch.stack([pushing.norm(), falling.norm(), _cosine(pushing, falling), *cosines])

    @classmethod
    def means(cls, measured: Sequence[Tensor]) -> dict[str, float]:
        """Means by name over the steps of an epoch that were ``measured``; cosines of nothing are left out."""
        if not measured:
            return {}
        checkpoints = len(measured[-1]) - len(cls.NAMES)
        names = [*cls.NAMES, *(f"away_gradient_cosine_{number}" for number in range(checkpoints))]
        return dict(zip(names, torch.stack(list(measured)).nanmean(0).tolist(), strict=True))


def _flat(tensors: Sequence[Tensor]) -> Tensor:
    return torch.cat([tensor.detach().flatten().double() for tensor in tensors])


def _cosine(one: Tensor, other: Tensor) -> Tensor:
    """NaN if one of them is 0."""
    return (one @ other) / (one.norm() * other.norm())
