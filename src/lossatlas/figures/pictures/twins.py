"""Pictures of what a survey finds around networks that compute the same function."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lossatlas.figures import style
from lossatlas.figures.pictures.profiles import CEILING
from lossatlas.figures.pictures.registry import draws


@draws("twins")
def twins(landscape: xr.Dataset) -> Figure:
    """Lines of all twins, each in its colour; of any other survey its first variable against the factor."""
    figure = Figure(figsize=(4.2, 2.8), layout="constrained")
    axis = figure.subplots()
    name, *_ = (name for name, variable in landscape.data_vars.items() if "factor" in variable.dims)
    values = landscape[name]
    if "split" in values.dims:
        values = values.isel(split=0, drop=True)
    draw = _lines if "alpha" in values.dims else _against_factor
    draw(axis, values)
    differs = float(landscape["output_difference"].max())
    axis.set_title(
        f"{landscape.attrs['of']} of twins, whose outputs differ by {differs:.0e}".replace("_", " ")
    )
    return figure


def _lines(axis: Axes, values: xr.DataArray) -> None:
    """The median over directions of each twin."""
    middle = values.where(np.isfinite(values))
    middle = middle.median([dim for dim in middle.dims if dim not in ("factor", "alpha")])
    factors = middle["factor"].values.tolist()
    for factor, color in zip(factors, style.colors_of(factors), strict=True):
        axis.plot(middle["alpha"], middle.sel(factor=factor), color=color, label=f"{factor:g}")
    axis.set(xlabel=style.SYMBOLS["alpha"], ylabel=str(values.name), ylim=(0, _ceiling(middle)))
    axis.legend(title="factor")


def _ceiling(losses: xr.DataArray) -> float:
    highest = float(losses.max()) if bool(losses.notnull().any()) else 1.0
    return min(1.05 * highest, CEILING)


def _against_factor(axis: Axes, values: xr.DataArray) -> None:
    """The median of all that lies over the factor, and its range."""
    values = values.where(np.isfinite(values))
    over = [dim for dim in values.dims if dim != "factor"]
    flat = values.stack(entry=over) if over else values.expand_dims("entry", 1)
    low, middle, high = (flat.quantile(q, "entry") for q in (0, 0.5, 1))
    factors = values["factor"].values
    axis.plot(factors, middle, "o-", color=style.LOSS)
    axis.fill_between(factors, low, high, color=style.LOSS, alpha=style.BAND, linewidth=0)
    axis.set(xlabel="factor", ylabel=str(values.name).replace("_", " "), xscale="log")
    if bool((middle > 0).all()):
        axis.set_yscale("log")
