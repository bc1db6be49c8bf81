"""The page figure of `sharpness`: Figures 2 and 3 of Li et al. 2018 (arXiv:1712.09913), any sizes and decays.

Rows: the line between the small- and the large-batch network; the weights' norm per epoch and their
histogram; filter-normalised lines; filter-normalised contours. Two columns for each weight decay.
"""

import textwrap
from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MultipleLocator

from lossatlas.figures import panels
from lossatlas.figures.style import BAND, ERROR, LARGE, LOSS, SMALL, STYLES, style

Datasets = Mapping[str, xr.Dataset]

_ROWS = (2.1, 1.75, 2.1, 2.75)  # heights in inches
_COLUMN = 2.45  # width of half a weight decay, inches
_LETTERS = 84  # of the caption on a line, for each weight decay
_LINE = 0.155  # height of a line of the caption, inches


def figure(
    datasets: Datasets,
    *,
    optimizer: str = "sgd",
    caption: str = "",
    log: bool = False,
    ceiling: float | None = 10.0,
) -> Figure:
    """Small against large batches at each weight decay, for one optimizer.

    ``datasets``: history, summary, weights, line, surface and interpolation over (optimizer,
    weight_decay, batch_size, seed). ``caption``: text under the panels, such as the verdicts.
    ``log``: losses along lines on a log scale. ``ceiling``: largest loss drawn there. Contours are
    those of the first seed that has them. ValueError for an optimizer that the sweep does not have.
    """
    known = datasets["summary"]["optimizer"].values.tolist()
    if optimizer not in known:
        raise ValueError(f"no optimizer {optimizer!r} in the sweep; it has {known}")
    chosen = {name: dataset.sel(optimizer=optimizer) for name, dataset in datasets.items()}
    summary = chosen["summary"]
    columns = 2 * summary.sizes["weight_decay"]
    lines = _wrapped(caption, _LETTERS * columns // 2)
    heights = (*_ROWS, _LINE * (len(lines) + 1))
    with style():
        page = Figure(figsize=(_COLUMN * columns, sum(heights) + 0.5), layout="constrained")
        grid = page.add_gridspec(len(heights), columns, height_ratios=heights)
        _interpolations(page, grid, chosen["interpolation"], summary, log=log, ceiling=ceiling)
        _norms(page, grid, chosen["history"])
        _histograms(page, grid, chosen["weights"])
        _lines(page, grid, chosen["line"], log=log, ceiling=ceiling)
        _contours(page, grid, chosen["surface"], summary)
        _legend(page, _batches(summary), optimizer)
        foot = page.add_subplot(grid[-1, :])
        foot.set_axis_off()
        foot.text(0, 1, "\n".join(lines), va="top", fontsize=7.5, linespacing=1.35)
    return page


def _interpolations(
    page: Figure,
    grid: GridSpec,
    interpolation: xr.Dataset,
    summary: xr.Dataset,
    *,
    log: bool,
    ceiling: float | None,
) -> None:
    (small, _), (large, _) = _batches(summary)
    axes = []
    for column, decay in enumerate(summary["weight_decay"].values):
        axis = page.add_subplot(grid[0, 2 * column : 2 * column + 2])
        panels.loss_and_error(axis, interpolation.sel(weight_decay=decay), log=log, ceiling=ceiling)
        for end in (0, 1):
            axis.axvline(end, color="0.6", linewidth=0.7, linestyle="dotted", zorder=0)
        axis.set_xticks([0, 1], [f"0\nbatch size {small}", f"1\nbatch size {large}"])
        axis.xaxis.set_minor_locator(MultipleLocator(0.25))
        axis.set_xlabel("α on the straight line between the two networks", labelpad=-2)
        axis.set_title(f"weight decay {decay:g}", fontweight="bold", fontsize=9.5)
        _finish(axis)
        axes.append(axis)
    _share(axes)


def _norms(page: Figure, grid: GridSpec, history: xr.Dataset) -> None:
    axes = []
    for column, decay in enumerate(history["weight_decay"].values):
        axis = page.add_subplot(grid[1, 2 * column])
        for batch, color in _batches(history):
            norm = history["weight_norm"].sel(weight_decay=decay, batch_size=batch)
            panels.spread(axis, norm, "epoch", color=color)
        axis.set(xlabel="epoch", ylabel="norm of all weights")
        axis.set_xlim(0, history["epoch"].max().item())
        axis.set_ylim(bottom=0)
        axis.spines["right"].set_visible(False)
        _finish(axis)
        axes.append(axis)
    _share(axes)


def _histograms(page: Figure, grid: GridSpec, weights: xr.Dataset) -> None:
    axes = []
    for column, decay in enumerate(weights["weight_decay"].values):
        axis = page.add_subplot(grid[1, 2 * column + 1])
        for batch, color in _batches(weights):
            density = weights["density"].sel(weight_decay=decay, batch_size=batch)
            panels.histogram(axis, density, color=color)
        reach = _reach(weights["density"])
        axis.set(xlabel="weight", ylabel="density", xlim=(-reach, reach))
        axis.set_ylim(bottom=0)
        axis.spines["right"].set_visible(False)
        _finish(axis)
        axes.append(axis)


def _lines(page: Figure, grid: GridSpec, line: xr.Dataset, *, log: bool, ceiling: float | None) -> None:
    axes = []
    for column, decay in enumerate(line["weight_decay"].values):
        axis = page.add_subplot(grid[2, 2 * column : 2 * column + 2])
        for batch, color in _batches(line):
            for split in line["split"].values:
                loss = line["loss"].sel(weight_decay=decay, batch_size=batch, split=split)
                panels.spread(
                    axis,
                    loss,
                    "alpha",
                    color=color,
                    linestyle=STYLES.get(str(split), "dotted"),
                    band=split == "train",
                )
        panels.loss_scale(axis, log=log, ceiling=ceiling)
        axis.set(xlabel="α along filter-normalised random directions", ylabel="loss")
        axis.set_xlim(line["alpha"].min().item(), line["alpha"].max().item())
        axis.spines["right"].set_visible(False)
        _finish(axis)
        axes.append(axis)
    _share(axes)


def _contours(page: Figure, grid: GridSpec, surface: xr.Dataset, summary: xr.Dataset) -> None:
    loss = surface["loss"].sel(split="train")
    cells = [(decay, *batch) for decay in summary["weight_decay"].values for batch in _batches(summary)]
    for column, (decay, batch, color) in enumerate(cells):
        axis = page.add_subplot(grid[3, column])
        panels.contours(axis, _first_surveyed(loss.sel(weight_decay=decay, batch_size=batch)))
        error = 100 * summary["test_error"].sel(weight_decay=decay, batch_size=batch)
        axis.set_title(f"batch size {batch}", color=color)
        axis.set_xlabel(f"first direction\ntest error {_mean_sd(error.values)} %")
        axis.set_ylabel("second direction" if column == 0 else "")
        axis.tick_params(labelleft=column == 0)
        _finish(axis)


def _batches(dataset: xr.Dataset) -> list[tuple[int, str]]:
    """The smallest and the largest batch size, each with its colour."""
    sizes = sorted(dataset["batch_size"].values.tolist())
    return [(sizes[0], SMALL), (sizes[-1], LARGE)]


def _first_surveyed(loss: xr.DataArray) -> xr.DataArray:
    """The surface of the first seed that has one. ``loss``: (seed, y, x)."""
    surveyed = loss.notnull().any(["y", "x"]).values
    return loss.isel(seed=int(surveyed.argmax()))


def _mean_sd(values: np.ndarray) -> str:
    values = values[np.isfinite(values)]
    if len(values) < 2:
        return f"{values[0]:.2f}" if len(values) else "–"
    return f"{values.mean():.2f} ± {values.std(ddof=1):.2f}"


def _reach(density: xr.DataArray) -> float:
    """Half-width of the histograms: where the densest has fallen to a two-hundredth of its peak."""
    highest = density.max([dim for dim in density.dims if dim != "bin"])
    inside = highest["bin"].values[(highest > highest.max() / 200).values]
    return float(abs(inside).max()) if len(inside) else 1.0


def _share(axes: Sequence[Axes]) -> None:
    """One vertical scale for all."""
    low = min(axis.get_ylim()[0] for axis in axes)
    high = max(axis.get_ylim()[1] for axis in axes)
    for axis in axes:
        axis.set_ylim(low, high)


def _finish(axis: Axes) -> None:
    """A word where there is nothing to see."""
    if not axis.has_data():
        axis.text(0.5, 0.5, "not surveyed", transform=axis.transAxes, ha="center", va="center", color="0.5")


def _legend(page: Figure, batches: Sequence[tuple[int, str]], optimizer: str) -> None:
    """One legend for all panels."""
    handles: list[Line2D | Patch] = [
        Line2D([], [], color=color, label=f"batch size {size}") for size, color in batches
    ]
    handles += [Line2D([], [], color=LOSS, label="loss"), Line2D([], [], color=ERROR, label="error")]
    handles += [Line2D([], [], color="0.3", linestyle=STYLES[name], label=name) for name in STYLES]
    handles.append(Patch(color="0.3", alpha=BAND, linewidth=0, label="median and range over seeds"))
    title = f"{optimizer.upper() if len(optimizer) < 4 else optimizer.capitalize()}"
    page.legend(handles=handles, loc="outside upper center", ncols=len(handles), title=title)


def _wrapped(caption: str, letters: int) -> list[str]:
    return [line for text in caption.splitlines() for line in textwrap.wrap(text, letters)]
