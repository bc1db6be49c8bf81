"""Initialisations that are fitted to images: layer after layer, by what each gives for a batch of them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import Generator, Tensor, nn

from lossatlas.layers import KEEPS_STATISTICS
from lossatlas.models.init import CONVOLUTIONS, Layer, set_weight
from lossatlas.models.orthogonal import orthogonal

Initialisation = Callable[..., None]
"""Draws the weights of a network in place, from ``generator``."""

Images = Callable[[int], Tensor]
"""From a number to so many training images as the network sees them, (n, C, H, W)."""

_DEAD = 1e-8  # standard deviation of outputs below which they are constant
_UNMOVED = 1e-3  # relative change of the variance that is none
_OFF = 1e-2  # by which a deviation may be off 1, beyond rounding


def lsuv(
    model: nn.Module,
    *,
    generator: Generator,
    images: Images,
    weights: Initialisation = orthogonal,
    examples: int = 256,
    tolerance: float = 0.1,
    iterations: int = 10,
) -> None:
    """Layer-sequential unit variance: scale each layer until its outputs have variance 1.

    Mishkin & Matas 2016 (arXiv:1511.06422, algorithm 1): layers are drawn as orthogonal matrices; then, in the order in
    which they compute, each convolution and linear layer is divided by the standard deviation of its outputs over a
    batch, until their variance is within ``tolerance`` of 1 or ``iterations`` are made. Batch norm takes the statistics
    of the batch meanwhile, and nothing is dropped.

    Parameters
    ----------
    model : nn.Module
        The network, on the device of the images.
    generator : torch.Generator
        For ``weights``.
    images : callable
        From a number to so many training images, (n, C, H, W).
    weights : callable, default `orthogonal`
        The initialisation that is scaled.
    examples : int, default 256
        Images of the batch.
    tolerance : float, default 0.1
        Of the variance.
    iterations : int, default 10
        At most so many for each layer.

    Raises
    ------
    ValueError
        For values out of their range, for a layer whose outputs are constant or not finite, and for weights of fixed
        scale.

    Examples
    --------
    >>> network = nn.Sequential(nn.Linear(8, 64), nn.Tanh(), nn.Linear(64, 64))
    >>> x = torch.randn(256, 8)
    >>> lsuv(network, generator=torch.Generator().manual_seed(0), images=lambda n: x[:n])
    >>> round(network(x).var().item(), 1)
    1.0
    """
    _check(examples, iterations, tolerance)
    weights(model, generator=generator)

    def settle(name: str, layer: Layer, inputs: Any, outputs: Tensor) -> Tensor:
        for _ in range(iterations):
            variance = outputs.double().var().item()
            if not _DEAD**2 < variance < float("inf"):
                raise ValueError(
                    f"the outputs of {name!r} have variance {variance:g}, which no factor makes 1"
                )
            if abs(variance - 1) < tolerance:
                break
            set_weight(layer, layer.weight / variance**0.5)
            outputs = layer.forward(*inputs)
            if abs(outputs.double().var().item() / variance - 1) < _UNMOVED:
                raise _of_fixed_scale(name)
        return outputs

    _layer_by_layer(model, images(examples), settle)


def standardized_outputs(
    model: nn.Module,
    *,
    generator: Generator,
    images: Images,
    weights: Initialisation = orthogonal,
    examples: int = 256,
) -> None:
    """Scale and shift each unit so that its outputs have mean 0 and variance 1 over a batch.

    The data-dependent initialisation of Salimans & Kingma 2016 (arXiv:1602.07868, eq. 5 and 6), which with weight norm
    sets its lengths: of what ``weights`` draws, the row w of a unit becomes w / s and its bias -m / s, with the mean m
    and the deviation s of its outputs, in the order in which layers compute. A layer without biases keeps its mean; a
    unit whose outputs are constant stays. Arguments and errors as in `lsuv`.

    >>> network = nn.Sequential(nn.Linear(8, 64), nn.ReLU(), nn.Linear(64, 4))
    >>> x = torch.randn(256, 8)
    >>> standardized_outputs(network, generator=torch.Generator().manual_seed(0), images=lambda n: x[:n])
    >>> torch.allclose(network(x).mean(0), torch.zeros(4), atol=1e-5)
    True
    """
    _check(examples)
    weights(model, generator=generator)

    def settle(name: str, layer: Layer, inputs: Any, outputs: Tensor) -> Tensor:
        axis = 1 if isinstance(layer, CONVOLUTIONS) else outputs.ndim - 1
        over = [other for other in range(outputs.ndim) if other != axis]
        std, mean = (each.to(outputs) for each in torch.std_mean(outputs.double(), over))
        if not std.isfinite().all():
            raise ValueError(f"the outputs of {name!r} are not finite")
        std = torch.where(std > _DEAD, std, torch.ones_like(std))
        set_weight(layer, layer.weight / std.view(-1, *[1] * (layer.weight.ndim - 1)))
        if layer.bias is not None:
            layer.bias.sub_(mean).div_(std)
        scaled = layer.forward(*inputs)
        varies = scaled.double().std(over)
        if bool(((varies > _DEAD) & ((varies - 1).abs() > _OFF)).any()):
            raise _of_fixed_scale(name)
        return scaled

    _layer_by_layer(model, images(examples), settle)


def _of_fixed_scale(name: str) -> ValueError:
    return ValueError(
        f"the weights of {name!r} have a fixed scale, as those of spectral norm and weight standardisation do, so that "
        "no factor changes the variance of its outputs: take another init or normalization"
    )


_Settle = Callable[[str, Layer, Any, Tensor], Tensor]
"""Changes a layer by its name, itself, its inputs and its outputs, and returns what its outputs are then."""


@torch.no_grad()
def _layer_by_layer(model: nn.Module, batch: Tensor, settle: _Settle) -> None:
    """Pass ``batch`` on, and ``settle`` each layer when it first computes: those before it are settled by then."""
    settled: set[nn.Module] = set()

    def hook(name: str, layer: Any, inputs: Any, outputs: Tensor) -> Tensor:
        if layer in settled:
            return outputs
        settled.add(layer)
        return settle(name, layer, inputs, outputs)

    layers = [
        (name, module)
        for name, module in model.named_modules()
        if isinstance(module, (*CONVOLUTIONS, nn.Linear))
    ]
    handles = [layer.register_forward_hook(partial(hook, name)) for name, layer in layers]
    try:
        with _by_the_batch(model):
            model(batch)
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def _by_the_batch(model: nn.Module) -> Iterator[None]:
    """Evaluation mode, but for what normalises by the batch; modes and statistics are as before afterwards."""
    modes = {module: module.training for module in model.modules()}
    buffers = [(buffer, buffer.clone()) for buffer in model.buffers()]
    try:
        model.eval()
        for module in modes:
            if isinstance(module, KEEPS_STATISTICS):
                module.training = True
        yield
    finally:
        for module, mode in modes.items():
            module.training = mode
        for buffer, value in buffers:
            buffer.copy_(value)


def _check(examples: int, iterations: int = 1, tolerance: float = 1.0) -> None:
    if examples < 2:
        raise ValueError(f"examples must be at least 2, got {examples}")
    if iterations < 1:
        raise ValueError(f"iterations must be at least 1, got {iterations}")
    if not tolerance > 0:
        raise ValueError(f"tolerance must be positive, got {tolerance}")
