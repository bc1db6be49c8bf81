"""The picture of a tree of bands."""

import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lossatlas.figures import panels, style
from lossatlas.figures.pictures.registry import draws


@draws("spanning_tree")
def spanning_tree(landscape: xr.Dataset) -> Figure:
    """Loss along each band, those of the tree in colour, and the loss to climb to between each two minima."""
    figure = Figure(figsize=(6.4, 2.9), layout="constrained")
    left, right = figure.subplots(1, 2)
    _bands(left, landscape)
    values = landscape["highest_loss"].rename(minimum="member")
    known = panels.off_diagonal(values)
    low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)
    image = panels.matrix(right, values, low=low, high=high, first=0)
    right.set(title="loss to climb to between two minima", xlabel="minimum")
    figure.colorbar(image, ax=right, shrink=0.8)
    return figure


def _bands(axis: Axes, landscape: xr.Dataset) -> None:
    of_split = landscape.sel(split=landscape.attrs["saddles_of"])
    in_tree = landscape["in_tree"].values == 1
    colors = iter(style.colors_of([f"band {k}" for k in range(int(in_tree.sum()))]))
    for band, inside in enumerate(in_tree):
        one = of_split.isel(band=band)
        pair = f"{int(one['start'])} – {int(one['end'])}"
        drawn = (
            {"color": next(colors), "label": pair}
            if inside
            else {"color": "0.7", "linewidth": 0.8, "zorder": 1}
        )
        axis.plot(one["t"], one["loss"], **drawn)
    axis.set(xlabel="position along the band", ylabel=f"{landscape.attrs['saddles_of']} loss")
    axis.set_title("bands of the tree, and others in grey")
    axis.legend(loc="best", title="minima")
