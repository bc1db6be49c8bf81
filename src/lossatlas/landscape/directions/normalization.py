"""Directions in weight space and their normalisation (Li et al. 2018, arXiv:1712.09913, section 4)."""

import re
from collections.abc import Callable, Collection, Mapping
from math import isfinite

import torch
from torch import Tensor

from lossatlas.choices import chosen
from lossatlas.landscape.directions.conventions import Rule, convention_named
from lossatlas.weight_space import Weights, check_alike, norm

_TINY = 1e-10  # as in the authors' code: a filter that was drawn as zero stays zero


def random_direction(
    weights: Mapping[str, Tensor],
    *,
    seed: int,
    index: int = 0,
    normalize: str = "filter",
    ignore: str = "biasbn",
    convention: str = "lossatlas",
    standardized: Collection[str] = (),
) -> Weights:
    """Gaussian direction of the weights' shapes, normalised as `normalize_direction` says.

    The same seed and index give the same direction on every device, and up to rounding for every dtype. What is
    ignored is drawn too, so that the rest does not depend on it.

    Parameters
    ----------
    weights : mapping
        Tensors by name, whose shapes and sizes the direction takes.
    seed : int
        Seed of the drawing.
    index : int, default 0
        Number of the direction; different ones are independent.
    normalize : {"filter", "layer", "weight", "none"}, default "filter"
        As in `normalize_direction`.
    ignore : {"biasbn", "none"}, default "biasbn"
        As in `normalize_direction`.
    convention : {"lossatlas", "li2018"}, default "lossatlas"
        "lossatlas": each index has a stream of its own; "li2018": as the code of Li et al. draws, one direction after
        the other.
    standardized : collection of str, default ()
        As in `normalize_direction`.

    Returns
    -------
    dict
        Tensors with the names, shapes and dtypes of ``weights``.

    Raises
    ------
    ValueError
        For an unknown option or a direction that is zero.

    Examples
    --------
    >>> weights = {"weight": torch.tensor([[3.0, 4.0], [0.0, 1.0]]), "bias": torch.tensor([1.0, 1.0])}
    >>> direction = random_direction(weights, seed=0)
    >>> direction["weight"].norm(dim=1)  # each filter as long as its filter in the network
    tensor([5.0000, 1.0000])
    >>> direction["bias"]
    tensor([0., 0.])
    """
    drawn = convention_named(convention).draw(weights, seed, index)
    return normalize_direction(drawn, weights, normalize, ignore, convention, standardized)


