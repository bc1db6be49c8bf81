"""A network's way through weight space: its principal plane, and what random planes show of it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import pi, sqrt
from typing import Any

import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray
from torch import Tensor

from lossatlas.landscape.along.axes import filled
from lossatlas.landscape.choices import chosen
from lossatlas.landscape.directions import random_direction
from lossatlas.landscape.problem import Problem
from lossatlas.landscape.shapes.pca import Components, Rows, principal_components
from lossatlas.landscape.shapes.plane import Plane
from lossatlas.landscape.shapes.projection import Projection, projection
from lossatlas.landscape.weight_space import Weights, check_alike, norm, parameters, state, weights_digest

_SHOWN = 10  # leading components whose share of the variance is told
_IGNORED: dict[str, Callable[[Tensor], bool]] = {"biasbn": lambda w: w.ndim < 2, "none": lambda w: False}


@dataclass(frozen=True, eq=False)
class Trajectory:
    """Networks on the way to the last of them."""

    networks: Sequence[Weights]  # parameters and statistics, in order
    origin: Weights  # those of the last that directions are made of
    rows: Rows  # the matrix whose principal components are taken
    centred: bool  # whether its mean is subtracted

    def components(self) -> Components:
        """The first two principal components. ValueError if the networks lie on one line."""
        return principal_components(self.rows, centred=self.centred)

    def seen_along(self, first: Weights, second: Weights, total: float) -> Projection:
        """The rows in the plane of two directions; see `projection`."""
        return projection(self.rows, first, second, total=total, centred=self.centred)

    def digest(self) -> str:
        """Hash of all networks, which tells this trajectory from others."""
        return weights_digest(
            {f"{k} {name}": tensor for k, each in enumerate(self.networks) for name, tensor in each.items()}
        )


def trajectory_to(
    problem: Problem,
    snapshots: Sequence[Mapping[str, Tensor]],
    *,
    ignore: str = "none",
    centred: bool = True,
    last_is_a_row: bool = False,
) -> Trajectory:
    """The way of ``snapshots``, state dicts, to the network of ``problem``, which may be the last of them.

    Its rows are the snapshots minus the network, without what is ignored, and with ``last_is_a_row`` a row of
    zeros for the network itself. ValueError for an unknown ``ignore``, if nothing is left, and, naming the
    first difference, for a snapshot of another network.
    """
    left_out = chosen("ignore", ignore, _IGNORED)
    origin = {name: tensor for name, tensor in parameters(problem.model).items() if not left_out(tensor)}
    if not origin:
        raise ValueError(f"the network has nothing but what ignore={ignore!r} leaves out")
    for k, snapshot in enumerate(snapshots):
        check_alike(problem.model.state_dict(), snapshot, f"snapshot {k}")
    last = state(problem.model)
    networks = [{name: snapshot[name].detach() for name in last} for snapshot in snapshots]
    if networks and all(torch.equal(networks[-1][name].to(tensor), tensor) for name, tensor in last.items()):
        networks.pop()
    if not networks:
        raise ValueError("a trajectory needs snapshots before the network, got none")
    networks.append(last)
    return Trajectory(networks, origin, Rows(networks if last_is_a_row else networks[:-1], origin), centred)


def principal_plane(trajectory: Trajectory, pca: Components, seen: Projection) -> Plane:
    """The plane of the two components of ``pca`` through the last network, with the path as its marks."""
    centre = trajectory.networks[-1]
    along_x, along_y = (filled(direction, centre) for direction in pca.directions)
    return Plane(centre, along_x, along_y, marks=_ending_at_the_origin(seen.orthogonal, trajectory))


def path_variables(trajectory: Trajectory, pca: Components, seen: Projection) -> dict[str, xr.Variable]:
    """Where the networks are in the principal plane, over (snapshot,), and shares of the variance."""
    nearest, cosine = (_ending_at_the_origin(part, trajectory) for part in (seen.orthogonal, seen.cosine))
    far = [
        norm({name: each[name].to(w).double() - w.double() for name, w in trajectory.origin.items()})
        for each in trajectory.networks
    ]
    share = "share of the trajectory's variance"
    return {
        "path_x": _about(("snapshot",), nearest[:, 0], "x of the plane's point nearest to the snapshot"),
        "path_y": _about(("snapshot",), nearest[:, 1], "y of the plane's point nearest to the snapshot"),
        "path_x_cosine": _about(("snapshot",), cosine[:, 0], "inner product with the unit vector of x"),
        "path_y_cosine": _about(("snapshot",), cosine[:, 1], "inner product with the unit vector of y"),
        "path_distance": _about(("snapshot",), far, "distance of the snapshot from the network"),
        "explained_variance_ratio": _about(("component",), pca.variance_ratio[:_SHOWN], share),
    }


def random_variables(
    trajectory: Trajectory, total: float, draws: int, **options: Any
) -> dict[str, xr.Variable]:
    """What ``draws`` planes of two random directions show of the trajectory, over (draw,) and (draw, snapshot).

    ``total`` is that of the `Components`, and ``options`` are those of `random_direction`.
    """
    origin = trajectory.origin
    seen = []
    for draw in range(draws):
        first, second = (random_direction(origin, index=2 * draw + i, **options) for i in (0, 1))
        seen.append(trajectory.seen_along(first, second, total))
    n = sum(tensor.numel() for tensor in origin.values())
    paths = np.stack(
        [_ending_at_the_origin(each.orthogonal, trajectory) for each in seen]
    )  # (draw, snapshot, 2)
    explained, cosines = [each.explained for each in seen], [each.angle_cosine for each in seen]
    share = "share of the trajectory's variance in a plane of two random directions"
    angle = "cosine of the angle between two random directions"
    return {
        "random_x": _about(("draw", "snapshot"), paths[..., 0], "x of the snapshot in a random plane"),
        "random_y": _about(("draw", "snapshot"), paths[..., 1], "y of the snapshot in a random plane"),
        "random_explained_ratio": _about(("draw",), explained, share),
        "random_explained_expected": _about((), 2 / n, f"expected {share}, for unscaled Gaussians"),
        "random_cosine": _about(("draw",), cosines, angle),
        "random_cosine_expected": _about(
            (), sqrt(2 / (pi * n)), f"expected absolute {angle}, for unscaled Gaussians"
        ),
    }


def _ending_at_the_origin(coordinates: NDArray[np.float64], trajectory: Trajectory) -> NDArray[np.float64]:
    """Coordinates of all networks, (networks, 2), from those of the rows: the last is the origin."""
    before = coordinates[: len(trajectory.networks) - 1]
    return np.concatenate([before, np.zeros((1, 2))])


def _about(dims: tuple[str, ...], values: object, meaning: str) -> xr.Variable:
    return xr.Variable(dims, np.asarray(values, dtype=np.float64), {"long_name": meaning, "units": "1"})
