"""Weights as points of a space: tensors by name, their norms and sums, and variances kept at zero or above."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize
from torch.nn.utils.spectral_norm import SpectralNorm
from torch.nn.utils.weight_norm import WeightNorm

from lossatlas.spectral_norm import normed_weights

Weights = dict[str, Tensor]
"""Tensors by their name in the network, in the network's order."""


def parameters(model: nn.Module) -> Weights:
    """Detached copies of the network's parameters; a parameter shared by two modules appears once.

    Parameters
    ----------
    model : nn.Module
        The network.

    Returns
    -------
    dict
        Tensors by name, in the network's order.

    Examples
    --------
    >>> {name: tuple(tensor.shape) for name, tensor in parameters(nn.Linear(3, 2)).items()}
    {'weight': (2, 3), 'bias': (2,)}
    """
    return {name: tensor.detach().clone() for name, tensor in model.named_parameters()}


def acting_weights(model: nn.Module) -> Weights:
    """As `parameters`, with the weights that act in place of those that a parametrization or a hook makes them of.

    Hooks are those of the older `torch.nn.utils.weight_norm` and ``spectral_norm``. So the weights of weight norm are
    its filters, at their lengths, under the name that they have without it.

    Examples
    --------
    >>> layer = nn.utils.parametrizations.weight_norm(nn.Linear(3, 2))
    >>> {name: tuple(tensor.shape) for name, tensor in acting_weights(nn.Sequential(layer)).items()}
    {'0.bias': (2,), '0.weight': (2, 3)}
    """
    found = parameters(model)
    for path, module in model.named_modules():
        if parametrize.is_parametrized(module):
            prefix = f"{path}." if path else ""
            for name in module.parametrizations:
                chain = f"{prefix}parametrizations.{name}."
                found = {other: tensor for other, tensor in found.items() if not other.startswith(chain)}
                found[f"{prefix}{name}"] = getattr(module, name).detach().clone()
        for name, parts, weight in _hooked(module):
            prefix = f"{path}." if path else ""
            found = {
                other: tensor
                for other, tensor in found.items()
                if other not in {f"{prefix}{p}" for p in parts}
            }
            found[f"{prefix}{name}"] = weight.detach().clone()
    return found


def _hooked(module: nn.Module) -> Iterator[tuple[str, list[str], Tensor]]:
    """Names of the weights that hooks of ``module`` make, and of what they make them of, with the weights now."""
    for hook in module._forward_pre_hooks.values():
        if isinstance(hook, WeightNorm):
            yield hook.name, [f"{hook.name}_g", f"{hook.name}_v"], hook.compute_weight(module)
        elif isinstance(hook, SpectralNorm):
            yield hook.name, [f"{hook.name}_orig"], hook.compute_weight(module, do_power_iteration=False)


def statistics(model: nn.Module) -> Weights:
    """Detached copies of what a network has learnt beside its parameters: its saved floating-point buffers.

    These are the running means and variances of batch norm, and the like of other modules.

    Parameters
    ----------
    model : nn.Module
        The network.

    Returns
    -------
    dict
        Tensors by name, in the network's order.

    Examples
    --------
    >>> list(statistics(nn.BatchNorm1d(2)))
    ['running_mean', 'running_var']
    """
    saved = model.state_dict().keys()
    return {
        name: tensor.detach().clone()
        for name, tensor in model.named_buffers()
        if name in saved and tensor.is_floating_point()
    }


def state(model: nn.Module) -> Weights:
    """Parameters and statistics together.

    Parameters
    ----------
    model : nn.Module
        The network.

    Returns
    -------
    dict
        Detached copies by name, `parameters` first.

    Examples
    --------
    >>> list(state(nn.BatchNorm1d(2)))
    ['weight', 'bias', 'running_mean', 'running_var']
    """
    return {**parameters(model), **statistics(model)}


_RUNNING = {"running_mean", "running_var", "running_covariance"}


def running_statistics(model: nn.Module) -> list[str]:
    """Names of the buffers that are running means, variances and covariances, which can be moved and mixed.

    >>> running_statistics(nn.BatchNorm1d(2))
    ['running_mean', 'running_var']
    """
    return [name for name, _ in model.named_buffers() if name.rpartition(".")[2] in _RUNNING]


def fixed_buffers(model: nn.Module) -> dict[str, str]:
    """Saved buffers that have no meaning between two networks, each by its name with the kind of module that has it.

    These are all but running means, variances and covariances, counters of batches beside them, and the singular
    vectors of spectral norm, which a survey computes for the weights that it is at.

    >>> class Scaled(nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.register_buffer("scale", torch.ones(1))
    >>> fixed_buffers(nn.Sequential(nn.BatchNorm1d(2), Scaled()))
    {'1.scale': 'Scaled'}
    """
    settled = {name for weight in normed_weights(model) for name in weight.vectors}
    saved = model.state_dict().keys()
    found = {}
    for path, module in model.named_modules():
        own = dict(module.named_buffers(recurse=False))
        known = {*_RUNNING, "num_batches_tracked"} if _RUNNING & own.keys() else set()
        for name in own.keys() - known:
            full = f"{path}.{name}" if path else name
            if full in saved and full not in settled:
                found[full] = type(module).__name__
    return found


