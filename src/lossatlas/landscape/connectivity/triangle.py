"""Loss over a triangle between three networks, flat or bent."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import xarray as xr

from lossatlas.landscape.engine import EXACT, Engine
from lossatlas.landscape.ensembles.members import States, listed
from lossatlas.landscape.mapping.map_points import Progress
from lossatlas.landscape.measuring.evaluate import evaluate
from lossatlas.landscape.problem import Problem
from lossatlas.landscape.shapes.bezier_triangle import TrianglePoints
from lossatlas.landscape.survey import survey
from lossatlas.weight_space import check_mixable, state

_SUMMED_UP = ("loss", "error")


@survey(products=None)
def triangle(
    problem: Problem,
    *,
    control_points: States,
    side: int = 13,
    splits: Sequence[str] | None = None,
    engine: Engine = EXACT,
    journal: str | Path | None = None,
    progress: Progress | None = None,
) -> xr.Dataset:
    """Triangle between three networks: loss and error all over it, flat or a trained `BezierTriangle`.

    Where the loss is low on all of it, the three are joined by a surface of low loss, not by curves alone (Fort &
    Jastrzebski 2019).

    Parameters
    ----------
    problem : Problem
        Network, loss and data; left as they were.
    control_points : sequence or mapping of state dicts
        Two networks, which with the problem's own as the first are the corners of a flat triangle; or, without it,
        three corners, or six, ten and so on as of `BezierTriangle`: the members of a run of study=triangle. Statistics
        of batch norm are combined as the weights are.
    side : int, default 13
        Points along each side, >= 2; side (side + 1) / 2 in all.
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
        Dimensionless ``loss`` and ``error`` (where the targets are classes) over (split, point), with the shares of the
        corners there, ``u``, ``v`` and ``w``, as coordinates; and of either over (split,) the ``..._maximum``, the
        ``..._mean`` over the points and the ``..._rise``, that of the maximum above the worst corner.

    Raises
    ------
    ValueError
        For a value out of its range, a number of control points that spans no triangle, and, naming the first
        difference, for a network of another shape.

    References
    ----------
    Fort & Jastrzebski 2019, arXiv:1906.04724.

    Examples
    --------
    >>> import torch
    >>> model = torch.nn.Linear(1, 1, bias=False)
    >>> problem = Problem(model, torch.nn.MSELoss(), {"train": (torch.ones(1, 1), torch.zeros(1, 1))})
    >>> corners = [{"weight": torch.tensor([[w]])} for w in (1.0, -1.0, 1.0)]
    >>> dataset = triangle(problem, control_points=corners, side=3)
    >>> dataset.loss.values  # of the weights 1, 0, 1, -1, 0, 1
    array([[1., 0., 1., 1., 0., 1.]])
    """
    own = state(problem.model)
    given = list(listed(control_points))
    if len(given) == 2:
        given = [problem.model.state_dict(), *given]
    for k, point in enumerate(given):
        check_mixable(problem.model, point, f"control point {k}", given[0])
    points = TrianglePoints(
        [{name: point[name].detach().to(tensor) for name, tensor in own.items()} for point in given], side
    )
    dataset = evaluate(
        problem,
        points,
        splits=splits,
        engine=engine,
        journal=journal,
        progress=progress,
        attributes={"survey": "triangle", "family": repr(points.family)},
    )
    shares = {
        name: ("point", column, {"long_name": f"share of corner {number}", "units": "1"})
        for number, (name, column) in enumerate(zip("uvw", np.array(points.places).T, strict=True))
    }
    dataset = dataset.assign_coords(shares)
    return dataset.assign(_summary(dataset)).transpose("split", "point", ...)


def _summary(dataset: xr.Dataset) -> dict[str, xr.DataArray]:
    found = {}
    for name in (each for each in _SUMMED_UP if each in dataset):
        values = dataset[name]
        is_corner = np.maximum(np.maximum(dataset["u"], dataset["v"]), dataset["w"]) == 1
        worst, highest = values.where(is_corner).max("point"), values.max("point", skipna=False)
        parts = {
            "maximum": (highest, f"largest {name} on the triangle"),
            "mean": (values.mean("point", skipna=False), f"mean {name} over the points of the triangle"),
            "rise": (highest - worst, f"largest {name} on the triangle above that of the worst corner"),
        }
        for part, (number, meaning) in parts.items():
            found[f"{name}_{part}"] = number.assign_attrs(long_name=meaning, units="1")
    return found
