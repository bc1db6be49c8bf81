"""Optimizers that are made of others, which they step: one for each kind of parameters, or one around another."""

from collections.abc import Sequence
from typing import Any

from torch.optim import Optimizer


class Composed(Optimizer):
    """Optimizer made of ``parts``: their groups, in their order, and their states are its own.

    Schedules, checkpoints and clipping see one optimizer. `share` gives the parts their groups and the state back, as
    they are after a checkpoint was loaded; subclasses call it before they step a part.
    """

    def __init__(self, parts: Sequence[Optimizer]) -> None:
        super().__init__([group for part in parts for group in part.param_groups], {})
        self.parts = list(parts)
        for part in parts:
            self.state.update(part.state)
        self.share()

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add a group to those of the last part, with its settings where the group has none of its own."""
        if "parts" not in vars(self):  # while it is made
            super().add_param_group(param_group)
            return
        self.share()
        part = self.parts[-1]
        part.add_param_group(param_group)
        self.param_groups.append(part.param_groups[-1])

    def share(self) -> None:
        """Have the parts hold the groups and the state of the whole."""
        groups = iter(self.param_groups)
        for part in self.parts:
            part.param_groups = [next(groups) for _ in part.param_groups]
            part.state = self.state
