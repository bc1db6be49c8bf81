"""Memory layout of data and weights: it makes forward passes fast and changes only rounding."""

from functools import cache
from math import log2, prod

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd

from lossatlas.landscape.engine import EXACT, Engine
from lossatlas.landscape.measuring.isolation import weights_of_its_own

_LARGEST = 1024
_POSITIONS_CPU = 2**16  # activations of 64 images of 32 x 32, or 1024 of 8 x 8, fit the caches of a core
_POSITIONS_ELSEWHERE = 2**20  # a GPU wants more to do at once: 1024 images of 32 x 32


def fitting_batch_size(inputs: Tensor, model: nn.Module | None = None) -> int:
    """Batch size for ``inputs``, (N, ...): a power of two that depends on shapes, network and device type alone.

    What fills the caches are the feature maps of convolutions; a ``model`` without any gets large batches.

    >>> fitting_batch_size(torch.empty(5000, 1, 8, 8)), fitting_batch_size(torch.empty(50, 3, 32, 32))
    (1024, 64)
    >>> fitting_batch_size(torch.empty(50, 3, 32, 32), nn.Linear(3072, 10))
    1024
    """
    if model is not None and not any(isinstance(module, _ConvNd) for module in model.modules()):
        return _LARGEST
    budget = _POSITIONS_CPU if inputs.device.type == "cpu" else _POSITIONS_ELSEWHERE
    return min(max(2 ** round(log2(budget / prod(inputs.shape[2:]))), 16), _LARGEST)


def fitting_memory_format(model: nn.Module, inputs: Tensor, engine: Engine = EXACT) -> torch.memory_format:
    """Channels-last where it makes ``model`` faster on ``inputs``, (N, ...), else the format that they have.

    It pays on a CPU for images of several channels (1.1 to 1.5 times, growing with the network's width) and for
    max pooling (which is up to ten times as fast), not for narrow networks without either; elsewhere in reduced
    precision, for which tensor cores want it. A network that cannot take it, because it calls ``view`` on its
    feature maps, keeps its format, and so does one without convolutions.
    """
    if inputs.ndim != 4 or not any(isinstance(module, nn.Conv2d) for module in model.modules()):
        return torch.preserve_format
    pays = engine.precision != "float32"
    if inputs.device.type == "cpu":
        pools = any(isinstance(module, nn.MaxPool2d) for module in model.modules())
        pays = pools or inputs.shape[1] > 1
    return torch.channels_last if pays and _takes_channels_last(model, inputs[:2]) else torch.preserve_format


def _takes_channels_last(model: nn.Module, inputs: Tensor) -> bool:
    try:
        with weights_of_its_own(model, torch.channels_last), torch.inference_mode():
            model(inputs.contiguous(memory_format=torch.channels_last))
    except RuntimeError:
        return False
    return True


@cache
def keep_freed_memory() -> None:
    """Have glibc keep up to 64 MB of freed memory, where by default it hands it back after every layer.

    The page faults that follow cost up to a fifth of a forward pass. Freeing one large block raises glibc's
    thresholds for the process (M_MMAP_THRESHOLD in mallopt(3)); to other allocators it means nothing.
    """
    torch.empty(2**25 - 2**16, dtype=torch.uint8)
