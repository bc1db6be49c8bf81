"""The picture of how long training steps take."""

import xarray as xr
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from lossatlas.figures import panels, style
from lossatlas.figures.landscapes.drawing import draws, panel

_WAYS = {"closed_form": "force in closed form", "autograd": "penalty through autograd"}


@draws("step_time")
def step_time(landscape: xr.Dataset) -> Figure:
    """Milliseconds of a step by the number of checkpoints: median and range over rounds, a colour a way."""
    figure, axis = panel(3.6, 2.6)
    ways = [str(way) for way in landscape["way"].values]
    for way, color in zip(ways, style.colors_of(ways), strict=True):
        of_way = 1e3 * landscape["round_seconds"].sel(way=way)
        panels.shaded_band(axis, of_way, "checkpoints", color=color, label=_WAYS.get(way, way))
    axis.set(xlabel="checkpoints", ylabel="time of a step (ms)")
    axis.set_ylim(bottom=0)
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.legend(loc="best")
    return figure
