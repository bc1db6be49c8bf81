"""Pictures of a training run as a survey sees each of its snapshots."""

from collections.abc import Callable, Mapping

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lossatlas.figures import panels, style
from lossatlas.figures.landscapes.curvature import DECADES_OF_DENSITY
from lossatlas.figures.landscapes.drawing import draws, panel
from lossatlas.figures.layout.page import colored

_QUANTITIES = {
    "signal_propagation": "total_gradient_norm",
    "gradient_noise": "fitted_noise_scale",
    "lipschitz": "gradient_norm",
    "hessian_noise": "fitted_noise_scale",
    "jacobian": "mean_square",
    "weight_spectrum": "outliers",
}
"""Survey -> the variable that is drawn by epoch; of others it is the first."""


@draws("along_training")
def along_training(landscape: xr.Dataset) -> Figure:
    """What was surveyed by epoch: both ends of the spectrum, densities in the colours of their epochs, or a number.

    A variable ``threshold`` of the dataset, the largest stable eigenvalue, is drawn beside the largest.
    """
    of = str(landscape.attrs["of"])
    figure, axis = panel(4.2, 2.9)
    _DRAWN.get(of, _quantity)(axis, landscape)
    if of != "spectrum":
        for line in axis.lines:  # at the snapshots, of which one alone makes no line
            if line.get_label() != "largest stable":
                line.set(marker="o", markersize=3)
    axis.set_title(f"{of} along training".replace("_", " "))
    return figure


def _eigenvalues(axis: Axes, landscape: xr.Dataset) -> None:
    first = landscape["eigenvalue"].sel(rank=1, drop=True)
    largest, smallest = (first.sel(end=end, drop=True) for end in ("largest", "smallest"))
    panels.shaded_band(axis, smallest, "snapshot", color=style.ERROR, label="smallest")
    panels.sharpness_and_threshold(axis, largest, landscape.get("threshold"), label="largest")
    axis.set_ylabel("eigenvalue")
    axis.legend(loc="best")


def _spectrum(axis: Axes, landscape: xr.Dataset) -> None:
    density = landscape["density"].where(np.isfinite(landscape["density"]))
    top = float(density.max().fillna(1.0))
    floor = top * 10.0**-DECADES_OF_DENSITY
    for of_epoch, color in colored(density, "snapshot"):
        epoch = of_epoch["snapshot"].item()
        at = landscape["eigenvalue"].sel(snapshot=epoch)
        axis.plot(at, of_epoch.clip(min=floor / 10), color=color, label=f"{epoch:g}")
    axis.set(xlabel="eigenvalue", ylabel="density", yscale="log", ylim=(floor, 4 * top))
    axis.legend(title="epoch", loc="upper right")


def _quantity(axis: Axes, landscape: xr.Dataset) -> None:
    first = next(str(name) for name, each in landscape.data_vars.items() if "snapshot" in each.dims)
    values = landscape[_QUANTITIES.get(landscape.attrs["of"], first)]
    draw = panels.by_split if "split" in values.dims else panels.shaded_band
    draw(axis, values.where(np.isfinite(values)), "snapshot", color=style.LOSS)
    axis.set(xlabel="epoch", ylabel=str(values.attrs.get("long_name", values.name)))
    if "split" in values.dims:
        axis.legend(loc="best")


_DRAWN: Mapping[str, Callable[[Axes, xr.Dataset], None]] = {
    "eigenvalues": _eigenvalues,
    "spectrum": _spectrum,
}
