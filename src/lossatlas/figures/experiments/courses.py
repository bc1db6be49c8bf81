"""What races over a surface: its heights, and the paths of those that begin at one place."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import xarray as xr

from lossatlas.figures import panels
from lossatlas.figures.layout.arrangement import (
    SEED,
    Datasets,
    Names,
    called,
    first_surveyed,
    needed,
    on_own_axes,
    over,
)
from lossatlas.figures.style import colors_of
from lossatlas.measures.selection import select

LevelPlace = tuple[str, Sequence[float], float]
"""Kind of a critical point ("minimum", "saddle" or "maximum"), its place and its height, as toys tell them."""

_STYLES = ("solid", "dashed", "dotted")  # of those that share a colour


@dataclass(frozen=True)
class Racer:
    """What one optimizer has done: path_x, path_y and path_loss over ([seed], snapshot)."""

    name: str
    color: Any
    dashes: str
    paths: xr.Dataset
    seed: int | None = None  # place of the seed that is shown first; None: the first that has a path

    @property
    def is_there(self) -> bool:
        """Whether there is a path at all; a run that left float range has none."""
        return bool(self.first.sizes["snapshot"])

    @property
    def first(self) -> xr.Dataset:
        """Path of the seed that is shown first, of finite places alone."""
        shown = first_surveyed(self.paths) if self.seed is None else self.paths.isel({SEED: self.seed})
        return _finished(shown)

    @property
    def seeds(self) -> set[int]:
        """Places of the seeds that have a path."""
        numbers = range(self.paths.sizes.get(SEED, 0))
        return {k for k in numbers if _finished(self.paths.isel({SEED: k})).sizes["snapshot"]}

    @property
    def others(self) -> list[xr.Dataset]:
        """Those of the other seeds."""
        if SEED not in self.paths.dims:
            return []
        every = [_finished(self.paths.isel({SEED: number})) for number in range(self.paths.sizes[SEED])]
        first = self.first
        return [path for path in every if path.sizes["snapshot"] and not path.equals(first)]


@dataclass(frozen=True)
class Course:
    """A surface and those that race over it."""

    title: str
    ground: xr.DataArray  # (y, x) heights
    racers: list[Racer]
    level: Sequence[LevelPlace]

    @property
    def lowest(self) -> float | None:
        """Height of the lowest minimum; None where none is told."""
        return min((height for kind, _, height in self.level if kind == "minimum"), default=None)

    @property
    def steps(self) -> np.ndarray:
        """All steps at which somebody's place is known."""
        return np.unique(
            np.concatenate([racer.first["snapshot"].values for racer in self.racers if racer.is_there])
        )


def courses(
    datasets: Datasets,
    *,
    by: str,
    columns: str | None = None,
    at: Mapping[str, Any] | None = None,
    paths: str = "trajectory",
    ground: str = "surface",
    split: str = "train",
    critical_points: Mapping[Any, Sequence[LevelPlace]] | Sequence[LevelPlace] = (),
    names: Names | None = None,
) -> list[Course]:
    """The surface at each value of ``columns`` with the paths over it; the arguments are those of `race`."""
    at = at or {}
    way = needed(datasets, paths, ground)
    if not panels.has_own_origin(way):
        raise ValueError(
            f"{paths!r}: paths that start together need one origin: survey them along "
            "CoordinateDirections(numbers, origin), as toys do"
        )
    dims = [dim for dim in (by, columns) if dim is not None]
    ways = select(way[["path_x", "path_y", "path_loss"]], {**at, "split": split})
    ways = over(ways, [*dims, "snapshot"])
    heights = datasets[ground]["loss"]
    heights = select(
        heights, {dim: value for dim, value in {**at, "split": split}.items() if dim in heights.dims}
    )
    found = []
    for value in [None] if columns is None else ways[columns].values.tolist():
        here: dict[str, Any] = {} if columns is None else {columns: value}
        own = select(heights, {dim: here[dim] for dim in here if dim in heights.dims})
        told = critical_points.get(value, ()) if isinstance(critical_points, Mapping) else critical_points
        racers = _racers(select(ways, here), by, names)
        found.append(Course(called(columns, value, names), _first_map(own, ground), racers, told))
    if not any(racer.is_there for course in found for racer in course.racers):
        raise ValueError(f"no network of this sweep has a path in {paths!r}")
    return found


def _racers(ways: xr.Dataset, by: str, names: Names | None) -> list[Racer]:
    values = ways[by].values.tolist()
    colors = colors_of([str(value) for value in values])  # as different as can be, also of numbers
    every = len(set(colors))
    racers = [
        Racer(
            (names or {}).get(by, {}).get(value) or str(value).replace("_", " "),
            color,
            _STYLES[number // every % len(_STYLES)],
            select(ways, {by: value}),
        )
        for number, (value, color) in enumerate(zip(values, colors, strict=True))
    ]
    shared = (
        set.intersection(*(r.seeds for r in racers if r.seeds)) if any(r.seeds for r in racers) else set()
    )
    # A seed draws the start: one that all have, or it is no race.
    return [replace(racer, seed=min(shared)) if shared & racer.seeds else racer for racer in racers]


def _first_map(heights: xr.DataArray, name: str) -> xr.DataArray:
    """Heights (y, x) of the first network that was surveyed: those of all others are the same."""
    heights = heights.transpose(..., "y", "x")
    for place in np.ndindex(heights.shape[:-2]):
        one = heights.isel(dict(zip(heights.dims, place, strict=False)), drop=True)
        if bool(one.notnull().any()):
            return one.dropna("x", how="all").dropna("y", how="all")
    raise ValueError(f"no network of this sweep has a landscape {name!r}")


def _finished(path: xr.Dataset) -> xr.Dataset:
    """Those snapshots of a path whose places are numbers."""
    path = on_own_axes(path)
    there = np.isfinite(path["path_x"].values) & np.isfinite(path["path_y"].values)
    return path.isel(snapshot=there)


def start_apart(course: Course) -> bool:
    """Whether those that race have seeds of which none is shared by all."""
    racing = [racer for racer in course.racers if racer.seeds]
    return len(racing) > 1 and all(racer.seed is None for racer in racing)


def chosen_steps(shown: Sequence[Course], most: int) -> list[float]:
    """Steps of all courses, or ``most`` that are evenly spaced among them, the first and the last included."""
    steps = np.unique(
        np.concatenate([course.steps for course in shown if any(r.is_there for r in course.racers)])
    )
    places = np.unique(np.linspace(0, len(steps) - 1, min(most, len(steps))).round().astype(int))
    return steps[places].tolist()
