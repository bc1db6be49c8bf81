"""Training trajectory in the plane of its principal directions."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import xarray as xr

from lossatlas.landscape.directions import Along, DirectionSet, RandomDirections, directions_along
from lossatlas.landscape.directions.conventions import convention_named
from lossatlas.landscape.engine import EXACT, Engine
from lossatlas.landscape.mapping.map_points import Progress
from lossatlas.landscape.measuring.evaluate import evaluate
from lossatlas.landscape.problem import Problem
from lossatlas.landscape.shapes.grid import axis
from lossatlas.landscape.shapes.sequences import Concatenated, Networks
from lossatlas.landscape.slices.training_path import (
    Frame,
    Snapshots,
    path_variables,
    plane_of,
    random_variables,
    trajectory_to,
)
from lossatlas.landscape.survey import survey
from lossatlas.normalizations import standardized_weights
from lossatlas.weight_space import Weights, weights_digest


@survey(products=None, version=2, added={"along": None})  # 2: its snapshots are told by their epochs
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

    The directions are the first two principal components of the matrix [w_0 - w_n; ...; w_(n-1) - w_n], with w_n the
    network, which is the origin and lends the plane its running statistics of batch norm.

    Parameters
    ----------
    problem : Problem
        Network, loss and data; left as they were.
    snapshots : sequence or mapping of state dicts
        The network at times of its training, in order, or by epoch in a mapping. The network is the end of the path;
        it need not be among them.
    points : int, default 51
        Points along each axis, >= 2, over the box around the projected path.
    margin : float, default 0.2
        Share of the box by which the grid is wider on each side.
    centred : bool, default True
        Whether the mean of the matrix is subtracted.
    ignore : {"none", "biasbn"}, default "none"
        "biasbn" leaves out what has fewer than two dimensions.
    seed : int, default 123
        Seed of the random planes.
    draws : int, default 10
        Number of random planes, each of a pair of Gaussian directions.
    normalize : {"none", "filter", "layer", "weight"}, default "none"
        Rescale random directions to the size of each filter, layer or weight, or not at all (`normalize_direction`).
    convention : {"lossatlas", "li2018"}, default "lossatlas"
        Rules for random directions; with "li2018" the last row, of zeros, belongs to the matrix, as in the authors'
        code.
    along : mapping, directions or a list of these, optional
        Two directions in place of the components, as for `surface`: the path is seen in their plane. Along
        `CoordinateDirections` with an origin the plane's origin is that one. The path may then lie on one line.
    splits : sequence of str, optional
        Parts of the data to measure; None: all.
    engine : Engine, optional
        Precision, batches, statistics of batch norm; by default exact to float32 rounding.
    journal : str or Path, optional
        File that keeps finished points, from which an interrupted survey goes on (`Journal`); None: nothing is kept.
    progress : callable, optional
        Called with the numbers of finished and of all points; may raise to stop the survey.

    Returns
    -------
    xr.Dataset
        Dimensionless (``snapshot`` is an epoch where these are given, NaN where the network's own is not, else a
        number):
        - ``loss`` and ``error`` over (split, y, x);
        - over (snapshot,): ``path_x`` and ``path_y``, the point of the plane nearest to each; ``path_x_cosine`` and
          ``path_y_cosine``, as the authors' code projects; ``path_distance`` from the network; and over (split,
          snapshot) ``path_loss`` and ``path_error``, those of the snapshots themselves;
        - ``explained_variance_ratio`` over (component,), the first 10, and ``plane_explained_ratio``, what the plane
          shows;
        - what random planes show of the path (figure 8, left): ``random_x`` and ``random_y`` over (draw, snapshot),
          and over (draw,) ``random_explained_ratio``, ``random_excursion``, the farthest that it is seen to be from
          the network as a share of the farthest that it is, and ``random_cosine`` between the two directions; for n
          unscaled weights 2/n is expected of the share, ``random_explained_expected``, and sqrt(2/(pi n)) of the
          absolute cosine, ``random_cosine_expected``;
        - what the first of each pair and the chord, from the network to the first snapshot, show (figure 8, right):
          ``chord_x``, the distance along it, ``chord_y`` and ``chord_explained_ratio``.

    Raises
    ------
    ValueError
        For a value out of its range, for snapshots on one line, and, naming the first difference, for a snapshot of
        another network.

    References
    ----------
    Li et al. 2018, arXiv:1712.09913.

    Examples
    --------
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
    pca = way.components(2 if along is None else 0)
    given = None if along is None else directions_along(along, RandomDirections(), problem)
    frame = Frame(way.origin, pca.directions) if given is None else _frame(given, way.origin)
    first, second = shown = frame.directions
    seen = way.seen_along(first, second, pca.total)
    grid = plane_of(way, frame, seen).grid_around_marks(points, margin=margin)
    options: dict[str, str | int] = {"seed": seed, "normalize": normalize, "convention": convention}
    standardized = standardized_weights(problem.model)
    random = random_variables(way, pca.total, draws, ignore=ignore, standardized=standardized, **options)
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
            **({} if given is None else {"along": "-".join(weights_digest(each)[:16] for each in shown)}),
            **(
                {}
                if given is None or "origin" not in given.attributes
                else {"origin": given.attributes["origin"]}
            ),
            "digest": way.digest(),
        },
    )
    surface, on_path = both.split(measured)
    dataset = surface.merge(on_path.rename({name: f"path_{name}" for name in on_path.data_vars}))
    dataset = dataset.assign({**path_variables(way, pca, frame, seen), **random})
    dataset["snapshot"] = way.times
    dataset["component"] = axis(
        "component", np.arange(1, dataset.sizes["component"] + 1), "number of the component"
    )
    dataset["draw"] = axis("draw", np.arange(draws), "number of the pair of random directions")
    return dataset.transpose("split", "y", "x", "draw", "snapshot", "component", ...)


def _frame(given: DirectionSet, network: Weights) -> Frame:
    """The first two of the directions that are ``given`` and their origin, without what ``network`` does not have."""
    origin, *shown = ({name: tensors[name] for name in network} for tensors in (given.centre, *given.take(2)))
    return Frame.about(origin, tuple(shown), network)
