"""A network that is a place."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class Point(nn.Module):
    """A ball: its only parameter is its ``position``, (d,), which it maps every input to. Maps (B, ...) to (B, d).

    It starts at a place drawn evenly from between ``low`` and ``high``, (d,) each. In training mode each example sees
    it displaced by ``jitter`` times the example's own d numbers, so that batches of noise give noisy gradients, as
    those of a network are; in evaluation mode it is where it is. ValueError unless low <= high, and if an input of
    ``input_shape`` does not have d numbers.

    >>> ball = Point(low=[0.5, 1.0], high=[0.5, 1.0], input_shape=(1, 1, 2), classes=2).eval()
    >>> ball(torch.zeros(3, 1, 1, 2))
    tensor([[0.5000, 1.0000],
            [0.5000, 1.0000],
            [0.5000, 1.0000]], grad_fn=<AddBackward0>)
    """

    def __init__(
        self,
        low: Sequence[float],
        high: Sequence[float],
        *,
        input_shape: Sequence[int],
        classes: int,
        jitter: float = 0.0,
    ) -> None:
        super().__init__()
        if len(low) != len(high) or any(least > most for least, most in zip(low, high, strict=True)):
            raise ValueError(f"low and high must be as long, low <= high, got {list(low)} and {list(high)}")
        numbers = torch.Size(input_shape).numel()
        if not len(low) == classes == numbers:
            raise ValueError(
                f"a ball in {len(low)} dimensions needs data of {len(low)} numbers and classes, "
                f"got {numbers} and {classes}"
            )
        least, most = torch.tensor([low, high], dtype=torch.float32)
        self.position = nn.Parameter(torch.lerp(least, most, torch.rand(len(low))))
        self.jitter = jitter

    def forward(self, inputs: Tensor) -> Tensor:
        """Return where each of the ``inputs``, (B, ...), sees the ball: (B, d)."""
        return self.position + (self.jitter if self.training else 0.0) * inputs.flatten(1)