def norm(weights: Mapping[str, Tensor]) -> float:
    """Euclidean norm of all tensors together, accumulated in float64.

    Parameters
    ----------
    weights : mapping
        Tensors by name.

    Returns
    -------
    float
        0 if there are none.

    Examples
    --------
    >>> norm({"a": torch.tensor([3.0]), "b": torch.tensor([[4.0]])})
    5.0
    """
    norms = [torch.linalg.vector_norm(tensor, dtype=torch.float64) for tensor in weights.values()]
    return torch.linalg.vector_norm(torch.stack(norms)).item() if norms else 0.0


def inner(weights: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> float:
    """Inner product over the tensors of ``weights``, accumulated in float64.

    >>> inner({"a": torch.tensor([3.0])}, {"a": torch.tensor([2.0]), "b": torch.tensor([1.0])})
    6.0
    """
    products = [(tensor.double() * other[name].double()).sum() for name, tensor in weights.items()]
    return torch.stack(products).sum().item() if products else 0.0


def flatten(weights: Mapping[str, Tensor]) -> Tensor:
    """All entries in one vector, (n,), tensor after tensor.

    >>> flatten({"a": torch.tensor([3.0]), "b": torch.tensor([[4.0, 5.0]])})
    tensor([3., 4., 5.])
    """
    return torch.cat([tensor.reshape(-1) for tensor in weights.values()])


def unflatten(vector: Tensor, like: Mapping[str, Tensor]) -> Weights:
    """Inverse of `flatten`: cut ``vector``, (n,), into tensors of the shapes and dtypes of ``like``.

    >>> unflatten(torch.tensor([3.0, 4.0, 5.0]), {"a": torch.zeros(1), "b": torch.zeros(1, 2)})
    {'a': tensor([3.]), 'b': tensor([[4., 5.]])}
    """
    pieces = vector.split([tensor.numel() for tensor in like.values()])
    return {
        name: piece.view(tensor.shape).to(tensor.dtype)
        for (name, tensor), piece in zip(like.items(), pieces, strict=True)
    }


def check_alike(weights: Mapping[str, Tensor], other: Mapping[str, Tensor], what: str) -> None:
    """Raise ValueError unless ``other`` has the names and shapes of ``weights``.

    The message names the first difference; ``what`` says in it what ``other`` is.
    """
    for name, tensor in weights.items():
        if name not in other:
            raise ValueError(f"{what} has no {name!r}, which the network has")
        if other[name].shape != tensor.shape:
            given, expected = tuple(other[name].shape), tuple(tensor.shape)
            raise ValueError(f"{what} has {name!r} of shape {given}, the network of shape {expected}")
    if unknown := next((name for name in other if name not in weights), None):
        raise ValueError(f"{what} has {unknown!r}, which the network has not")


def check_mixable(
    model: nn.Module, other: Mapping[str, Tensor], what: str, network: Mapping[str, Tensor] | None = None
) -> None:
    """Raise ValueError unless ``other`` is a state dict of the kind of ``model`` with which it can be mixed.

    It needs the same names and shapes, and the same values in `fixed_buffers`; ``what`` says in the message what
    ``other`` is. ``network``: a state dict in place of that of ``model``, which then lends its modules alone.

    >>> check_mixable(nn.Linear(1, 1), nn.Linear(2, 1).state_dict(), "the other network")
    Traceback (most recent call last):
    ValueError: the other network has 'weight' of shape (1, 2), the network of shape (1, 1)
    """
    own = model.state_dict() if network is None else network
    check_alike(own, other, what)
    for name, kind in fixed_buffers(model).items():
        if name in own and not _same(own[name], other[name]):
            raise ValueError(
                f"{what} has other values in {name!r}, a buffer of {kind} that has no meaning between two networks: "
                "it is no running mean or variance"
            )


def _same(tensor: Tensor, other: Tensor) -> bool:
    there = other.detach().to(tensor)
    if not tensor.is_floating_point():
        return torch.equal(tensor, there)
    return torch.allclose(tensor, there, rtol=1e-5, atol=0.0, equal_nan=True)


def matching(out: Mapping[str, Tensor], like: Mapping[str, Tensor]) -> list[Tensor]:
    """Tensors of ``out`` under the names in ``like``. ValueError if one is missing or of another shape.

    >>> matching({"a": torch.tensor([3.0]), "b": torch.tensor([4.0])}, {"b": torch.zeros(1)})
    [tensor([4.])]
    """
    for name, tensor in like.items():
        if name not in out or out[name].shape != tensor.shape:
            raise ValueError(f"the network has no {name!r} of shape {tuple(tensor.shape)}")
    return [out[name] for name in like]


def weights_digest(weights: Mapping[str, Tensor]) -> str:
    """SHA-256 of names, dtypes, shapes and values, in hexadecimal, whatever the device and memory layout."""
    digest = hashlib.sha256()
    for name, tensor in weights.items():
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)};".encode())
        flat = tensor.detach().cpu().contiguous().reshape(-1)
        digest.update(flat.view(torch.uint8).numpy().data)
    return digest.hexdigest()


def variance_names(names: Iterable[str]) -> list[str]:
    """Those of ``names`` that are running variances.

    >>> variance_names(["1.weight", "1.running_mean", "1.running_var"])
    ['1.running_var']
    """
    return [name for name in names if name.rpartition(".")[2] == "running_var"]


def clamp_variances(weights: Mapping[str, Tensor], names: Iterable[str]) -> None:
    """Set to zero what is below zero in the running variances ``names`` of ``weights``; NaN stays."""
    if variances := [weights[name] for name in names]:
        torch._foreach_clamp_min_(variances, 0.0)
