"""Planes in weight space. All tensors are written in place: nothing is allocated at a point."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lossatlas.landscape.directions.normalization import random_direction
from lossatlas.landscape.shapes.combination import Basis, Combination
from lossatlas.landscape.shapes.grid import OWN, Grid, around, axis, symmetric
from lossatlas.weight_space import (
    Weights,
    check_alike,
    clamp_variances,
    inner,
    matching,
    norm,
    variance_names,
)

SIDES = ("left", "right", "bottom", "top")

_ALONG_X = "distance from the centre in units of the direction of x"
_ALONG_Y = "distance from the centre in units of the direction of y"


@dataclass(frozen=True, eq=False)
class Plane:
    """The plane centre + x * direction_x + y * direction_y.

    Parameters
    ----------
    centre : dict
        Tensors by name.
    direction_x, direction_y : dict
        Tensors of the same names and shapes.
    clamp : bool, default True
        Whether running variances that fall below zero become zero, where the directions move them.
    marks : array (points, 2), optional
        x and y of points that it was laid through; None: of none.

    Raises
    ------
    ValueError
        If a direction's names or shapes are not the centre's.

    Examples
    --------
    >>> plane = Plane.random({"w": torch.eye(2)}, seed=0)
    >>> plane.place(out := {"w": torch.empty(2, 2)}, 0.0, 0.0)
    >>> out["w"]
    tensor([[1., 0.],
            [0., 1.]])
    """

    centre: Weights
    direction_x: Weights
    direction_y: Weights
    clamp: bool = True
    marks: NDArray[np.float64] | None = None

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

    @classmethod
    def through(
        cls, a: Weights, b: Weights, c: Weights, *, measured: Collection[str] | None = None
    ) -> "Plane":
        """Plane through three networks, with the first at the origin (Garipov et al. 2018, section 5).

        The basis is orthonormal: x runs from ``a`` to ``b``, and y to the side of ``c``, so that x and y are
        distances.

        Parameters
        ----------
        a, b, c : dict
            Tensors by name, the same names and shapes in all.
        measured : collection of str, optional
            Names of the tensors that distances are over; None: all. The others, such as running statistics, are those
            of the three networks at these and affine in between.

        Returns
        -------
        Plane
            ``marks`` are the coordinates of the three.

        Raises
        ------
        ValueError
            If names or shapes differ, or if the three lie on one line.

        Examples
        --------
        >>> a, b, c = ({"w": torch.tensor(w)} for w in ([1.0, 1.0], [5.0, 1.0], [2.0, 3.0]))
        >>> Plane.through(a, b, c).marks
        array([[0., 0.],
               [4., 0.],
               [1., 2.]])
        """
        check_alike(a, b, "the second network")
        check_alike(a, c, "the third network")
        names = list(a if measured is None else measured)
        to_b, to_c = (
            {name: other[name].double() - tensor.double() for name, tensor in a.items()} for other in (b, c)
        )
        b_x = norm(_only(to_b, names))
        c_x = inner(_only(to_b, names), _only(to_c, names)) / b_x if b_x else 0.0
        rest = {name: tensor - (c_x / b_x) * to_b[name] for name, tensor in to_c.items()} if b_x else to_c
        c_y = norm(_only(rest, names))
        _check_a_plane(b_x, c_y, norm(_only(to_c, names)), _only(a, names))
        along_x = {name: torch.empty_like(a[name]).copy_(tensor / b_x) for name, tensor in to_b.items()}
        along_y = {name: torch.empty_like(a[name]).copy_(tensor / c_y) for name, tensor in rest.items()}
        return cls(a, along_x, along_y, marks=np.array([[0.0, 0.0], [b_x, 0.0], [c_x, c_y]]))

    def place(self, out: Weights, y: float, x: float) -> None:
        """Write the weights at (y, x) into ``out``."""
        targets = matching(out, self.centre)
        torch._foreach_copy_(targets, list(self.centre.values()))
        torch._foreach_add_(targets, list(self.direction_x.values()), alpha=x)
        torch._foreach_add_(targets, list(self.direction_y.values()), alpha=y)
        clamp_variances(out, self._clamped)

    def combine(self, y: float, x: float) -> Combination:
        """The weights at (y, x) as a linear combination of the centre and the directions."""
        return Combination(self._basis, (1.0, y, x))

    @cached_property
    def _basis(self) -> Basis:
        return self.centre, self.direction_y, self.direction_x  # what changes from point to point is last

    @property
    def cosine(self) -> float:
        """Cosine of the angle between the two directions."""
        sizes = norm(self.direction_x) * norm(self.direction_y)
        return inner(self.direction_x, self.direction_y) / sizes

    @cached_property
    def _clamped(self) -> list[str]:
        return variance_names(self.centre) if self.clamp else []

    def grid(self, points: int = 51, *, extent: float = 1.0) -> Grid:
        """``points`` x ``points`` points over [-extent, extent] x [-extent, extent], rows y and columns x."""
        values = symmetric(extent, points)
        return self._grid(values, values)

    def grid_around_marks(self, points: int = 51, *, margin: float | Mapping[str, float] = 0.2) -> Grid:
        """``points`` x ``points`` points over the box around ``marks``, wider by ``margin`` of it on each side.

        ``margin`` is one share of the box for all sides, or one for each of "left", "right", "bottom" and "top".
        Along an axis on which all marks lie at one place the box is as wide as along the other. ValueError if there
        are no marks, for sides that are not these four, or as `around` raises it.
        """
        if self.marks is None:
            raise ValueError("the plane was not laid through points: it has no marks")
        margins, width = _by_axis(margin), float(np.ptp(self.marks, axis=0).max())
        half = np.array([-width / 2, width / 2])
        box = [values if np.ptp(values) else values[0] + half for values in self.marks.T]
        x, y = (around(values, room, points) for values, room in zip(box, margins, strict=True))
        grid = self._grid(y, x)
        for variable in grid.axes.values():
            variable.attrs[OWN] = 1
        return grid

    def _grid(self, y: NDArray[np.float64], x: NDArray[np.float64]) -> Grid:
        return Grid({"y": axis("y", y, _ALONG_Y), "x": axis("x", x, _ALONG_X)}, self.place, self.combine)


def _by_axis(margin: float | Mapping[str, float]) -> tuple[tuple[float, float], tuple[float, float]]:
    """Margins at the lower and the upper end of x, and of y."""
    if not isinstance(margin, Mapping):
        return (margin, margin), (margin, margin)
    if set(margin) != set(SIDES):
        raise ValueError(
            f"margin must be a number, or one for each of {', '.join(SIDES)}, got {dict(margin)}"
        )
    left, right, bottom, top = (float(margin[side]) for side in SIDES)
    return (left, right), (bottom, top)


def _only(weights: Weights, names: Collection[str]) -> Weights:
    return {name: weights[name] for name in names}


def _check_a_plane(b_x: float, c_y: float, c_size: float, a: dict[str, Tensor]) -> None:
    """ValueError if nothing but rounding keeps the three networks from lying on one line."""
    rounding = max(torch.finfo(tensor.dtype).eps for tensor in a.values()) * norm(a)
    if b_x <= rounding:
        raise ValueError(
            f"the first two networks are the same: they are {b_x:.3g} apart, so there is no plane"
        )
    if c_y <= rounding + 1e-6 * c_size:
        raise ValueError(
            f"the three networks lie on one line: the third is {c_y:.3g} from it, so there is no plane"
        )
