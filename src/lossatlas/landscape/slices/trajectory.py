"""Training trajectory in the plane of its principal directions."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import xarray as xr

from lossatlas.landscape.directions import Along, RandomDirections, directions_along
from lossatlas.landscape.directions.conventions import convention_named
from lossatlas.landscape.engine import EXACT, Engine
from lossatlas.landscape.mapping.map_points import Progress
from lossatlas.landscape.measuring.evaluate import evaluate
from lossatlas.landscape.problem import Problem
from lossatlas.landscape.shapes.grid import axis
from lossatlas.landscape.shapes.sequences import Concatenated, Networks
from lossatlas.landscape.slices.training_path import (
    Snapshots,
    path_variables,
    plane_of,
    random_variables,
    trajectory_to,
)
from lossatlas.landscape.survey import survey
from lossatlas.weight_space import Weights, weights_digest


@survey(products=None, version=2)  # 2: its snapshots are told by their epochs
def trajectory(
    problem: Problem,
    *,
    snapshots: Snapshots,
    points: int = 51,
    margin: float = 0.2,
    centred: bool = True,
    ignore: str = "none",
    seed: int = 123,
    draws: int = 10,
    normalize: str = "none",
    convention: str = "lossatlas",
    along: Along = None,
    splits: Sequence[str] | None = None,
    engine: Engine = EXACT,
    journal: str | Path | None = None,
    progress: Progress | None = None,
) -> xr.Dataset:
    """Training trajectory: loss and error over its principal plane (Li et al. 2018, section 7, figure 9).

    ``snapshots`` are state dicts of the network at times of its training, in order, or by epoch in a mapping. The
    network is the end of the path; it need not be among them. The directions are the first two principal
    components of the matrix [w_0 - w_n; ...; w_(n-1) - w_n], with w_n the network, whose mean is subtracted if
    ``centred``. ``ignore`` = "biasbn" leaves out what has fewer than two dimensions. With the ``convention``
    "li2018" the last row, of zeros, belongs to the matrix, as in the authors' code. ``along`` puts two other directions
    in the place of the two components, as for `surface`: the path is seen in their plane.

    The grid has ``points`` x ``points`` points over the box around the projected path, wider by ``margin`` of it
    on each side; the network, at the origin, lends it its running statistics of batch norm. The rest is as in
    `evaluate`. Returns

    - ``loss`` and ``error`` over (split, y, x);
    - over (snapshot,), which are epochs where these are given and NaN where the network's own is not, else
      numbers: ``path_x`` and ``path_y``, the point of the plane nearest to each snapshot; ``path_x_cosine`` and
      ``path_y_cosine``, as the authors' code projects; ``path_distance`` from the network; and over (split,
      snapshot) ``path_loss`` and ``path_error``, those of the snapshots themselves;
    - ``explained_variance_ratio`` over (component,), the first 10, and ``plane_explained_ratio``, what the plane shows;
    - for ``draws`` pairs of Gaussian directions of ``seed``, rescaled as ``normalize`` says: what they show of the
      path (figure 8, left), ``random_x`` and ``random_y`` over (draw, snapshot), and over (draw,)
      ``random_explained_ratio``, ``random_excursion``, the farthest that it is seen to be from the network as a
      share of the farthest that it is, and ``random_cosine`` between the two; for unscaled ones 2/n is expected
      of the share, ``random_explained_expected``, and sqrt(2/(pi n)) of the absolute cosine,
      ``random_cosine_expected``, n being the number of weights;
    - what the first of each pair and the chord, from the network to the first snapshot, show (figure 8, right):
      ``chord_x``, the distance along it, ``chord_y`` and ``chord_explained_ratio``.

    ValueError for a value out of its range, for snapshots on one line, and, naming the first difference, for a
    snapshot of another network.

    >>> import torch
    >>> data = {"train": (torch.eye(2), torch.arange(2))}
    >>> problem = Problem(torch.nn.Linear(2, 3), torch.nn.CrossEntropyLoss(), data)
    >>> snapshots = [torch.nn.Linear(2, 3).state_dict() for _ in range(4)]
    >>> dataset = trajectory(problem, snapshots=snapshots, points=5)
    >>> dict(dataset.loss.sizes), dict(dataset.path_loss.sizes)
    ({'split': 1, 'y': 5, 'x': 5}, {'split': 1, 'snapshot': 5})
    """
    if draws < 1:
        raise ValueError(f"draws must be >= 1, got {draws}")
    last_is_a_row = convention_named(convention).last_is_a_row
    way = trajectory_to(problem, snapshots, ignore=ignore, centred=centred, last_is_a_row=last_is_a_row)
    pca = way.components()
    first, second = shown = pca.directions if along is None else _taken(along, problem, way.origin)
    seen = way.seen_along(first, second, pca.total)
    grid = plane_of(way, shown, seen).grid_around_marks(points, margin=margin)
    options: dict[str, str | int] = {"seed": seed, "normalize": normalize, "convention": convention}
    random = random_variables(way, pca.total, draws, ignore=ignore, **options)
    both = Concatenated(
        [grid, Networks(way.networks, "snapshot", "number of the snapshot, the network last")]
    )
    measured = evaluate(
        problem,
        both,
        splits=splits,
        engine=engine,
        journal=journal,
        progress=progress,
        attributes={
            "survey": "trajectory",
            "margin": margin,
            "centred": int(centred),
            "ignore": ignore,
            **options,
            **({} if along is None else {"along": "-".join(weights_digest(each)[:16] for each in shown)}),
            "digest": way.digest(),
        },
    )
    surface, on_path = both.split(measured)
    dataset = surface.merge(on_path.rename({name: f"path_{name}" for name in on_path.data_vars}))
    dataset = dataset.assign({**path_variables(way, pca, seen), **random})
    dataset["snapshot"] = way.times
    dataset["component"] = axis(
        "component", np.arange(1, dataset.sizes["component"] + 1), "number of the component"
    )
    dataset["draw"] = axis("draw", np.arange(draws), "number of the pair of random directions")
    return dataset.transpose("split", "y", "x", "draw", "snapshot", "component", ...)


def _taken(along: Along, problem: Problem, origin: Weights) -> tuple[Weights, ...]:
    """The first two of the directions ``along``, without what ``origin`` does not have."""
    taken = directions_along(along, RandomDirections(), problem).take(2)
    return tuple({name: direction[name] for name in origin} for direction in taken)
