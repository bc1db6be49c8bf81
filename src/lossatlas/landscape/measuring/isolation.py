"""Isolation of a survey: the network and torch's settings are as before when it ends."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from lossatlas.weight_space import Weights


@contextmanager
def evaluation_mode(model: nn.Module) -> Iterator[None]:
    """Put every module into evaluation mode; afterwards each is in the mode it was in.

    >>> model = nn.Sequential(nn.Dropout())
    >>> with evaluation_mode(model):
    ...     model[0].training
    False
    >>> model[0].training
    True
    """
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode


@contextmanager
def weights_of_its_own(
    model: nn.Module, memory_format: torch.memory_format, dtype: torch.dtype | None = None
) -> Iterator[Weights]:
    """Put copies in the place of the network's parameters and buffers, and yield them to be overwritten.

    The original memory is not touched and is put back afterwards, so nothing can be lost, whatever interrupts
    the block. Tensors of four dimensions are laid out as ``memory_format`` says, others as they were; those of
    floating point are in ``dtype``, if it is given.

    >>> model = nn.Linear(1, 1, bias=False)
    >>> before = model.weight.item()
    >>> with weights_of_its_own(model, torch.preserve_format) as weights:
    ...     weights["weight"].fill_(7.0)
    ...     model(torch.ones(1)).item()
    tensor([[7.]])
    7.0
    >>> model.weight.item() == before
    True
    """
    tensors = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    derived = [(vars(module), name, value) for module in model.modules() for name, value in _derived(module)]
    originals = {name: tensor.data for name, tensor in tensors.items()}
    copies = {
        name: tensor.clone(memory_format=memory_format if tensor.ndim == 4 else torch.preserve_format)
        for name, tensor in originals.items()
    }
    if dtype is not None:
        copies = {name: each.to(dtype) if each.is_floating_point() else each for name, each in copies.items()}
    try:
        for name, tensor in tensors.items():
            tensor.data = copies[name]
        yield copies
    finally:
        for name, tensor in tensors.items():
            tensor.data = originals[name]
        for attributes, name, value in derived:
            attributes[name] = value


def _derived(module: nn.Module) -> list[tuple[str, torch.Tensor]]:
    """Tensors that a module keeps as plain attributes, as the weights that hooks compute before each pass."""
    return [(name, value) for name, value in vars(module).items() if isinstance(value, torch.Tensor)]


@contextmanager
def without_wrappers(model: nn.Module) -> Iterator[None]:
    """Have those modules that only share the work among processes or devices call what they wrap, in the block.

    In `DistributedDataParallel` a forward pass sends the buffers of rank 0 to all others; but surveys have each rank
    at a point of its own, where they are others, and so many passes that ranks would wait for each other for ever.

    >>> model = nn.DataParallel(nn.Linear(1, 1))
    >>> with without_wrappers(model):
    ...     model(torch.ones(1)).equal(model.module(torch.ones(1)))
    True
    """
    wrappers = [module for module in model.modules() if isinstance(module, _WRAPPERS)]
    try:
        for wrapper in wrappers:
            vars(wrapper)["forward"] = wrapper.module.__call__
        yield
    finally:
        for wrapper in wrappers:
            vars(wrapper).pop("forward", None)


_WRAPPERS = (nn.parallel.DistributedDataParallel, nn.DataParallel)


@contextmanager
def full_precision(*, on_gpu: str = "ieee") -> Iterator[None]:
    """Compute float32 as float32: no TF32 or bfloat16 inside convolutions and products, no autocast.

    ``on_gpu`` = "tf32" makes an exception there.

    Convolutions on a GPU also take deterministic algorithms, chosen without timing, so that a survey that is
    resumed repeats the same bits. The settings are as before afterwards.

    >>> torch.set_float32_matmul_precision("high")
    >>> with full_precision():
    ...     torch.backends.cuda.matmul.fp32_precision
    'ieee'
    >>> torch.get_float32_matmul_precision()
    'high'
    >>> torch.set_float32_matmul_precision("highest")
    """
    backends: Any = torch.backends  # its attributes are made at run time
    settings = [
        (backends.cuda.matmul, "fp32_precision", on_gpu),
        (backends.cudnn.conv, "fp32_precision", on_gpu),
        (backends.cudnn.rnn, "fp32_precision", on_gpu),
        (backends.mkldnn.matmul, "fp32_precision", "ieee"),
        (backends.mkldnn.conv, "fp32_precision", "ieee"),
        (backends.mkldnn.rnn, "fp32_precision", "ieee"),
        (backends.cudnn, "benchmark", False),
        (backends.cudnn, "deterministic", True),
    ]
    before = [(place, name, getattr(place, name)) for place, name, _ in settings]
    try:
        for place, name, value in settings:
            setattr(place, name, value)
        with torch.autocast("cpu", enabled=False), torch.autocast("cuda", enabled=False):
            yield
    finally:
        for place, name, value in before:
            setattr(place, name, value)
