"""Sublevel sets of a network's basin: their widths and areas."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import cos, isfinite, pi, sin
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from lossatlas.landscape.directions import Along, DirectionSet, RandomDirections, directions_along
from lossatlas.landscape.engine import EXACT, Engine
from lossatlas.landscape.mapping.map_points import Progress, map_points
from lossatlas.landscape.measuring.evaluate import identity, settings
from lossatlas.landscape.measuring.prepared import prepared
from lossatlas.landscape.measuring.rays import Ray, star_area
from lossatlas.landscape.problem import Problem
from lossatlas.landscape.shapes.grid import evenly, symmetric
from lossatlas.landscape.shapes.lines import Line
from lossatlas.landscape.survey import survey
from lossatlas.weight_space import Weights


@survey(products=None)
def level_sets(
    problem: Problem,
    *,
    directions: int = 10,
    levels: Sequence[float] = (0.1, 0.5, 1.0),
    relative: bool = True,
    angles: int = 32,
    extent: float = 1.0,
    points: int = 20,
    tolerance: float = 1e-3,
    seed: int = 123,
    normalize: str = "filter",
    ignore: str = "biasbn",
    statistics: bool = False,
    convention: str = "lossatlas",
    along: Along = None,
    split: str = "train",
    engine: Engine = EXACT,
    journal: str | Path | None = None,
    progress: Progress | None = None,
) -> xr.Dataset:
    """Sublevel sets {loss < level} around the network: widths and areas, by finding where rays from it leave the set.

    Along each ray the loss is measured at even distances until it reaches the levels, then between two of them until
    each crossing is known. A wall thinner than the spacing may be missed. NaN and infinite losses lie above all
    levels. The lines are those of `line`, and the plane that of `surface`, with the same options.

    Parameters
    ----------
    problem : Problem
        Network, loss and data; left as they were.
    directions : int, default 10
        Number of lines, along both sides of which there is a ray; all of ``along`` if they are fewer.
    levels : sequence of float, default (0.1, 0.5, 1.0)
        Of the loss, or of its rise: different finite numbers.
    relative : bool, default True
        Whether ``levels``, then > 0, are of the rise above the network's loss.
    angles : int, default 32
        Rays in the plane of the first two directions, which ``along`` must then have: 0, or an even number.
    extent : float, default 1.0
        Length of a ray, in units of its direction.
    points : int, default 20
        Even distances on a ray at which the loss is measured first.
    tolerance : float, default 1e-3
        Accuracy of a crossing, in units of the direction.
    seed : int, default 123
        Seed of the random directions.
    normalize : {"filter", "layer", "weight", "none"}, default "filter"
        Rescale random directions to the size of each filter, layer or weight, or not at all (`normalize_direction`).
    ignore : {"biasbn", "none"}, default "biasbn"
        Tensors that stay: those of fewer than two dimensions (biases, normalisation layers), or none.
    statistics : bool, default False
        Whether running means and variances of batch norm move too, as "states" in Li et al.'s code; ``ignore`` =
        "biasbn" leaves them where they are.
    convention : {"lossatlas", "li2018"}, default "lossatlas"
        Rules for drawing, small tensors and variances below zero: this library's, or those of Li et al.'s code.
    along : mapping, directions or a list of these, optional
        In place of the random directions, whose options must then be left alone: tensors by parameter name, or for
        example `GradientDirections`.
    split : str, default "train"
        Part of the data over which the loss is averaged.
    engine : Engine, optional
        Batches, subsample, statistics of batch norm; a reduced precision is not taken.
    journal : str or Path, optional
        File that keeps finished points, from which an interrupted survey goes on (`Journal`); None: nothing is kept.
    progress : callable, optional
        Called with the numbers of finished and of all points; may raise to stop the survey.

    Returns
    -------
    xr.Dataset
        Dimensionless (``angle`` in rad): ``radius`` over (direction, side, level): inf where the loss stays below the
        level up to ``extent``, 0 where the network is not below it, NaN if its loss is not finite; ``width`` over
        (direction, level), the sum of both sides; ``ray`` over (angle, level), the radii in the plane; ``area`` over
        (level,), of the part of the set that is seen from the network, in units of the two directions, which are not
        orthogonalised, and ``area_error``, the change if half of the rays are left out, both NaN without angles;
        ``threshold`` over (level,), the loss at each level; and the scalars ``loss``, of the network, and
        ``measurements``.

    Raises
    ------
    ValueError
        For a value out of its range.

    Examples
    --------
    >>> import torch
    >>> model = torch.nn.Linear(1, 1, bias=False)
    >>> _ = model.weight.data.fill_(1.0)
    >>> problem = Problem(model, torch.nn.MSELoss(), {"train": (torch.ones(4, 1), torch.ones(4, 1))})
    >>> level_sets(problem, directions=1, levels=[0.01, 4.0]).width.values.round(2)  # +- sqrt(level)
    array([[0.2, inf]])
    """
    _check(directions, levels, relative, angles, points, tolerance)
    marks = evenly(0.0, float(symmetric(extent, 2)[1]), points + 1)[1:].tolist()
    random = RandomDirections(seed, normalize, ignore, statistics, convention)
    direction_set = directions_along(along, random, problem)
    bundle = _bundle(direction_set, directions, angles)
    with prepared(problem, splits=[split], engine=engine.exact()) as ready:
        attributes = {
            "survey": "level_sets",
            **direction_set.attributes,
            "split": split,
            "levels": "rise above the network's loss" if relative else "loss",
            "extent": extent,
            "points": points,
            "tolerance": tolerance,
            **settings(ready),
        }
        extra = {"values": list(levels), "lines": bundle.directions, "angles": angles}
        header = {**attributes, **extra, **identity(ready)}
        loss = ready.measure()[0]
        thresholds = [level + (loss if relative else 0.0) for level in levels]

        def measure(index: int) -> list[float]:
            ray = Ray.along(ready, bundle.line(index), loss)
            return [*ray.crossings(thresholds, marks, tolerance=tolerance), len(ray.known)]

        rows = map_points(len(bundle), measure, journal=journal, header=header, progress=progress)
    dataset = _dataset(*bundle.parts(rows[:, :-1]), bundle.turns, levels, attributes)
    return dataset.assign(
        threshold=("level", thresholds, _about("loss at the level")),
        loss=((), loss, _about("mean loss over the split")),
        measurements=((), int(rows[:, -1].sum()), _about("points at which the loss was measured")),
    )


@dataclass(frozen=True, eq=False)
class RayBundle:
    """Bundle of rays: two along each of ``directions`` lines, then ``angles`` in the plane of the first two.

    ``draw(k)`` gives direction k; ``clamp`` is that of `Line`.

    >>> import torch
    >>> unit = torch.eye(2)
    >>> bundle = RayBundle({"w": torch.zeros(2)}, lambda k: {"w": unit[k]}, directions=1, angles=4)
    >>> [bundle.line(index).direction["w"].round().tolist() for index in range(len(bundle))]
    [[-1.0, -0.0], [1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [-0.0, -1.0]]
    """

    centre: Weights
    draw: Callable[[int], Weights]
    directions: int
    angles: int
    clamp: bool = True

    def __len__(self) -> int:
        return len(_SIDES) * self.directions + self.angles

    def line(self, index: int) -> Line:
        """The line whose points at alpha >= 0 are ray ``index``."""
        return Line(self.centre, self._direction(index), self.clamp)

    def _direction(self, index: int) -> Weights:
        k, side = divmod(index, len(_SIDES))
        if k < self.directions:
            return {name: _SIDES[side] * tensor for name, tensor in self.draw(k).items()}
        angle = self.turns[index - len(_SIDES) * self.directions]
        x, y = self.draw(0), self.draw(1)
        return {name: cos(angle) * x[name] + sin(angle) * y[name] for name in x}

    @property
    def turns(self) -> NDArray[np.float64]:
        """Angles of the rays in the plane, (angles,), from the first direction towards the second."""
        return 2 * pi * np.arange(self.angles) / max(self.angles, 1)

    def parts(self, rows: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Cut ``rows``, (rays, ...), into those of the lines, (direction, side, ...), and of the angles."""
        lines, plane = np.split(rows, [len(_SIDES) * self.directions])
        return lines.reshape(self.directions, len(_SIDES), *rows.shape[1:]), plane


def _bundle(direction_set: DirectionSet, directions: int, angles: int) -> RayBundle:
    direction_set.take(2 if angles else 1)  # raises an error if there are fewer
    number = directions if direction_set.number is None else min(directions, direction_set.number)
    return RayBundle(
        direction_set.centre, lru_cache(maxsize=2)(direction_set.draw), number, angles, direction_set.clamp
    )


def _dataset(
    radius: NDArray[np.float64],
    ray: NDArray[np.float64],
    turns: NDArray[np.float64],
    levels: Sequence[float],
    attributes: dict[str, Any],
) -> xr.Dataset:
    unknown = np.full(len(levels), np.nan)
    area, error = star_area(ray) if len(ray) else (unknown, unknown)
    return xr.Dataset(
        {
            "radius": (("direction", "side", "level"), radius, _about("distance to the level")),
            "width": (("direction", "level"), radius.sum(1), _about("width of the set below the level")),
            "ray": (("angle", "level"), ray, _about("distance to the level in the plane")),
            "area": ("level", area, _about("area of the set below the level in the plane")),
            "area_error": ("level", error, _about("change of the area if half of the rays are left out")),
        },
        {
            "direction": ("direction", np.arange(len(radius)), _about("number of the direction")),
            "side": ("side", list(_SIDES), _about("sign of the direction")),
            "level": ("level", list(levels), _about(attributes["levels"])),
            "angle": ("angle", turns, {"long_name": "angle from the first direction", "units": "rad"}),
        },
        attributes,
    )


def _about(meaning: str) -> dict[str, str]:
    return {"long_name": meaning, "units": "1"}


def _check(
    directions: int, levels: Sequence[float], relative: bool, angles: int, points: int, tolerance: float
) -> None:
    if directions < 1:
        raise ValueError(f"directions must be >= 1, got {directions}")
    if not len(levels) or not all(isfinite(level) and (level > 0 or not relative) for level in levels):
        kind = "positive rises above the network's loss" if relative else "finite losses"
        raise ValueError(f"levels must be {kind}, got {list(levels)}")
    if len(set(levels)) < len(levels):
        raise ValueError(f"levels must be different numbers, got {list(levels)}")
    if angles < 0 or angles % 2:
        raise ValueError(f"angles must be even, or 0 for no area, got {angles}")
    if points < 1:
        raise ValueError(f"points must be >= 1, got {points}")
    if not (isfinite(tolerance) and tolerance > 0):
        raise ValueError(f"tolerance must be finite and > 0, got {tolerance}")


_SIDES = (-1, 1)
