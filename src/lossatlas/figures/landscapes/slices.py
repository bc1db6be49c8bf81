"""Pictures of the loss along lines, over planes and over the plane of a path of training."""

import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lossatlas.figures import panels
from lossatlas.figures.landscapes.drawing import draws, loss_contours, loss_profile
from lossatlas.figures.style import ink

_FEW = 0.6  # share of the points up to which those measured are marked: more would hide the picture


@draws("line")
def line(landscape: xr.Dataset) -> Figure:
    """Loss and error along random directions: median and range over the directions."""
    count = landscape.sizes.get("direction", 1)
    return loss_profile(
        landscape,
        "along a direction" if count == 1 else f"along {count} directions: median and range",
        networks=[0.0],
    )


@draws("surface")
def surface(landscape: xr.Dataset) -> Figure:
    """Contours of the loss in two directions, one panel a split; dots where it was measured, if at few points."""

    def extras(axis: Axes, split: str) -> None:
        axis.set(**panels.direction_labels(landscape))
        if "measured" in landscape:
            _mark_measured(axis, landscape["measured"], split)

    return loss_contours(landscape, extras, centre=panels.network_place(landscape) or False)


@draws("trajectory")
def trajectory(landscape: xr.Dataset) -> Figure:
    """Contours of the loss over the principal plane of a trajectory, and its path (Li et al. 2018, figure 9).

    The axes have scales of their own: most of the variance is that of the first component.
    """

    def extras(axis: Axes, split: str) -> None:
        panels.path(axis, landscape)

    return loss_contours(landscape, extras, centre=False, aspect="auto")


def _mark_measured(axis: Axes, measured: xr.DataArray, split: str) -> None:
    if "split" in measured.dims:
        measured = measured.sel(split=split)
    there = measured.transpose("y", "x").values.astype(bool)
    if there.mean() >= _FEW:
        return
    rows, columns = there.nonzero()
    x, y = measured["x"].values[columns], measured["y"].values[rows]
    axis.plot(x, y, ".", color=ink(0.65), markersize=2.4, markeredgewidth=0)
