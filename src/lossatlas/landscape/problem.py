"""What is surveyed: a network, its loss and its data."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor, nn

Loss = Callable[[Tensor, Tensor], Tensor]
"""From outputs and targets of a batch to the mean loss over it, in which every example counts the same."""


@dataclass(frozen=True, eq=False)
class Problem:
    """A network, its loss and its data.

    Its landscape is the mean loss over a split as a function of the weights. ``data`` holds the inputs and
    targets of each split by its name, whole, on the network's device. Surveys leave the network as they found
    it. ValueError if a split is empty, its tensors differ in length, or it lies on another device than the
    network.

    >>> import torch
    >>> data = {"train": (torch.zeros(5, 3), torch.zeros(5, 2))}
    >>> Problem(nn.Linear(3, 2), nn.MSELoss(), data).select(None)
    ('train',)
    """

    model: nn.Module
    loss: Loss
    data: Mapping[str, tuple[Tensor, Tensor]]  # (N, ...) inputs and (N, ...) targets by split

    def __post_init__(self) -> None:
        if not self.data:
            raise ValueError("data has no splits, expected a mapping such as {'train': (inputs, targets)}")
        parameter = next(self.model.parameters(), None)
        if parameter is None:
            raise ValueError(f"{type(self.model).__name__} has no parameters, so it has no landscape")
        for split, (inputs, targets) in self.data.items():
            if len(inputs) != len(targets) or not len(inputs):
                raise ValueError(f"split {split!r} has {len(inputs)} inputs and {len(targets)} targets")
            if {inputs.device, targets.device} != {parameter.device}:
                where = f"inputs on {inputs.device} and targets on {targets.device}"
                raise ValueError(f"split {split!r} has {where}, but the network is on {parameter.device}")

    def select(self, splits: Sequence[str] | None) -> tuple[str, ...]:
        """Check the names of ``splits`` (None: all). ValueError for a name that is unknown or given twice."""
        names = tuple(self.data if splits is None else splits)
        if isinstance(splits, str) or not names or len(set(names)) < len(names):
            raise ValueError(f"splits must be a list of different names, got {splits!r}")
        for name in names:
            if name not in self.data:
                raise ValueError(f"unknown split {name!r}, the data has {', '.join(self.data)}")
        return names
