"""Measures of curves over one coordinate alpha: lines through a network and paths between two."""

from collections.abc import Sequence
from functools import partial

import numpy as np
import xarray as xr

from lossatlas.claims.measures.reading import (
    Datasets,
    centre_of,
    described,
    extent,
    span,
    units_of,
    variable_of,
)
from lossatlas.measures.level_sets import interval_width
from lossatlas.measures.selection import select


def width(
    datasets: Datasets,
    *,
    landscape: str,
    level: float,
    around: float | Sequence[float] = 0.0,
    split: str = "train",
    variable: str = "loss",
) -> xr.DataArray:
    """Width in alpha of the connected part of {loss < level} that holds alpha = ``around``.

    With several points ``around``, one new dimension of that name tells them apart. Linear between
    grid points; see `level_sets.interval_width` for NaN, infinite and unbounded cases.

    >>> alpha = np.linspace(-1, 1, 21)
    >>> coords = {"alpha": alpha, "split": ["train"]}
    >>> bowl = xr.Dataset({"loss": (("split", "alpha"), [2 * abs(alpha)])}, coords)
    >>> width({"line": bowl}, landscape="line", level=1.0).item()
    1.0
    """
    loss = variable_of(datasets, landscape, variable, "alpha", split=split)
    points = [around] if isinstance(around, int | float) else list(around)
    alpha = loss["alpha"].values
    widths_around = [partial(interval_width, alpha, level=level, around=point) for point in points]
    arrays = [extent(width_around, loss, "alpha") for width_around in widths_around]
    widths = xr.concat(arrays, xr.Variable("around", points))
    if isinstance(around, int | float):
        widths = widths.isel(around=0, drop=True)
    return described(widths, f"width of {{{split} {variable} < {level:g}}}", "α")


def rise(
    datasets: Datasets,
    *,
    landscape: str = "line",
    beyond: float = 0.3,
    split: str = "train",
    variable: str = "loss",
) -> xr.DataArray:
    """L(alpha) - L(0), averaged over directions, at every surveyed abs(alpha) >= ``beyond``. Keeps alpha.

    >>> alpha = np.array([-1.0, -0.3, -0.1, 0.0, 0.1, 0.3, 1.0])
    >>> loss = np.stack([1 + alpha**2, 1 + 3 * alpha**2])[:, None]
    >>> coords = {"alpha": alpha, "split": ["train"]}
    >>> rise({"line": xr.Dataset({"loss": (("direction", "split", "alpha"), loss)}, coords)}).values
    array([2.  , 0.18, 0.18, 2.  ])
    """
    loss = variable_of(datasets, landscape, variable, "alpha", "direction", split=split)
    alpha = loss["alpha"].values
    centre = centre_of(loss, "alpha")
    far = np.flatnonzero(abs(alpha) >= beyond - 1e-9)  # 0.3 of a grid is not always the float 0.3
    if not far.size:
        raise ValueError(f"no surveyed point has abs(alpha) >= {beyond:g}; alpha spans {span(alpha)}")
    rises = (loss.isel(alpha=far) - loss.isel(alpha=centre, drop=True)).mean("direction", skipna=False)
    return described(rises, f"rise of the {split} {variable} at |α| >= {beyond:g}", "")


def bump(
    datasets: Datasets,
    *,
    landscape: str = "interpolation",
    variable: str = "error",
    split: str = "test",
    scale: float = 1.0,
    units: str | None = None,
) -> xr.DataArray:
    """How far a variable halfway between two networks, at alpha 1/2, lies above the larger of its values at the two.

    Negative where it lies below that. Times ``scale``, then in ``units``. ValueError unless 0, 1/2 and 1 are surveyed.

    >>> errors = xr.Dataset({"error": ("alpha", [0.25, 0.75, 0.5])}, {"alpha": [0.0, 0.5, 1.0]})
    >>> bump({"interpolation": errors}, scale=100, units="%").item()
    25.0
    """
    values = variable_of(datasets, landscape, variable, "alpha", split=split)
    start, middle, end = (select(values, {"alpha": alpha}) for alpha in (0.0, 0.5, 1.0))
    above = scale * (middle - np.maximum(start, end))
    return described(above, f"{split} {variable} halfway less at the worse end", units or units_of(values))
