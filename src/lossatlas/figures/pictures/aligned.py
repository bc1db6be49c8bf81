"""Pictures of lines between two networks before and after their units are matched."""

import xarray as xr
from matplotlib.figure import Figure

from lossatlas.figures import panels, style
from lossatlas.figures.page import share_scale
from lossatlas.figures.pictures.registry import draws

CEILING = 10.0  # largest loss that is drawn
TITLES = {"before": "units as they are", "after": "units matched"}


@draws("aligned")
def aligned(landscape: xr.Dataset) -> Figure:
    """Loss and error from one network (alpha 0) to another (alpha 1), before matching its units and after."""
    count = landscape.sizes["alignment"]
    figure = Figure(figsize=(0.6 + 2.6 * count, 2.7), layout="constrained")
    axes = figure.subplots(1, count, squeeze=False)[0]
    draw = panels.loss_and_error if "error" in landscape else panels.losses
    for axis, which in zip(axes, landscape["alignment"].values.tolist(), strict=True):
        line = landscape.sel(alignment=which)
        draw(axis, line, ceiling=CEILING)
        axis.set_title(f"{TITLES[which]}\ndistance {line['distance'].item():.3g}")
    share_scale(axes)
    axes[-1].legend(loc="best", labelcolor=style.LOSS)
    return figure
