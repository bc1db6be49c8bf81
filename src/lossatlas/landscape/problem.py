"""A problem: a network, its loss, and data in memory, whatever they were given as."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import copy
from typing import TypeGuard

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy
from torch.utils.data import Dataset, IterableDataset

Loss = Callable[[Tensor, Tensor], Tensor]
"""From outputs and targets of a batch to the mean loss over it, in which every example counts the same.

Class weights and ignored targets, with which examples count differently, are refused: what a survey measures
would depend on how the data falls into batches.
"""

_MEASURED_ANYWAY = ("loss", "error", "class_loss", "class_error")

_DIMENSIONS = ("split", "class")

Split = tuple[Tensor, Tensor]
"""Inputs and targets, (N, ...) each."""

Source = Split | Iterable[Split]
"""A split, or what gives its batches, such as a DataLoader."""


class Problem:
    """A network, its loss and its data.

    Its landscape is the mean loss over a split as a function of the weights. Surveys leave the network as they found
    it.

    Parameters
    ----------
    model : nn.Module
        The network. All its parameters count, also those that are frozen; one that is shared by two modules counts
        once. Of one that Fabric has set up it is the network that it was given; one in `DistributedDataParallel` is
        measured by each rank as if it were not.
    loss : callable
        From outputs and targets of a batch to the mean loss over its examples, which count alike (`Loss`).
    data : mapping
        Each split by its name: inputs and targets, (N, ...) each, whole, on the network's device; or what gives
        batches of them, such as a DataLoader, which is gone through once.
    metrics : mapping, optional
        Functions like ``loss`` by name, measured in the same pass; None: none.

    Raises
    ------
    ValueError
        If a split is empty, its tensors differ in length, or it lies on another device than the network; if a metric
        has a name that is taken; or if the network has no parameters, or one that is not made of real numbers, is on
        another device than the first, has no values yet, or is a part of one that several ranks share.

    Examples
    --------
    >>> import torch
    >>> data = {"train": (torch.zeros(5, 3), torch.zeros(5, 2))}
    >>> Problem(nn.Linear(3, 2), nn.MSELoss(), data).select(None)
    ('train',)
    """

    def __init__(
        self,
        model: nn.Module,
        loss: Loss,
        data: Mapping[str, Source],
        metrics: Mapping[str, Loss] | None = None,
    ) -> None:
        expected = "expected a mapping such as {'train': (inputs, targets)}"
        if not isinstance(data, Mapping):
            raise ValueError(f"data is a {type(data).__name__}, {expected}")
        if not data:
            raise ValueError(f"data has no splits, {expected}")
        model = _without_fabric(model)
        _check_whole(model)
        device = _device(model)
        _check_names(metrics or {})
        self.model = model
        self.loss = loss
        self.metrics: Mapping[str, Loss] = dict(metrics or {})
        self.data: Mapping[str, Split] = {
            split: gathered(source, split, device) for split, source in data.items()
        }
        for split, tensors in self.data.items():
            _check(split, tensors, device)

    def with_data(self, data: Mapping[str, Split]) -> "Problem":
        """The same network, loss and metrics on other splits, tensors that are checked and on its device already."""
        other = copy(self)
        other.data = dict(data)
        return other

    def select(self, splits: Sequence[str] | None) -> tuple[str, ...]:
        """Check the names of ``splits`` (None: all). ValueError for a name that is unknown or given twice."""
        names = tuple(self.data if splits is None else splits)
        if isinstance(splits, str) or not names or len(set(names)) < len(names):
            raise ValueError(f"splits must be a list of different names, got {splits!r}")
        for name in names:
            if name not in self.data:
                raise ValueError(f"unknown split {name!r}, the data has {', '.join(self.data)}")
        return names


def _without_fabric(model: nn.Module) -> nn.Module:
    """The network that Lightning Fabric has wrapped, whose names `state_dict` has; any other as it is."""
    parts = dict(model.named_children())
    wrapped = type(model).__name__ == "_FabricModule" and "_forward_module" in parts
    return parts.get("_original_module", parts["_forward_module"]) if wrapped else model


def _check_whole(model: nn.Module) -> None:
    """ValueError for a network whose parameters are spread over ranks: each has a part, and none a landscape."""
    sharded = any(type(module).__name__ == "FullyShardedDataParallel" for module in model.modules())
    if sharded or any(hasattr(parameter, "full_tensor") for parameter in model.parameters()):
        raise ValueError(
            f"the parameters of {type(model).__name__} are spread over ranks, so that none has the whole network: "
            "gather them in a network of its own"
        )


def _device(model: nn.Module) -> torch.device:
    """Device of the network's parameters, which must be such that a survey can move them."""
    name = type(model).__name__
    device = None
    for parameter_name, parameter in model.named_parameters():
        which = f"{name} has the parameter {parameter_name!r}"
        if is_lazy(parameter):
            raise ValueError(f"{which}, whose shape is not known yet: run the network on a batch first")
        if parameter.is_meta:
            raise ValueError(f"{which} on the device 'meta', where it has no values")
        if not parameter.is_floating_point():
            dtype = str(parameter.dtype).removeprefix("torch.")
            raise ValueError(f"{which} of dtype {dtype}, expected real floating-point numbers")
        if device not in (None, parameter.device):
            raise ValueError(
                f"{which} on {parameter.device}, and others on {device}: it must be on one device"
            )
        device = parameter.device
    if device is None:
        raise ValueError(f"{name} has no parameters, so it has no landscape")
    return device


