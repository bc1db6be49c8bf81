"""Width of the low-loss tunnel around a path between networks."""

from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from lossatlas.landscape.directions.normalization import random_direction
from lossatlas.landscape.engine import EXACT, Engine
from lossatlas.landscape.mapping.map_points import Progress, map_points
from lossatlas.landscape.measuring.evaluate import identity, settings
from lossatlas.landscape.measuring.prepared import PreparedProblem, prepared
from lossatlas.landscape.measuring.rays import Ray
from lossatlas.landscape.problem import Problem
from lossatlas.landscape.shapes.controlled_curve import ControlledCurve
from lossatlas.landscape.shapes.curve_families import PolygonalChain
from lossatlas.landscape.shapes.grid import evenly, symmetric
from lossatlas.landscape.shapes.lines import Line
from lossatlas.landscape.survey import survey
from lossatlas.normalizations import standardized_weights
from lossatlas.weight_space import Weights, check_mixable, inner, norm, parameters, state


@survey(products=None)
def tunnel(
    problem: Problem,
    *,
    through: ControlledCurve | Sequence[Mapping[str, Tensor]],
    positions: int = 9,
    directions: int = 10,
    levels: Sequence[float] = (0.1, 0.5, 1.0),
    relative: bool = True,
    extent: float = 1.0,
    points: int = 20,
    tolerance: float = 1e-3,
    seed: int = 123,
    normalize: str = "none",
    ignore: str = "biasbn",
    split: str = "train",
    engine: Engine = EXACT,
    journal: str | Path | None = None,
    progress: Progress | None = None,
) -> xr.Dataset:
    """Tunnel width: radii around a curve at which the loss reaches ``levels``, in directions normal to its tangent.

    At each position the loss is followed along rays of Gaussian directions less their part along the tangent, of
    length 1: at even distances until it reaches the levels, and then between two of them until each crossing is
    known. A wall thinner than the spacing may be missed. NaN and infinite losses lie above all levels.

    Parameters
    ----------
    problem : Problem
        Network, loss and data; left as they were.
    through : ControlledCurve or sequence of state dicts
        The curve; or networks through which straight lines lead from the problem's.
    positions : int, default 9
        Number of even t in [0, 1], >= 2.
    directions : int, default 10
        Rays at each position, which has directions of its own.
    levels : sequence of float, default (0.1, 0.5, 1.0)
        Of the loss, or of its rise: different finite numbers.
    relative : bool, default True
        Whether ``levels``, then > 0, are of the rise above the loss on the curve at t.
    extent : float, default 1.0
        Length of a ray, as a share of the norm of the weights that its direction moves.
    points : int, default 20
        Even distances on a ray at which the loss is measured first.
    tolerance : float, default 1e-3
        Accuracy of a crossing, as a share of that norm.
    seed : int, default 123
        Seed of the random directions.
    normalize : {"none", "filter", "layer", "weight"}, default "none"
        Rescale random directions to the size of each filter, layer or weight, or not at all (`normalize_direction`).
    ignore : {"biasbn", "none"}, default "biasbn"
        Tensors that stay: those of fewer than two dimensions (biases, normalisation layers), or none.
    split : str, default "train"
        Part of the data over which the loss is averaged.
    engine : Engine, optional
        Batches, subsample, and with evaluation "recompute" statistics of batch norm from a pass over the training
        data at each point, else the curve's; a reduced precision is not taken.
    journal : str or Path, optional
        File that keeps finished points, from which an interrupted survey goes on (`Journal`); None: nothing is kept.
    progress : callable, optional
        Called with the numbers of finished and of all points; may raise to stop the survey.

    Returns
    -------
    xr.Dataset
        Dimensionless: ``radius`` over (t, direction, level), a Euclidean distance: inf where the loss stays below the
        level up to the extent, 0 where the curve is not below it, NaN if its loss is not finite; ``relative_radius``,
        the same as a share of the norm, which rescaling all weights does not change; ``loss`` and ``norm`` over (t,),
        the coordinate ``length`` of the curve up to t, over the parameters, and the scalar ``measurements``.

    Raises
    ------
    ValueError
        For a value out of its range, for a curve that stands still at t, and, naming the first difference, for a
        network of another shape.

    References
    ----------
    Fort & Jastrzebski 2019, arXiv:1906.04724, who call the low-loss regions along such curves tunnels.

    Examples
    --------
    >>> import torch
    >>> model = torch.nn.Linear(2, 1, bias=False)
    >>> _ = model.weight.data.copy_(torch.tensor([[1.0, 0.0]]))
    >>> problem = Problem(model, torch.nn.MSELoss(), {"train": (torch.tensor([[0.0, 1.0]]), torch.zeros(1, 1))})
    >>> far = {"weight": torch.tensor([[3.0, 0.0]])}  # the loss is the square of the second weight
    >>> tunnel(problem, through=[far], positions=3, directions=2, levels=[0.25]).radius.values.round(3)
    array([[[0.5],
            [0.5]],
    <BLANKLINE>
           [[0.5],
            [0.5]],
    <BLANKLINE>
           [[0.5],
            [0.5]]])
    """
    _check(directions, levels, relative, points, tolerance)
    shares = evenly(0.0, float(symmetric(extent, 2)[1]), points + 1)[1:]
    curve = through.of(problem.model) if isinstance(through, ControlledCurve) else _chain(problem, through)
    t = evenly(0.0, 1.0, positions)
    with prepared(problem, splits=[split], engine=engine.exact()) as ready:
        attributes = {
            "survey": "tunnel",
            "directions": "random",
            "seed": seed,
            "normalize": normalize,
            "ignore": ignore,
            "split": split,
            "levels": "rise above the loss on the curve" if relative else "loss",
            "extent": extent,
            "points": points,
            "tolerance": tolerance,
            "digest": curve.digest(),
            **settings(ready),
        }
        header = {**attributes, "values": list(levels), "rays": [positions, directions], **identity(ready)}
        options: dict[str, Any] = {
            "normalize": normalize,
            "ignore": ignore,
            "standardized": standardized_weights(problem.model),
        }
        centre_at = lru_cache(maxsize=1)(lambda k: _centre(ready, curve, float(t[k])))

        def measure(index: int) -> list[float]:
            k, _ = divmod(index, directions)
            centre, loss, size = centre_at(k)
            direction = normal_direction(curve, float(t[k]), centre, seed=seed, index=index, **options)
            ray = Ray.along(ready, Line(centre, direction, clamp=False), loss)
            thresholds = [level + (loss if relative else 0.0) for level in levels]
            crossings = ray.crossings(thresholds, (shares * size).tolist(), tolerance=tolerance * size)
            return [*crossings, loss, size, len(ray.known)]

        rows = map_points(len(t) * directions, measure, journal=journal, header=header, progress=progress)
    return _dataset(rows.reshape(len(t), directions, -1), t, levels, curve, attributes)


