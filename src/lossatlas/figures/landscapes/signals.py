"""Pictures of the signals in a network: activations and gradients by depth."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from lossatlas.figures import panels, style
from lossatlas.figures.landscapes.drawing import draws, panel
from lossatlas.figures.layout.fitting import FittingLayout

_NAMED = 16  # layers up to which their names stand on the axis; more are numbered


@draws("signal_propagation")
def signal_propagation(landscape: xr.Dataset) -> Figure:
    """Variance of the activations by depth, and the norms of the gradients, on log scales; test dashed."""
    there = [isinstance(name, str) for name in landscape["layer"].values]  # beside networks of more layers
    landscape = landscape.isel(layer=there)
    names = landscape["layer"].values.tolist()
    numbered = landscape.assign_coords(layer=np.arange(1, len(names) + 1))
    figure = Figure(figsize=(6.6, 2.9), layout=FittingLayout())
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


@draws("gradient_noise")
def gradient_noise(landscape: xr.Dataset) -> Figure:
    """Noise of the gradient against the size of the minibatch, and where it is as large as the gradient."""
    return _noise(landscape, "gradient")


@draws("hessian_noise")
def hessian_noise(landscape: xr.Dataset) -> Figure:
    """The same of the Hessian, in the Frobenius norm."""
    return _noise(landscape, "Hessian")


def _noise(landscape: xr.Dataset, what: str) -> Figure:
    figure, axis = panel(4.0, 2.9)
    size = landscape["size"].values.astype(float)
    noise = _positive(landscape["noise"]).values
    band = np.nan_to_num(2 * _positive(landscape["noise_standard_error"]).values)
    low = np.minimum(band, 0.95 * noise)  # a log scale has no zero
    axis.errorbar(
        size, noise, yerr=[low, band], fmt="o", color=style.LOSS, markersize=4, capsize=3, label="noise"
    )
    total, trace = landscape.attrs["examples"], landscape["fitted_covariance_trace"].item()
    fine = np.geomspace(size.min(), max(min(size.max(), 0.999 * total), size.min()), 200)
    expected = _positive(trace * xr.DataArray(1 / fine - 1 / total)) ** 0.5
    axis.plot(fine, expected, color=style.ink(0.4), linewidth=0.9, zorder=0, label="√(tr Σ (1/n − 1/N))")
    norm, scale = landscape[f"{what.lower()}_norm"].item(), landscape["fitted_noise_scale"].item()
    if np.isfinite(norm) and norm > 0:
        axis.axhline(norm, color=style.ERROR, linestyle="dotted", label=f"norm of the {what}")
    axis.set(xscale="log", yscale="log", xlabel="examples of a minibatch", ylabel="norm")
    error = landscape["fitted_noise_scale_standard_error"].item()
    axis.set_title(f"noise scale {_rounded(scale, error)}")
    axis.legend(loc="best")
    return figure


def _rounded(value: float, error: float) -> str:
    """An estimate with its standard error, to the digits that it has; without one where it is not known.

    >>> _rounded(123.4, 21.0), _rounded(float("inf"), float("nan"))
    ('120 ± 20', 'inf')
    """
    if not (np.isfinite(value) and np.isfinite(error) and error > 0):
        return f"{value:.3g}"
    digits = -int(np.floor(np.log10(error)))
    if digits > 0:
        return f"{value:.{digits}f} ± {error:.{digits}f}"
    return f"{round(value, digits):.0f} ± {round(error, digits):.0f}"


@draws("feature_rank")
def feature_rank(landscape: xr.Dataset) -> Figure:
    """Singular values of the features by their rank, on a log scale, and where the effective rank lies; test dashed."""
    figure, axis = panel(3.9, 2.8)
    panels.by_split(axis, _positive(landscape["singular_value"]), "rank", color=style.LOSS)
    ranks = []
    for split in landscape["split"].values:
        rank = landscape["effective_rank"].sel(split=split).item()
        ranks.append(f"{split} {rank:.3g}")
        if np.isfinite(rank):
            dashes = style.STYLES.get(str(split), "dotted")
            axis.axvline(rank, color=style.ERROR, linewidth=0.9, linestyle=dashes, zorder=0)
    axis.set(xlabel="rank", ylabel="singular value of the features", yscale="log")
    axis.set_title(f"effective rank: {', '.join(ranks)}")
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.legend(loc="best")
    return figure


@draws("activation_patterns")
def activation_patterns(landscape: xr.Dataset) -> Figure:
    """Crossings of each step along a path, of all layers, and the share that switched by layer; test dashed."""
    figure = Figure(figsize=(6.6, 2.8), layout=FittingLayout())
    left, right = figure.subplots(1, 2)
    steps = landscape["crossings"].sum("layer", skipna=False).isel(t=slice(1, None))
    panels.by_split(left, steps, "t", color=style.LOSS)
    cells = (f"{split} {count:.6g}" for split, count in landscape["cells"].to_series().items())
    left.set(xlabel="position along the path", ylabel="crossings", title=f"cells: {', '.join(cells)}")
    left.set_ylim(bottom=0)
    left.legend(loc="best")
    layers = landscape["layer"].values.tolist()
    for layer, color in zip(layers, style.colors_of(layers), strict=True):
        panels.by_split(right, 100 * landscape["switched"].sel(layer=layer), "t", color=color)
    right.set(xlabel="position along the path", ylabel="switched units (%)", title="since the last network")
    right.set_ylim(bottom=0)
    if len(layers) <= _NAMED:
        right.legend(
            [right.plot([], [], color=color)[0] for color in style.colors_of(layers)], layers, loc="best"
        )
    return figure
