"""Training path in weight space: its principal plane, and what random planes show of it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import nan, pi, sqrt
from typing import Any

import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray
from torch import Tensor

from lossatlas.choices import chosen
from lossatlas.landscape.directions.direction_set import with_zeros
from lossatlas.landscape.directions.normalization import random_direction
from lossatlas.landscape.problem import Problem
from lossatlas.landscape.shapes.grid import axis
from lossatlas.landscape.shapes.plane import Plane
from lossatlas.landscape.slices.pca import (
    Components,
    Projection,
    Rows,
    principal_components,
    projection,
    projections,
)
from lossatlas.weight_space import Weights, check_alike, norm, parameters, state, weights_digest

Snapshots = Sequence[Mapping[str, Tensor]] | Mapping[float, Mapping[str, Tensor]]
"""State dicts of a network at times of its training, in order, or by epoch, in any order."""

_SHOWN = 10  # leading components whose share of the variance is told
_ENTRIES = 2**28  # of random directions at once: 1 GiB in float32
_IGNORED: dict[str, Callable[[Tensor], bool]] = {"biasbn": lambda w: w.ndim < 2, "none": lambda w: False}


@dataclass(frozen=True, eq=False)
class _Trajectory:
    """Training path: networks on the way to the last of them."""

    networks: Sequence[Weights]  # parameters and statistics, in order
    times: xr.Variable  # (snapshot,) the epoch of each, or its number
    origin: Weights  # those of the last that directions are made of
    rows: Rows  # the matrix whose principal components are taken
    centred: bool  # whether its mean is subtracted

    def components(self, number: int = 2) -> Components:
        """The first principal components. ValueError if there are fewer, as where the networks lie on one line."""
        return principal_components(self.rows, components=number, centred=self.centred)

    def seen_along(self, first: Weights, second: Weights, total: float) -> Projection:
        """The rows in the plane of two directions; see `projection`."""
        return projection(self.rows, first, second, total=total, centred=self.centred)

    def chord(self) -> Weights:
        """The direction from the last network to the first, of norm 1."""
        way = {}
        for name, last in self.origin.items():
            first = self.networks[0][name].to(last.device)
            way[name] = torch.empty_like(last).copy_(first.double() - last.double())
        size = norm(way)
        return {name: tensor / size for name, tensor in way.items()}

    @cached_property
    def distances(self) -> list[float]:
        """Of the networks from the last, in order."""
        return [
            norm({name: each[name].to(w).double() - w.double() for name, w in self.origin.items()})
            for each in self.networks
        ]

    def digest(self) -> str:
        """Hash of all networks, which tells this trajectory from others."""
        return weights_digest(
            {f"{k} {name}": tensor for k, each in enumerate(self.networks) for name, tensor in each.items()}
        )


def trajectory_to(
    problem: Problem,
    snapshots: Snapshots,
    *,
    ignore: str = "none",
    centred: bool = True,
    last_is_a_row: bool = False,
) -> _Trajectory:
    """Training path of ``snapshots``, state dicts, to the network of ``problem``, which may be the last of them.

    Its times are their epochs where they come by epoch, NaN for the network if it is none of them; else numbers.

    Its rows are the snapshots minus the network, without what is ignored, and with ``last_is_a_row`` a row of
    zeros for the network itself. ValueError for an unknown ``ignore``, if nothing is left, and, naming the
    first difference, for a snapshot of another network.
    """
    left_out = chosen("ignore", ignore, _IGNORED)
    origin = {name: tensor for name, tensor in parameters(problem.model).items() if not left_out(tensor)}
    if not origin:
        raise ValueError(f"the network has nothing but what ignore={ignore!r} leaves out")
    by_epoch = isinstance(snapshots, Mapping)
    given = snapshots_of(problem, snapshots)
    last = state(problem.model)
    networks = [{name: snapshot[name].detach() for name in last} for snapshot in given.values()]
    times = [*given, nan if by_epoch else len(given)]
    if networks and all(torch.equal(networks[-1][name].to(tensor), tensor) for name, tensor in last.items()):
        networks.pop()
        times.pop()
    if not networks:
        raise ValueError("a trajectory needs snapshots before the network, got none")
    networks.append(last)
    rows = Rows(networks if last_is_a_row else networks[:-1], origin)
    return _Trajectory(networks, snapshot_axis(times, by_epoch), origin, rows, centred)


def snapshot_axis(times: Sequence[float], by_epoch: bool) -> xr.Variable:
    """Coordinate of snapshots: whole numbers, unless a time is none, such as the NaN of a network of unknown epoch."""
    if by_epoch:
        return axis("snapshot", times, "epoch of the snapshot, the network last", units="epoch")
    return axis("snapshot", times, "number of the snapshot, the network last")


def snapshots_of(problem: Problem, snapshots: Snapshots) -> dict[float, Mapping[str, Tensor]]:
    """``snapshots`` in order, by epoch or number. ValueError, naming the first difference, for another network's."""
    by_epoch = isinstance(snapshots, Mapping)
    times = sorted(snapshots.items()) if isinstance(snapshots, Mapping) else enumerate(snapshots)
    given: dict[float, Mapping[str, Tensor]] = dict(times)
    for time, snapshot in given.items():
        what = f"the snapshot of epoch {time}" if by_epoch else f"snapshot {time}"
        check_alike(problem.model.state_dict(), snapshot, what)
    return given


