"""A surface for a ball to roll on: a loss that is a function of the position."""

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Cubic:
    """x^3 - x^2 along the first dimension, the square of each further one.

    As a loss it is the mean height of a batch; targets do not count.

    A valley with its lowest place at x = 2/3, -4/27 high, is closed by a pass at x = 0, of height 0. Beyond it the
    cubic falls without end; here it falls to x = ``floor``, from where on the ground is level along x, so that a ball
    that has left the valley comes to rest. In the valley the curvature is 2 in every direction. ValueError unless floor
    is below 0.

    >>> import torch
    >>> Cubic().heights(torch.tensor([[2 / 3, 0.0], [0.0, 0.0], [0.0, 0.5], [-9.0, 0.0]]))
    tensor([-0.1481,  0.0000,  0.2500, -2.0000])
    """

    floor: float = -1.0

    def __post_init__(self) -> None:
        if not self.floor < 0:
            raise ValueError(f"floor must lie beyond the pass at 0, got {self.floor}")

    def heights(self, places: Tensor) -> Tensor:
        """Return the height, (...), at each of ``places``, (..., d)."""
        x = places[..., 0].clamp(min=self.floor)
        return x**3 - x**2 + places[..., 1:].square().sum(-1)

    def __call__(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the mean height at the ``outputs``, (B, d), of a `Point`."""
        return self.heights(outputs).mean()
