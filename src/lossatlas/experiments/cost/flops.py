"""Counting floating-point operations: those of convolutions and matrix products, two for a multiply-add."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode, flop_registry


class FlopCount(TorchDispatchMode):
    """Counts what torch does while it is entered, by the formulas of `torch.utils.flop_counter`.

    Unlike `FlopCounterMode` it puts no hooks on modules, which cost a survey its speed, and derivatives by the inputs
    their graph.

    >>> with FlopCount() as count:
    ...     product = torch.ones(2, 3) @ torch.ones(3, 5)
    >>> count.flops
    60
    """

    def __init__(self) -> None:
        super().__init__()
        self.flops = 0

    def __torch_dispatch__(
        self,
        func: Any,
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Call ``func``, and add what it takes; in inference mode it may be made of others, which are then counted."""
        formula = flop_registry.get(func._overloadpacket)
        if formula is None:
            with self:
                parts = func.decompose(*args, **(kwargs or {}))
            return func(*args, **(kwargs or {})) if parts is NotImplemented else parts
        outputs = func(*args, **(kwargs or {}))
        self.flops += formula(*args, **(kwargs or {}), out_val=outputs)
        return outputs


@torch.no_grad()
def forward_flops(make: Callable[[], nn.Module], shape: Sequence[int]) -> int:
    """Operations of a forward pass in evaluation mode for one image of ``shape`` (C, H, W).

    ``make`` makes the network; it is made, and run, on torch's meta device, which computes nothing.

    >>> forward_flops(lambda: nn.Conv2d(3, 16, 3, padding=1), (3, 32, 32)) == 2 * 32 * 32 * 16 * 3 * 3 * 3
    True
    """
    with torch.device("meta"):
        network = make().to("meta").eval()
        image = torch.zeros(1, *shape)
    with FlopCounterMode(display=False) as counter:
        network(image)
    return counter.get_total_flops()