def _chain(problem: Problem, others: Sequence[Mapping[str, Tensor]]) -> ControlledCurve:
    for k, other in enumerate(others, start=1):
        check_mixable(problem.model, other, f"network {k} of the path")
    own = state(problem.model)
    networks = [own, *({name: other[name] for name in own} for other in others)]
    return ControlledCurve(PolygonalChain(bends=0), networks).of(problem.model)


def _centre(ready: PreparedProblem, curve: ControlledCurve, t: float) -> tuple[Weights, float, float]:
    """The parameters on the curve at ``t``, the loss there, and their norm; ``ready`` keeps the statistics there."""
    curve.place(ready.weights, t)
    centre = parameters(ready.model)
    return centre, ready.measure()[0], norm(centre)


def _dataset(
    rows: np.ndarray,
    t: np.ndarray,
    levels: Sequence[float],
    curve: ControlledCurve,
    attributes: Mapping[str, object],
) -> xr.Dataset:
    """``rows``: (t, direction, levels and three)."""
    radius, loss, size = rows[..., :-3], rows[:, 0, -3], rows[:, 0, -2]
    relative = radius / size[:, None, None]
    return xr.Dataset(
        {
            "radius": (("t", "direction", "level"), radius, _about("distance from the curve to the level")),
            "relative_radius": (
                ("t", "direction", "level"),
                relative,
                _about("distance from the curve to the level as a share of the weights' norm"),
            ),
            "loss": ("t", loss, _about("mean loss over the split on the curve")),
            "norm": ("t", size, _about("norm of the parameters on the curve")),
            "measurements": ((), rows[..., -1].sum(), _about("points at which the loss was measured")),
        },
        {
            "t": ("t", t, _about("position along the curve")),
            "length": ("t", curve.lengths(t), _about("length of the curve up to t")),
            "direction": ("direction", np.arange(rows.shape[1]), _about("number of the direction at t")),
            "level": ("level", list(levels), _about(str(attributes["levels"]))),
        },
        attributes,
    )


