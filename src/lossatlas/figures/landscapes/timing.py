"""The picture of how long training steps take."""

import xarray as xr
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from lossatlas.figures import panels
from lossatlas.figures.landscapes.drawing import draws, panel
from lossatlas.figures.layout.page import colored

_WAYS = {"closed_form": "force in closed form", "autograd": "penalty through autograd"}


@draws("step_time")
def step_time(landscape: xr.Dataset) -> Figure:
    """Milliseconds of a step by the number of checkpoints: median and range over rounds, a colour a way."""
    figure, axis = panel(3.6, 2.6)
    for of_way, color in colored(1e3 * landscape["round_seconds"], "way"):
        way = str(of_way["way"].item())
        panels.shaded_band(axis, of_way, "checkpoints", color=color, label=_WAYS.get(way, way))
    axis.set(xlabel="checkpoints", ylabel="time of a step (ms)")
    axis.set_ylim(bottom=0)
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.legend(loc="best")
    return figure
