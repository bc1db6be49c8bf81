"""Rays through a centre of weight space: along both sides of random lines, and around in a plane."""

from collections.abc import Callable
from dataclasses import dataclass
from math import cos, pi, sin

import numpy as np
from numpy.typing import NDArray

from lossatlas.landscape.shapes.lines import Line
from lossatlas.landscape.weight_space import Weights

SIDES = (-1, 1)


@dataclass(frozen=True, eq=False)
class Fan:
    """Two rays along each of ``directions`` lines, then ``angles`` rays in the plane of the first two.

    ``draw(k)`` gives direction k; ``clamp`` is that of `Line`.

    >>> import torch
    >>> unit = torch.eye(2)
    >>> fan = Fan({"w": torch.zeros(2)}, lambda k: {"w": unit[k]}, directions=1, angles=4)
    >>> [fan.line(index).direction["w"].round().tolist() for index in range(len(fan))]
    [[-1.0, -0.0], [1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [-0.0, -1.0]]
    """

    centre: Weights
    draw: Callable[[int], Weights]
    directions: int
    angles: int
    clamp: bool = True

    def __len__(self) -> int:
        return len(SIDES) * self.directions + self.angles

    def line(self, index: int) -> Line:
        """The line whose points at alpha >= 0 are ray ``index``."""
        return Line(self.centre, self._direction(index), self.clamp)

    def _direction(self, index: int) -> Weights:
        k, side = divmod(index, len(SIDES))
        if k < self.directions:
            return {name: SIDES[side] * tensor for name, tensor in self.draw(k).items()}
        angle = self.turns[index - len(SIDES) * self.directions]
        x, y = self.draw(0), self.draw(1)
        return {name: cos(angle) * x[name] + sin(angle) * y[name] for name in x}

    @property
    def turns(self) -> NDArray[np.float64]:
        """Angles of the rays in the plane, (angles,), from the first direction towards the second."""
        return 2 * pi * np.arange(self.angles) / max(self.angles, 1)

    def parts(self, rows: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Cut ``rows``, (rays, ...), into those of the lines, (direction, side, ...), and of the angles."""
        lines, plane = np.split(rows, [len(SIDES) * self.directions])
        return lines.reshape(self.directions, len(SIDES), *rows.shape[1:]), plane
