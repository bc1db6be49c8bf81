"""Pictures of the tunnel of low loss around a curve."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lossatlas.figures import panels, style
from lossatlas.figures.pictures.registry import draws


@draws("tunnel")
def tunnel(landscape: xr.Dataset) -> Figure:
    """Loss along the curve, and the distances from it to each level: median and range over the directions.

    What lies beyond the ends of the rays is drawn at the farthest of them, as triangles.
    """
    landscape = landscape.sortby("level")
    figure = Figure(figsize=(4.2, 4.0), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=[1, 2])
    panels.spread(above, landscape["loss"], "t", color=style.LOSS)
    panels.loss_scale(above, log=False, ceiling=None)
    above.set(ylabel="loss", title=f"around the curve: {landscape.sizes['direction']} directions at each t")
    _radii(below, landscape)
    below.set(xlabel="position t on the curve", ylabel="distance to the level", xlim=(0, 1))
    below.set_ylim(bottom=0)
    below.legend(title=_meaning(landscape), loc="best")
    return figure


def _meaning(landscape: xr.Dataset) -> str:
    return "loss" if landscape.attrs["levels"] == "loss" else "rise of the loss"


def _radii(axis: Axes, landscape: xr.Dataset) -> None:
    levels = landscape["level"].values.tolist()
    farthest = float(landscape.attrs["extent"]) * landscape["norm"]
    for place, level in enumerate(levels):
        color = tuple(style.COLORMAP(place / max(len(levels) - 1, 1)))
        radius = landscape["radius"].isel(level=place)  # (t, direction)
        open_ = radius == np.inf
        drawn = radius.where(~open_, farthest)
        panels.spread(axis, drawn, "t", color=color, label=f"{level:g}")  # type: ignore[arg-type]
        ends = farthest.where(open_.any("direction"))
        axis.plot(landscape["t"].values, ends.values, "^", color=color, markersize=4)
