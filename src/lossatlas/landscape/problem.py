"""What is surveyed: a network, its loss and its data."""

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn

from lossatlas.landscape.loading import Source, Split, gathered

Loss = Callable[[Tensor, Tensor], Tensor]
"""From outputs and targets of a batch to the mean loss over it, in which every example counts the same."""


class Problem:
    """A network, its loss and its data.

    Its landscape is the mean loss over a split as a function of the weights. ``data`` holds each split by its
    name: its inputs and targets, whole, on the network's device, or what gives batches of them, such as a
    DataLoader, which is gone through once. ``metrics`` are measured beside the loss, in the same pass; as the
    loss, each is a mean over the examples of a batch. Surveys leave the network as they found it.

    ValueError if a split is empty, its tensors differ in length, or it lies on another device than the
    network; if a metric has a name that is taken; or if the network has no parameters.

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
        if not data:
            raise ValueError("data has no splits, expected a mapping such as {'train': (inputs, targets)}")
        parameter = next(model.parameters(), None)
        if parameter is None:
            raise ValueError(f"{type(model).__name__} has no parameters, so it has no landscape")
        if taken := next((name for name in metrics or {} if name in ("loss", "error", "split")), None):
            raise ValueError(f"a metric cannot be called {taken!r}, which is measured anyway")
        self.model = model
        self.loss = loss
        self.metrics: Mapping[str, Loss] = dict(metrics or {})
        self.data: Mapping[str, Split] = {
            split: gathered(source, split, parameter.device) for split, source in data.items()
        }
        for split, tensors in self.data.items():
            _check(split, tensors, parameter.device)

    def select(self, splits: Sequence[str] | None) -> tuple[str, ...]:
        """Check the names of ``splits`` (None: all). ValueError for a name that is unknown or given twice."""
        names = tuple(self.data if splits is None else splits)
        if isinstance(splits, str) or not names or len(set(names)) < len(names):
            raise ValueError(f"splits must be a list of different names, got {splits!r}")
        for name in names:
            if name not in self.data:
                raise ValueError(f"unknown split {name!r}, the data has {', '.join(self.data)}")
        return names


def _check(split: str, tensors: Split, device: torch.device) -> None:
    inputs, targets = tensors
    if len(inputs) != len(targets) or not len(inputs):
        raise ValueError(f"split {split!r} has {len(inputs)} inputs and {len(targets)} targets")
    if {inputs.device, targets.device} != {device}:
        where = f"inputs on {inputs.device} and targets on {targets.device}"
        raise ValueError(f"split {split!r} has {where}, but the network is on {device}")