def normalize_direction(
    direction: Mapping[str, Tensor],
    weights: Mapping[str, Tensor],
    normalize: str = "filter",
    ignore: str = "biasbn",
    convention: str = "lossatlas",
    standardized: Collection[str] = (),
) -> Weights:
    """Rescale ``direction`` to the size of ``weights``; the result is laid out in memory as they are.

    Parameters
    ----------
    direction : mapping
        Tensors with the names and shapes of ``weights``.
    weights : mapping
        Tensors by name.
    normalize : {"filter", "layer", "weight", "none"}, default "filter"
        Of tensors of two or more dimensions. "filter": each slice d_i along the first axis becomes d_i |w_i| / (|d_i|
        + 1e-10) (a filter of a convolution, a row of a linear layer); "layer": each tensor becomes d |w| / (|d| +
        1e-10); "weight": each entry becomes d w; "none": as is.
    ignore : {"biasbn", "none"}, default "biasbn"
        Of tensors of fewer dimensions (biases, scales and shifts of normalisation layers), of the lengths g that
        weight norm keeps beside its filters, and of running covariances, by their names. "biasbn": they become zero;
        "none": they are treated as tensors of one filter.
    convention : {"lossatlas", "li2018"}, default "lossatlas"
        With "li2018", as the code of Li et al., tensors of fewer dimensions that are not ignored become the weights
        themselves, and lengths of weight norm are filters of one entry each, whose direction is a sign.
    standardized : collection of str, default ()
        Names of weights that act without their filters' means, those of `standardized_weights`. These are taken out of
        both, so that norms are those of what acts; with "none" the direction stays as it is.

    Returns
    -------
    dict
        Tensors with the names, shapes, dtypes and memory layout of ``weights``.

    Raises
    ------
    ValueError
        For an unknown option, for names or shapes that differ, if an entry is not finite, and if nothing but zeros is
        left.

    References
    ----------
    Li et al. 2018, arXiv:1712.09913, section 4.

    Examples
    --------
    >>> weights = {"weight": torch.tensor([[3.0, 4.0]]), "bias": torch.tensor([2.0])}
    >>> direction = {"weight": torch.tensor([[0.0, -9.0]]), "bias": torch.tensor([7.0])}
    >>> normalize_direction(direction, weights, "layer", "none")
    {'weight': tensor([[ 0., -5.]]), 'bias': tensor([2.])}
    """
    rescale = chosen("normalize", normalize, _NORMALIZATIONS)
    rules = convention_named(convention)
    vectors = chosen("ignore", ignore, _IGNORED)(rules.rule_for_vectors(rescale))
    lengths = _lengths(weights) if rules.knows_lengths else set()
    check_alike(weights, direction, "the direction")
    normalized = {}
    for name, tensor in weights.items():
        is_filters = tensor.ndim >= 2 and name not in lengths and not name.endswith("running_covariance")
        rule = rescale if is_filters else vectors
        own, drawn = (each.cpu().double() for each in (tensor, direction[name]))
        if name in standardized and rescale is not _as_is:
            own, drawn = (
                each - each.flatten(1).mean(1).view(-1, *[1] * (each.ndim - 1)) for each in (own, drawn)
            )
        if name in lengths:
            own, drawn = own.reshape(-1), drawn.reshape(-1)  # one filter
        normalized[name] = torch.empty_like(tensor).copy_(rule(drawn, own).view(tensor.shape))
    if not isfinite(size := norm(normalized)):
        raise ValueError("the direction has entries that are not finite")
    if size == 0:
        raise ValueError(f"the direction is zero with normalize={normalize!r} and ignore={ignore!r}")
    return normalized


_LENGTHS = {re.compile(r"(.*_)g"): r"\1v", re.compile(r"(.*parametrizations\..*\.original)0"): r"\g<1>1"}


def _lengths(weights: Mapping[str, Tensor]) -> set[str]:
    """Names of what weight norm, in either form, keeps of the lengths of the filters under another name."""
    found = set()
    for name, tensor in weights.items():
        for pattern, beside in _LENGTHS.items():
            filters = weights.get(pattern.sub(beside, name)) if pattern.fullmatch(name) else None
            if filters is not None and _one_for_each(tensor, filters):
                found.add(name)
    return found


def _one_for_each(lengths: Tensor, filters: Tensor) -> bool:
    """Whether there is one number for each slice along one axis."""
    pairs = zip(lengths.shape, filters.shape, strict=False)
    return (
        lengths.ndim == filters.ndim >= 2
        and sum(own != 1 for own in lengths.shape) <= 1
        and all(own in (1, of_filters) for own, of_filters in pairs)
    )


def _filter(direction: Tensor, weights: Tensor) -> Tensor:
    if direction.ndim < 2:
        return _layer(direction, weights)
    axes = tuple(range(1, direction.ndim))
    sizes = torch.linalg.vector_norm(weights, dim=axes, keepdim=True)  # (filters, 1, ...)
    return direction * (sizes / (torch.linalg.vector_norm(direction, dim=axes, keepdim=True) + _TINY))


def _layer(direction: Tensor, weights: Tensor) -> Tensor:
    return direction * (torch.linalg.vector_norm(weights) / (torch.linalg.vector_norm(direction) + _TINY))


def _weight(direction: Tensor, weights: Tensor) -> Tensor:
    return direction * weights


def _as_is(direction: Tensor, _: Tensor) -> Tensor:
    return direction


def _zero(direction: Tensor, _: Tensor) -> Tensor:
    return torch.zeros_like(direction)


_NORMALIZATIONS: dict[str, Rule] = {"filter": _filter, "layer": _layer, "weight": _weight, "none": _as_is}
_IGNORED: dict[str, Callable[[Rule], Rule]] = {"biasbn": lambda _: _zero, "none": lambda rule: rule}
