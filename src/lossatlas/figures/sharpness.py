"""The page figure of `sharpness`: Figures 2 and 3 of Li et al. 2018 (arXiv:1712.09913), any sizes and decays.

Rows: the line between the small- and the large-batch network; the weights' norm per epoch and their
histogram; filter-normalised lines; filter-normalised contours. Two columns for each weight decay.
"""

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from itertools import count

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MultipleLocator

from lossatlas.figures import panels
from lossatlas.figures.style import BAND, ERROR, LARGE, LOSS, SMALL, STYLES, style

Datasets = Mapping[str, xr.Dataset]

_NEEDED = ("history", "summary", "weights", "line", "surface", "interpolation")
_ROWS = (2.35, 1.95, 2.2, 2.75)  # heights in inches
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
    those of the first seed that has them. ValueError for an optimizer that the sweep does not have, or
    a dataset that is not there.
    """
    missing = [name for name in _NEEDED if name not in datasets]
    if missing:
        raise ValueError(f"the figure needs the dataset {missing[0]!r}; there are {sorted(datasets)}")
    known = datasets["summary"]["optimizer"].values.tolist()
    if optimizer not in known:
        raise ValueError(f"no optimizer {optimizer!r} in the sweep; it has {known}")
    chosen = {name: dataset.sel(optimizer=optimizer) for name, dataset in datasets.items()}
    summary = chosen["summary"]
    columns = 2 * summary.sizes["weight_decay"]
    lines = _wrapped(caption, _LETTERS * columns // 2)
    heights = (*_ROWS, _LINE * (len(lines) + 1))
    with style():
        page = Figure(
            figsize=(_COLUMN * columns, sum(heights) + 0.4),
            layout=ConstrainedLayoutEngine(w_pad=0.06, h_pad=0.07),
        )
        _legend(page, _batches(summary), optimizer)
        rows = page.subfigures(len(heights), 1, height_ratios=heights, squeeze=False)[:, 0]
        _interpolations(rows[0], chosen["interpolation"], summary, log=log, ceiling=ceiling)
        _weights(rows[1], chosen["history"], chosen["weights"])
        _lines(rows[2], chosen["line"], log=log, ceiling=ceiling)
        _contours(rows[3], chosen["surface"], summary)
        rows[4].text(0.03, 0.92, "\n".join(lines), va="top", fontsize=7.5, linespacing=1.35)
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
            axis.axvline(end, color="0.6", linewidth=0.7, linestyle="dotted", zorder=0)
        axis.set_xticks([0, 1], [f"0\nbatch size {small}", f"1\nbatch size {large}"])
        axis.xaxis.set_minor_locator(MultipleLocator(0.25))
        axis.set_xlabel("α on the straight line between the two networks")
        axis.set_title(f"weight decay {decay:g}", fontweight="bold", fontsize=9.5)
        _finish(axis, f"2{letter}", interpolation["loss"].sel(weight_decay=decay))
    _share(axes)


def _weights(row: SubFigure, history: xr.Dataset, weights: xr.Dataset) -> None:
    """Figure 2 b, c, e and f."""
    decays = history["weight_decay"].values
    axes = row.subplots(1, 2 * len(decays))
    reach = _reach(weights["density"])
    for column, (decay, b, c) in enumerate(zip(decays, _letters("b", 3), _letters("c", 3), strict=False)):
        norms, shape = axes[2 * column : 2 * column + 2]
        for batch, color in _batches(history):
            norm = history["weight_norm"].sel(weight_decay=decay, batch_size=batch)
            panels.spread(norms, norm, "epoch", color=color)
            density = weights["density"].sel(weight_decay=decay, batch_size=batch)
            panels.histogram(shape, density, color=color)
        norms.set(xlabel="epoch", ylabel="norm of all weights", xlim=(0, history["epoch"].max().item()))
        shape.set(xlabel="weight", ylabel="density", xlim=(-reach, reach))
        _finish(norms, f"2{b}", history["weight_norm"].sel(weight_decay=decay))
        _finish(shape, f"2{c}", weights["density"].sel(weight_decay=decay))
    for axis in axes:
        axis.set_ylim(bottom=0)
    _share(axes[::2])
    _share(axes[1::2])


def _lines(row: SubFigure, line: xr.Dataset, *, log: bool, ceiling: float | None) -> None:
    """Figure 3 a to d, small and large batches in one panel."""
    decays = line["weight_decay"].values
    axes = row.subplots(1, len(decays), squeeze=False)[0]
    for axis, decay, a, b in zip(axes, decays, _letters("a", 2), _letters("b", 2), strict=False):
        for batch, color in _batches(line):
            for split, dashes in STYLES.items():
                loss = line["loss"].sel(weight_decay=decay, batch_size=batch, split=split)
                panels.spread(axis, loss, "alpha", color=color, linestyle=dashes, band=split == "train")
        panels.loss_scale(axis, log=log, ceiling=ceiling)
        axis.set(xlabel="α along filter-normalised random directions", ylabel="loss")
        axis.set_xlim(line["alpha"].min().item(), line["alpha"].max().item())
        _finish(axis, f"3{a}, {b}", line["loss"].sel(weight_decay=decay))
    _share(axes)


def _contours(row: SubFigure, surface: xr.Dataset, summary: xr.Dataset) -> None:
    """Figure 3 e to h."""
    cells = [(decay, *batch) for decay in summary["weight_decay"].values for batch in _batches(summary)]
    axes = row.subplots(1, len(cells))
    for axis, (decay, batch, color), letter in zip(axes, cells, _letters("e", 1), strict=False):
        cell = {"weight_decay": decay, "batch_size": batch}
        loss = panels.first_surveyed(surface["loss"].sel(split="train", **cell))
        panels.contours(axis, loss)
        error = 100 * summary["test_error"].sel(cell)
        axis.set_title(f"batch size {batch}", color=color)
        axis.set_xlabel(f"first direction\ntest error {_mean_sd(error.values)} %")
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


def _finish(axis: Axes, letter: str, drawn: xr.DataArray) -> None:
    """The letter that the panel has in the paper, and a word where there was nothing to draw."""
    axis.set_title(letter, loc="left", fontweight="bold")
    if drawn.isnull().all():
        axis.set_yticks([])
        axis.text(0.5, 0.5, "not surveyed", transform=axis.transAxes, ha="center", va="center", color="0.5")


def _legend(page: Figure, batches: Sequence[tuple[int, str]], optimizer: str) -> None:
    """One legend for all panels."""
    handles: list[Line2D | Patch] = [
        Line2D([], [], color=color, label=f"batch size {size}") for size, color in batches
    ]
    handles += [Line2D([], [], color=LOSS, label="loss"), Line2D([], [], color=ERROR, label="error")]
    handles += [Line2D([], [], color="0.3", linestyle=STYLES[name], label=name) for name in STYLES]
    handles.append(
        Patch(color="0.3", alpha=BAND, linewidth=0, label="median and range over seeds and directions")
    )
    title = f"{optimizer.upper() if len(optimizer) < 4 else optimizer.capitalize()}"
    legend = page.legend(handles=handles, loc="outside upper center", ncols=len(handles), title=title)
    legend.get_title().set(fontweight="bold", fontsize=10)


def _wrapped(caption: str, letters: int) -> list[str]:
    return [line for text in caption.splitlines() for line in textwrap.wrap(text, letters)]
