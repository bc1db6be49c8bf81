"""Panel of the sharpness along training, beside the largest at which descent is stable."""

import xarray as xr
from matplotlib.axes import Axes

from lossatlas.figures import style
from lossatlas.figures.panels.profiles import shaded_band


def sharpness_and_threshold(
    axis: Axes,
    sharpness: xr.DataArray,
    threshold: xr.DataArray | None = None,
    *,
    along: str = "snapshot",
    color: str = style.LOSS,
    label: str = "sharpness",
) -> None:
    """Largest eigenvalue along training (Cohen et al. 2021, figure 1): median of the replicates, and their range.

    ``sharpness``: (..., ``along``). ``threshold``: likewise, the largest stable eigenvalue, such as 2/rate, as dashes;
    see `lossatlas.measures.stability_threshold`. None: it is not drawn.
    """
    shaded_band(axis, sharpness, along, color=color, label=label)
    if threshold is not None:
        where = {along: sharpness[along]}
        drawn = threshold if along in threshold.dims else threshold.expand_dims(where, axis=-1)
        shaded_band(
            axis, drawn, along, color=color, linestyle=(0, (2, 1.5)), label="largest stable", band=False
        )
    axis.set(xlabel="epoch", ylabel="largest eigenvalue")
    if axis.dataLim.intervaly[0] >= 0:
        axis.set_ylim(bottom=0)
