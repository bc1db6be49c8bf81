"""Pictures of the signals in a network: activations and gradients by depth."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from lossatlas.figures import panels, style
from lossatlas.figures.landscapes.drawing import draws

_NAMED = 16  # layers up to which their names stand on the axis; more are numbered


@draws("signal_propagation")
def signal_propagation(landscape: xr.Dataset) -> Figure:
    """Variance of the activations by depth, and the norms of the gradients, on log scales; test dashed."""
    names = [str(name) for name in landscape["layer"].values]
    numbered = landscape.assign_coords(layer=np.arange(1, len(names) + 1))
    figure = Figure(figsize=(6.6, 2.9), layout="constrained")
    left, right = figure.subplots(1, 2)
    panels.by_split(left, _positive(numbered["variance"]), "layer", color=style.LOSS)
    back, gradient = (_positive(numbered[name]) for name in ("backpropagated_norm", "gradient_norm"))
    panels.by_split(right, back, "layer", color=style.SMALL)
    trained = gradient.dropna("layer", how="all")
    panels.by_split(right, trained, "layer", color=style.LARGE)
    left.set(ylabel="variance of the activations", title="forward")
    right.set(ylabel="norm of the gradient", title="backward")
    for axis in (left, right):
        axis.set_yscale("log")
        _layer_ticks(axis, names)
    left.legend(loc="best")
    handles = [right.plot([], [], color=color)[0] for color in (style.SMALL, style.LARGE)]
    right.legend(handles, ["by the activations", "by the parameters"], loc="best")
    return figure


def _positive(values: xr.DataArray) -> xr.DataArray:
    """``values`` that a log scale has, with gaps in place of the others."""
    return values.where(np.isfinite(values) & (values > 0))


def _layer_ticks(axis: Axes, names: list[str]) -> None:
    axis.set_xlabel("layer")
    axis.set_xlim(0.5, len(names) + 0.5)
    if len(names) > _NAMED:
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    else:
        axis.set_xticks(range(1, len(names) + 1), names, rotation=90 if max(map(len, names)) > 3 else 0)