def _check_names(metrics: Mapping[str, Loss]) -> None:
    for name in metrics:
        if name in _MEASURED_ANYWAY:
            raise ValueError(f"a metric cannot be called {name!r}, which is measured anyway")
        if name in _DIMENSIONS:
            raise ValueError(f"a metric cannot be called {name!r}, the name of a dimension")


def _check(split: str, tensors: Split, device: torch.device) -> None:
    inputs, targets = tensors
    if not (inputs.ndim and targets.ndim):
        raise ValueError(f"split {split!r} has a single number as inputs or targets, expected (N, ...)")
    if len(inputs) != len(targets) or not len(inputs):
        raise ValueError(f"split {split!r} has {len(inputs)} inputs and {len(targets)} targets")
    if {inputs.device, targets.device} != {device}:
        where = f"inputs on {inputs.device} and targets on {targets.device}"
        raise ValueError(f"split {split!r} has {where}, but the network is on {device}")


def gathered(source: Source, name: str, device: torch.device) -> Split:
    """Gather the split ``name`` into one tensor of inputs and one of targets.

    A pair of tensors is taken as it is. Anything else is gone through once, and what it gives is put on
    ``device``: all points of a survey then see the same examples, also those of a loader that shuffles or
    augments. torch's random state on the CPU is left as it was. ValueError if it gives anything but pairs of
    tensors, or tensors that do not fit together.

    >>> loader = [(torch.zeros(2, 3), torch.zeros(2)), (torch.zeros(1, 3), torch.zeros(1))]
    >>> [tuple(tensor.shape) for tensor in gathered(loader, "train", torch.device("cpu"))]
    [(3, 3), (3,)]
    """
    if _is_pair(source):
        inputs, targets = source
        return inputs, targets
    if isinstance(source, Dataset) and not isinstance(source, IterableDataset):
        raise ValueError(f"split {name!r} is a {_kind(source)} of single examples: wrap it in a DataLoader")
    if not isinstance(source, Iterable):
        raise ValueError(f"split {name!r} must be (inputs, targets) or batches of them, got {_kind(source)}")
    batches = []
    with torch.random.fork_rng(devices=[]):  # a loader draws a seed for its workers, and its order
        for batch in source:
            if not _is_pair(batch):
                raise ValueError(f"split {name!r} gives batches of {_kind(batch)}, expected pairs of tensors")
            batches.append((batch[0].to(device), batch[1].to(device)))
    if not batches:
        raise ValueError(f"split {name!r} has no batches")
    try:
        return torch.cat([inputs for inputs, _ in batches]), torch.cat([targets for _, targets in batches])
    except RuntimeError as error:
        raise ValueError(f"split {name!r} has batches that do not fit together: {error}") from error


def _is_pair(value: object) -> TypeGuard[Sequence[Tensor]]:
    pair = isinstance(value, tuple | list) and len(value) == 2
    return pair and all(isinstance(part, Tensor) for part in value)  # type: ignore[attr-defined]


def _kind(value: object) -> str:
    parts = value if isinstance(value, tuple | list) else ()
    return f"{type(value).__name__}" + (
        f" ({', '.join(type(part).__name__ for part in parts)})" if parts else ""
    )