@dataclass(frozen=True, eq=False)
class Frame:
    """Origin and two directions of the plane that a path is seen in, over what directions are made of."""

    origin: Weights
    directions: tuple[Weights, ...]
    shift: NDArray[np.float64] | None = None  # (2,) where the last network lies; None: at the origin

    @classmethod
    def about(cls, origin: Weights, directions: tuple[Weights, ...], network: Weights) -> "Frame":
        """The frame of a path that ends at ``network``."""
        if all(torch.equal(origin[name], tensor) for name, tensor in network.items()):
            return cls(origin, directions)
        way = Rows([network], origin)
        shift = projection(way, *directions, total=1.0, centred=False).orthogonal[0]
        return cls(origin, directions, shift)

    def seen_from(self, coordinates: NDArray[np.float64]) -> NDArray[np.float64]:
        """Coordinates (n, 2) from the last network as they are from the origin."""
        return coordinates if self.shift is None else coordinates + self.shift


def plane_of(trajectory: _Trajectory, frame: Frame, seen: Projection) -> Plane:
    """The plane of a ``frame``, with the path as its marks; what is not the frame's is the last network's."""
    centre = {**trajectory.networks[-1], **frame.origin}
    along_x, along_y = (with_zeros(direction, centre) for direction in frame.directions)
    marks = frame.seen_from(_ending_at_the_origin(seen.orthogonal, trajectory))
    return Plane(centre, along_x, along_y, marks=marks)


def path_variables(
    trajectory: _Trajectory, pca: Components, frame: Frame, seen: Projection
) -> dict[str, xr.Variable]:
    """Where the networks are in the plane, over (snapshot,), and shares of the variance."""
    nearest, cosine = (_ending_at_the_origin(part, trajectory) for part in (seen.orthogonal, seen.cosine))
    nearest = frame.seen_from(nearest)
    share = "share of the trajectory's variance"
    return {
        "path_x": _about(("snapshot",), nearest[:, 0], "x of the plane's point nearest to the snapshot"),
        "path_y": _about(("snapshot",), nearest[:, 1], "y of the plane's point nearest to the snapshot"),
        "path_x_cosine": _about(("snapshot",), cosine[:, 0], "inner product with the unit vector of x"),
        "path_y_cosine": _about(("snapshot",), cosine[:, 1], "inner product with the unit vector of y"),
        "path_distance": _about(
            ("snapshot",), trajectory.distances, "distance of the snapshot from the network"
        ),
        "explained_variance_ratio": _about(("component",), pca.variance_ratio[:_SHOWN], share),
        "plane_explained_ratio": _about((), seen.explained, f"{share} in the plane"),
    }


def random_variables(
    trajectory: _Trajectory, total: float, draws: int, **options: Any
) -> dict[str, xr.Variable]:
    """What planes of random directions show of the trajectory, over (draw,) and (draw, snapshot).

    A plane of two of them for each draw, and one of the way from the end to the beginning, its chord, and the first
    of the two. ``total`` is that of the `Components`, and ``options`` are those of `random_direction`.
    """
    origin = trajectory.origin
    chord = trajectory.chord()
    n = sum(tensor.numel() for tensor in origin.values())
    together = max(_ENTRIES // (2 * n), 1)  # draws whose directions are held at once
    seen, beside = [], []
    for begin in range(0, draws, together):
        drawn = range(begin, min(begin + together, draws))
        pairs = [
            (
                random_direction(origin, index=2 * draw, **options),
                random_direction(origin, index=2 * draw + 1, **options),
            )
            for draw in drawn
        ]
        planes = [*pairs, *((chord, first) for first, _ in pairs)]
        found = projections(trajectory.rows, planes, total=total, centred=trajectory.centred)
        seen += found[: len(pairs)]
        beside += found[len(pairs) :]
    farthest = max(trajectory.distances)
    excursions = [each.distance.max() / farthest for each in seen]
    share = "share of the trajectory's variance in a plane of two random directions"
    angle = "cosine of the angle between two random directions"
    along_chord = "share of the trajectory's variance in the plane of its chord and a random direction"
    excursion = "farthest from the network in a plane of two random directions, as a share of the farthest"
    return {
        **_seen_paths("random", trajectory, seen, ("x of the snapshot in a random plane", "y of the same")),
        "random_explained_ratio": _about(("draw",), [each.explained for each in seen], share),
        "random_explained_expected": _about((), 2 / n, f"expected {share}, for unscaled Gaussians"),
        "random_excursion": _about(("draw",), excursions, excursion),
        "random_cosine": _about(("draw",), [each.angle_cosine for each in seen], angle),
        "random_cosine_expected": _about(
            (), sqrt(2 / (pi * n)), f"expected absolute {angle}, for unscaled Gaussians"
        ),
        **_seen_paths(
            "chord", trajectory, beside, ("distance along the chord", "y along a random direction")
        ),
        "chord_explained_ratio": _about(("draw",), [each.explained for each in beside], along_chord),
    }


def _seen_paths(
    name: str, trajectory: _Trajectory, seen: Sequence[Projection], meanings: tuple[str, str]
) -> dict[str, xr.Variable]:
    paths = np.stack([_ending_at_the_origin(each.orthogonal, trajectory) for each in seen])
    return {  # of (draw, snapshot, 2)
        f"{name}_{letter}": _about(("draw", "snapshot"), paths[..., k], meanings[k])
        for k, letter in enumerate("xy")
    }


def _ending_at_the_origin(coordinates: NDArray[np.float64], trajectory: _Trajectory) -> NDArray[np.float64]:
    """Coordinates of all networks, (networks, 2), from those of the rows: the last is the origin."""
    before = coordinates[: len(trajectory.networks) - 1]
    return np.concatenate([before, np.zeros((1, 2))])


def _about(dims: tuple[str, ...], values: object, meaning: str) -> xr.Variable:
    return xr.Variable(dims, np.asarray(values, dtype=np.float64), {"long_name": meaning, "units": "1"})
