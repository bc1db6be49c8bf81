"""The page of `sharpness`: Figures 2 and 3 of Li et al. 2018 (arXiv:1712.09913), any sizes and decays.

Rows: the line between the small- and the large-batch network; the weights' norm per epoch and their
histogram; filter-normalised lines; filter-normalised contours. Two columns for each weight decay.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from typing import Any

import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MultipleLocator

from lossatlas.figures import panels
from lossatlas.figures.layout.arrangement import Datasets, first_surveyed, needed
from lossatlas.figures.layout.page import legend_over, mean_sd, page_over, share_scale, unsurveyed
from lossatlas.figures.style import BAND, ERROR, LARGE, LOSS, SMALL, STYLES, ink, points, style
from lossatlas.measures.selection import select

_NEEDED = ("history", "summary", "weights", "line", "surface", "interpolation")
_ROWS = (2.35, 1.95, 2.2, 2.75)  # heights in inches
_COLUMN = 2.45  # width of half a weight decay, inches


def width_and_sharpness(
    datasets: Datasets,
    *,
    optimizer: str = "sgd",
    at: Mapping[str, Any] | None = None,
    caption: str = "",
    log: bool = False,
    ceiling: float | None = None,
) -> Figure:
    """Small against large batches at each weight decay, for one optimizer.

    Contours are those of the first seed that has them.

    Parameters
    ----------
    datasets : mapping of str to Dataset
        history, summary, weights, line, surface and interpolation over (optimizer, weight_decay, batch_size, seed).
    optimizer : str, default "sgd"
        The one that is shown.
    at : mapping of str to Any, optional
        Axis -> its value that is shown, or a list of those, in their order; None: all that there is.
    caption : str, default ""
        Text under the panels, such as the verdicts; "": none.
    log : bool, default False
        Losses along lines on a log scale; by default on a linear one.
    ceiling : float, optional
        Largest loss drawn there; None: 10, or in a panel where all losses are larger a power of ten above the lowest;
        inf: all are.

    Returns
    -------
    matplotlib.figure.Figure
        A page.

    Raises
    ------
    ValueError
        For an optimizer, or a value of another axis, that the sweep does not have, or a dataset that is not there.
    """
    needed(datasets, *_NEEDED)
    where = {"optimizer": optimizer, **(at or {})}
    chosen = {name: select(datasets[name], where) for name in _NEEDED}
    summary = chosen["summary"]
    columns = 2 * summary.sizes["weight_decay"]
    with style():
        page, rows = page_over(_ROWS, _COLUMN * columns, caption)
        _legend(page, _batches(summary), optimizer)
        _interpolations(rows[0], chosen["interpolation"], summary, log=log, ceiling=ceiling)
        _weights(rows[1], chosen["history"], chosen["weights"])
        _lines(rows[2], chosen["line"], log=log, ceiling=ceiling)
        _contours(rows[3], chosen["surface"], summary)
    return page


def _interpolations(
    row: SubFigure, interpolation: xr.Dataset, summary: xr.Dataset, *, log: bool, ceiling: float | None
) -> None:
    """Figure 2 a and d."""
    (small, _), (large, _) = _batches(summary)
    decays = summary["weight_decay"].values
    axes = row.subplots(1, len(decays), squeeze=False)[0]
    for axis, decay, letter in zip(axes, decays, _letters("a", 3), strict=False):
        panels.loss_and_error(axis, interpolation.sel(weight_decay=decay), log=log, ceiling=ceiling)
        for end in (0, 1):
            axis.axvline(end, color=ink(0.4), linewidth=0.7, linestyle="dotted", zorder=0)
        axis.set_xticks([0, 1], [f"0\nbatch size {small}", f"1\nbatch size {large}"])
        axis.xaxis.set_minor_locator(MultipleLocator(0.25))
        axis.set_xlabel("α on the straight line between the two networks")
        axis.set_title(f"weight decay {decay:g}", fontweight="bold", fontsize=points(9.5))
        _finish(axis, f"2{letter}", interpolation["loss"].sel(weight_decay=decay))
    share_scale(axes)


def _weights(row: SubFigure, history: xr.Dataset, weights: xr.Dataset) -> None:
    """Figure 2 b, c, e and f."""
    decays = history["weight_decay"].values
    axes = row.subplots(1, 2 * len(decays))
    reach = _reach(weights["density"])
    for column, (decay, b, c) in enumerate(zip(decays, _letters("b", 3), _letters("c", 3), strict=False)):
        norms, shape = axes[2 * column : 2 * column + 2]
        for batch, color in _batches(history):
            norm = history["weight_norm"].sel(weight_decay=decay, batch_size=batch)
            panels.shaded_band(norms, norm, "epoch", color=color)
            density = weights["density"].sel(weight_decay=decay, batch_size=batch)
            panels.histogram(shape, density, color=color)
        norms.set(xlabel="epoch", ylabel="norm of all weights", xlim=(0, history["epoch"].max().item()))
        shape.set(xlabel="weight", ylabel="density", xlim=(-reach, reach))
        _finish(norms, f"2{b}", history["weight_norm"].sel(weight_decay=decay))
        _finish(shape, f"2{c}", weights["density"].sel(weight_decay=decay))
    for axis in axes:
        axis.set_ylim(bottom=0)
    share_scale(axes[::2])
    share_scale(axes[1::2])


def _lines(row: SubFigure, line: xr.Dataset, *, log: bool, ceiling: float | None) -> None:
    """Figure 3 a to d, small and large batches in one panel."""
    decays = line["weight_decay"].values
    axes = row.subplots(1, len(decays), squeeze=False)[0]
    for axis, decay, a, b in zip(axes, decays, _letters("a", 2), _letters("b", 2), strict=False):
        for batch, color in _batches(line):
            for split, dashes in STYLES.items():
                loss = line["loss"].sel(weight_decay=decay, batch_size=batch, split=split)
                panels.shaded_band(axis, loss, "alpha", color=color, linestyle=dashes, band=split == "train")
        panels.loss_scale(axis, log=log, ceiling=ceiling)
        axis.set(xlabel="α along filter-normalised random directions", ylabel="loss")
        axis.set_xlim(line["alpha"].min().item(), line["alpha"].max().item())
        _finish(axis, f"3{a}, {b}", line["loss"].sel(weight_decay=decay))
    share_scale(axes)


def _contours(row: SubFigure, surface: xr.Dataset, summary: xr.Dataset) -> None:
    """Figure 3 e to h."""
    cells = [(decay, *batch) for decay in summary["weight_decay"].values for batch in _batches(summary)]
    axes = row.subplots(1, len(cells))
    for axis, (decay, batch, color), letter in zip(axes, cells, _letters("e", 1), strict=False):
        cell = {"weight_decay": decay, "batch_size": batch}
        loss = first_surveyed(surface.sel(split="train", **cell))["loss"]
        panels.contours(axis, loss)
        error = 100 * summary["test_error"].sel(cell)
        axis.set_title(f"batch size {batch}", color=color)
        axis.set_xlabel(f"first direction\ntest error {mean_sd(error.values)} %")
        _finish(axis, f"3{letter}", loss)
    axes[0].set_ylabel("second direction")
    for axis in axes[1:]:
        axis.tick_params(labelleft=False)


def _letters(first: str, step: int) -> Iterator[str]:
    """The paper's panel letters: ``first`` and every ``step``-th after it."""
    return map(chr, count(ord(first), step))


