"""Planes in weight space. All tensors are written in place: nothing is allocated at a point."""

from dataclasses import dataclass

import torch

from lossatlas.landscape.directions import random_direction
from lossatlas.landscape.grid import Grid, axis, symmetric
from lossatlas.landscape.weight_space import Weights, check_alike, matching

_ALONG_X = "distance from the centre in units of the direction of x"
_ALONG_Y = "distance from the centre in units of the direction of y"


@dataclass(frozen=True, eq=False)
class Plane:
    """The plane centre + x * direction_x + y * direction_y.

    ValueError if a direction's names or shapes are not the centre's.

    >>> plane = Plane.random({"w": torch.eye(2)}, seed=0)
    >>> plane.place(out := {"w": torch.empty(2, 2)}, 0.0, 0.0)
    >>> out["w"]
    tensor([[1., 0.],
            [0., 1.]])
    """

    centre: Weights
    direction_x: Weights
    direction_y: Weights

    def __post_init__(self) -> None:
        check_alike(self.centre, self.direction_x, "the direction of x")
        check_alike(self.centre, self.direction_y, "the direction of y")

    @classmethod
    def random(
        cls, centre: Weights, *, seed: int, normalize: str = "filter", ignore: str = "biasbn"
    ) -> "Plane":
        """Plane through ``centre`` along two independent random directions, which are not orthogonalised."""
        direction_x, direction_y = (
            random_direction(centre, seed=seed, index=index, normalize=normalize, ignore=ignore)
            for index in (0, 1)
        )
        return cls(centre, direction_x, direction_y)

    def place(self, out: Weights, y: float, x: float) -> None:
        """Write the weights at (y, x) into ``out``."""
        targets = matching(out, self.centre)
        torch._foreach_copy_(targets, list(self.centre.values()))
        torch._foreach_add_(targets, list(self.direction_x.values()), alpha=x)
        torch._foreach_add_(targets, list(self.direction_y.values()), alpha=y)

    def grid(self, points: int = 51, *, extent: float = 1.0) -> Grid:
        """``points`` x ``points`` points over [-extent, extent] x [-extent, extent], rows y and columns x."""
        values = symmetric(extent, points)
        return Grid({"y": axis("y", values, _ALONG_Y), "x": axis("x", values, _ALONG_X)}, self.place)
