"""Sequences of points in weight space, laid out along named axes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from math import isfinite, prod
from typing import Protocol

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from lossatlas.landscape.shapes.combination import Combination
from lossatlas.weight_space import Weights


class Points(Protocol):
    """Indexed sequence of points in weight space, which are measured in any order."""

    @property
    def axes(self) -> Mapping[str, xr.Variable]:
        """Coordinates along each axis by its name; the points are in row-major order, last axis fastest."""

    def __len__(self) -> int: ...

    def weights_at(self, index: int, out: Weights) -> None:
        """Write the weights of point ``index`` into the tensors of ``out`` with the same names."""


@dataclass(frozen=True, eq=False)
class Grid:
    """All combinations of the axes' coordinates, each turned into weights by ``place(out, *coordinates)``.

    Parameters
    ----------
    axes : mapping
        Coordinates along each axis by its name, as `axis` makes them; the last axis is the fastest.
    place : callable
        Writes the weights at the coordinates into ``out``, tensors by name.
    combine : callable, optional
        From the coordinates to the `Combination` that the weights are; None: it is not known.

    Examples
    --------
    >>> grid = Grid({"y": axis("y", [1, 2], ""), "x": axis("x", [5, 6, 7], "")}, print)
    >>> len(grid), grid.coordinates(1), grid.coordinates(3)
    (6, (1.0, 6.0), (2.0, 5.0))
    """

    axes: Mapping[str, xr.Variable]
    place: Callable[..., None]
    combine: Callable[..., Combination] | None = None

    def __len__(self) -> int:
        return prod(self.shape)

    @cached_property
    def shape(self) -> tuple[int, ...]:
        """Number of points along each axis."""
        return tuple(variable.size for variable in self.axes.values())

    def coordinates(self, index: int) -> tuple[float, ...]:
        """Coordinates of point ``index``. IndexError outside the grid."""
        if not 0 <= index < len(self):
            raise IndexError(f"point {index} of a grid of {len(self)}")
        found = []
        for values in reversed(self._values):
            index, position = divmod(index, len(values))
            found.append(values[position])
        return tuple(reversed(found))

    @cached_property
    def _values(self) -> list[list[float]]:
        return [variable.values.astype(float).tolist() for variable in self.axes.values()]

    def weights_at(self, index: int, out: Weights) -> None:
        """Write the weights of point ``index`` into the tensors of ``out`` with the same names."""
        self.place(out, *self.coordinates(index))

    def combination_at(self, index: int) -> Combination | None:
        """The linear combination that is point ``index``, if that is known."""
        return None if self.combine is None else self.combine(*self.coordinates(index))


OWN = "of_this_network"
"""Attribute of an axis whose values, unlike its number of points, depend on the networks that are surveyed."""


def axis(name: str, values: ArrayLike, meaning: str, *, units: str = "1") -> xr.Variable:
    """Coordinate along the dimension ``name``; ``meaning`` becomes its long name.

    >>> axis("alpha", [0.0, 1.0], "distance").attrs
    {'long_name': 'distance', 'units': '1'}
    """
    return xr.Variable((name,), np.asarray(values), {"long_name": meaning, "units": units})


def evenly(low: float, high: float, points: int) -> NDArray[np.float64]:
    """Return ``points`` evenly spaced numbers from ``low`` to ``high``.

    Unlike a running sum of steps they are exact where the spacing allows: symmetric about 0 if the range is,
    and with an exact 0 and 1 in them. ValueError if there are fewer than two points or the range is empty.

    >>> evenly(-0.5, 1.5, 5).tolist()
    [-0.5, 0.0, 0.5, 1.0, 1.5]
    """
    if points < 2:
        raise ValueError(f"points must be >= 2, got {points}")
    if not (isfinite(low) and isfinite(high) and low < high):
        raise ValueError(f"the range must be finite and rise, got {low} to {high}")
    i = np.arange(points)
    return (low * (points - 1 - i) + high * i) / (points - 1)


def symmetric(extent: float, points: int) -> NDArray[np.float64]:
    """Return ``points`` evenly spaced numbers from -``extent`` to ``extent``. ValueError unless extent > 0.

    >>> symmetric(1.0, 3).tolist()
    [-1.0, 0.0, 1.0]
    """
    if not (isfinite(extent) and extent > 0):
        raise ValueError(f"extent must be finite and > 0, got {extent}")
    return evenly(-extent, extent, points)


def around(values: ArrayLike, margin: float | tuple[float, float], points: int) -> NDArray[np.float64]:
    """Return ``points`` evenly spaced numbers over the range of ``values``, wider by ``margin`` of it at each end.

    Of two margins the first is that of the lower end. ValueError if one is negative, or as `evenly` raises it.

    >>> around([0.0, 10.0, 4.0], 0.2, 3).tolist(), around([0.0, 10.0], (0.0, 0.4), 3).tolist()
    ([-2.0, 5.0, 12.0], [0.0, 7.0, 14.0])
    """
    below, above = margin if isinstance(margin, tuple) else (margin, margin)
    for given in (below, above):
        if not (isfinite(given) and given >= 0):
            raise ValueError(f"margin must be finite and >= 0, got {given}")
    low, high = float(np.min(values)), float(np.max(values))
    size = high - low
    return evenly(low - below * size, high + above * size, points)