def _batches(dataset: xr.Dataset) -> list[tuple[int, str]]:
    """The smallest and the largest batch size, each with its colour."""
    sizes = sorted(dataset["batch_size"].values.tolist())
    return [(sizes[0], SMALL), (sizes[-1], LARGE)]


def _reach(density: xr.DataArray) -> float:
    """Half-width of the histograms: where the densest has fallen to a two-hundredth of its peak."""
    highest = density.max([dim for dim in density.dims if dim != "bin"])
    inside = highest["bin"].values[(highest > highest.max() / 200).values]
    return float(abs(inside).max()) if len(inside) else 1.0


def _finish(axis: Axes, letter: str, drawn: xr.DataArray) -> None:
    """The letter that the panel has in the paper, and a word where there was nothing to draw."""
    axis.set_title(letter, loc="left", fontweight="bold")
    if drawn.isnull().all():
        unsurveyed(axis)


def _legend(page: Figure, batches: Sequence[tuple[int, str]], optimizer: str) -> None:
    """One legend for all panels."""
    handles: list[Line2D | Patch] = [
        Line2D([], [], color=color, label=f"batch size {size}") for size, color in batches
    ]
    handles += [Line2D([], [], color=LOSS, label="loss"), Line2D([], [], color=ERROR, label="error")]
    handles += [Line2D([], [], color=ink(0.7), linestyle=STYLES[name], label=name) for name in STYLES]
    handles.append(
        Patch(color=ink(0.7), alpha=BAND, linewidth=0, label="median and range over seeds and directions")
    )
    legend_over(page, handles, optimizer.upper() if len(optimizer) < 4 else optimizer.capitalize())
