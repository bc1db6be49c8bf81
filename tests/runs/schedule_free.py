"""A small optimizer of the protocol of schedule-free ones, as the package ``schedulefree`` has it."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor


class SmallScheduleFree(torch.optim.Optimizer):
    """Schedule-free SGD (Defazio et al. 2024, arXiv:2405.15682, equations 3 to 5), with the state of the package's.

    Steps are taken from y = (1 - beta) z + beta x, where x is the mean of z after each of them. The parameters are y
    in training mode and x in evaluation mode; a step in evaluation mode is refused, as there.
    """

    def __init__(self, params: Iterable[Tensor], lr: float = 0.1, momentum: float = 0.9) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum, "train_mode": False, "k": 0})

    def eval(self) -> None:
        self._go(train=False)

    def train(self) -> None:
        self._go(train=True)

    @torch.no_grad()
    def _go(self, *, train: bool) -> None:
        for group in self.param_groups:
            if group["train_mode"] == train:
                continue
            group["train_mode"] = train
            weight = 1 - group["momentum"] if train else 1 - 1 / group["momentum"]
            for parameter in group["params"]:
                if "z" in self.state[parameter]:
                    parameter.lerp_(self.state[parameter]["z"], weight)

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        with torch.enable_grad():
            loss = None if closure is None else closure()
        for group in self.param_groups:
            if not group["train_mode"]:
                raise RuntimeError("Optimizer was not in train mode when step is called")
            share = 1 / (group["k"] + 1)
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                z = self.state[parameter].setdefault("z", parameter.clone())
                parameter.lerp_(z, share)
                parameter.add_(parameter.grad, alpha=group["lr"] * (group["momentum"] * (1 - share) - 1))
                z.sub_(parameter.grad, alpha=group["lr"])
            group["k"] += 1
        return loss