def _about(meaning: str) -> dict[str, str]:
    return {"long_name": meaning, "units": "1"}


def _check(directions: int, levels: Sequence[float], relative: bool, points: int, tolerance: float) -> None:
    for name, number in (("directions", directions), ("points", points)):
        if number < 1:
            raise ValueError(f"{name} must be >= 1, got {number}")
    if not len(levels) or not all(isfinite(level) and (level > 0 or not relative) for level in levels):
        kind = "positive rises above the loss on the curve" if relative else "finite losses"
        raise ValueError(f"levels must be {kind}, got {list(levels)}")
    if len(set(levels)) < len(levels):
        raise ValueError(f"levels must be different numbers, got {list(levels)}")
    if not (isfinite(tolerance) and tolerance > 0):
        raise ValueError(f"tolerance must be finite and > 0, got {tolerance}")


_ALONG = 1e-6  # what is left of a direction that is, to rounding, the tangent


def normal_direction(
    curve: ControlledCurve,
    t: float,
    centre: Weights,
    *,
    seed: int,
    index: int = 0,
    normalize: str = "none",
    ignore: str = "biasbn",
    standardized: Collection[str] = (),
) -> Weights:
    """Random unit direction normal to ``curve`` at ``t``, where it is at ``centre``.

    It is that of `random_direction` at ``centre`` less its part along the tangent, in those tensors that it moves: what
    ``ignore`` keeps still, stays still. ValueError as that raises it, for a curve that stands still at t, and where
    nothing is left, since the tangent is the only direction.

    >>> from lossatlas.landscape import PolygonalChain
    >>> ends = [{"w": torch.tensor([[0.0, 1.0]])}, {"w": torch.tensor([[0.0, 5.0]])}]
    >>> curve = ControlledCurve(PolygonalChain(bends=0), ends)
    >>> normal_direction(curve, 0.5, {"w": torch.tensor([[0.0, 3.0]])}, seed=0)["w"].abs()
    tensor([[1., 0.]])
    """
    drawn = random_direction(
        centre, seed=seed, index=index, normalize=normalize, ignore=ignore, standardized=standardized
    )
    moved = {name: tensor.double() for name, tensor in drawn.items() if tensor.any()}
    tangent = _tangent(curve, t, list(moved))
    speed = inner(tangent, tangent)
    if speed == 0:
        raise ValueError(f"the curve stands still at t = {t:g}, so nothing is orthogonal to it")
    along = inner(moved, tangent) / speed
    rest = {name: tensor - along * tangent[name] for name, tensor in moved.items()}
    if (length := norm(rest)) <= _ALONG * norm(moved):
        raise ValueError("there is no direction but the curve's own: the network needs another weight")
    return {
        name: (rest[name] / length).to(tensor) if name in rest else torch.zeros_like(tensor)
        for name, tensor in centre.items()
    }


def _tangent(curve: ControlledCurve, t: float, names: Sequence[str]) -> Weights:
    """Derivative of the curve by t, in float64, in the tensors ``names``."""
    rates = curve.family.derivative(t, len(curve.control_points))
    points = [(rate, point) for rate, point in zip(rates, curve.control_points, strict=True) if rate != 0.0]
    return {
        name: torch.stack([rate * point[name].double() for rate, point in points]).sum(0) for name in names
    }
