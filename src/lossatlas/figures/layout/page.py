"""Pages: rows of panels over a caption."""

import textwrap
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from lossatlas.figures.layout.arrangement import (
    SEED,
    Arrangement,
    Panel,
    first_surveyed,
    is_surveyed,
    narrowed,
)

_LINE = 0.155  # height of a line of the caption, inches
_LETTERS = 120 / 7  # of the caption on an inch of a line
_HANDLE = 10  # letters that a handle of a legend takes with the space around it
NARROWEST = 5.0  # inches, for the caption's sake


def page_over(heights: Sequence[float], width: float, caption: str) -> tuple[Figure, list[SubFigure]]:
    """A figure of rows of these ``heights`` over the ``caption``; in inches."""
    lines = wrapped(caption, round(_LETTERS * width))
    heights = (*heights, _LINE * (len(lines) + 1))
    page = Figure(figsize=(width, sum(heights) + 0.4), layout=ConstrainedLayoutEngine(w_pad=0.06, h_pad=0.07))
    *rows, below = page.subfigures(len(heights), 1, height_ratios=heights, squeeze=False)[:, 0]
    below.text(0.03, 0.92, "\n".join(lines), va="top", fontsize=7.5, linespacing=1.35)
    return page, rows


def panels_over(
    arrangement: Arrangement, size: tuple[float, float], caption: str, **options: Any
) -> tuple[Figure, SubFigure, np.ndarray]:
    """A page of an arrangement's panels, each of ``size`` in inches, with its titles. Returns the axes (row, column).

    ``options`` are passed on to ``subplots``.
    """
    rows, columns = arrangement.shape
    width = max(size[0] * columns + 0.5, NARROWEST)
    page, (sheet,) = page_over([size[1] * rows + 0.3], width, caption)
    axes = sheet.subplots(rows, columns, squeeze=False, **options)
    for axis, title in zip(axes[0], arrangement.columns, strict=True):
        axis.set_title(title, fontweight="bold")
    for axis, title in zip(axes[:, 0], arrangement.rows, strict=True):
        if title:
            _name_row(axis, title)
    return page, sheet, axes


def _name_row(axis: Axes, title: str) -> None:
    """The title of a row, left of the label of its first panel."""
    axis.annotate(
        *(title, (0, 0.5)),
        xycoords=axis.yaxis.label if axis.name != "3d" else "axes fraction",
        xytext=(-8, 0),
        textcoords="offset points",
        rotation=90,
        ha="right",
        va="center",
        fontweight="bold",
        fontsize=8.5,
    )


def unsurveyed(axis: Axes) -> None:
    """A word in place of a panel whose networks were not surveyed."""
    axis.set_yticks([])
    axis.annotate("not surveyed", (0.5, 0.5), xycoords="axes fraction", ha="center", va="center", color="0.5")


def unsurveyed_plane(axis: Axes) -> None:
    """The same in place of a square panel."""
    unsurveyed(axis)
    axis.set(xticks=[], xlim=(-1, 1), ylim=(-1, 1), aspect="equal")
    for side in ("top", "right"):
        axis.spines[side].set_visible(True)


def share_scale(axes: Iterable[Axes]) -> None:
    """One vertical scale for all."""
    axes = list(axes)
    low = min(axis.get_ylim()[0] for axis in axes)
    high = max(axis.get_ylim()[1] for axis in axes)
    for axis in axes:
        axis.set_ylim(low, high)


def first_network(panel: Panel, variable: str, split: str | None = None) -> xr.DataArray | None:
    """A ``variable`` of the network that a panel shows, that of the first seed; None if none was surveyed."""
    if not is_surveyed(panel.landscape):
        return None
    network = first_surveyed(panel.landscape)
    return narrowed(network, {"split": split} if "split" in network.dims else {})[variable]


def shown_network(networks: Sequence[xr.DataArray | None]) -> str:
    """Which network panels show, for their caption."""
    seeds = {int(network[SEED]) for network in networks if network is not None and SEED in network.coords}
    if len(seeds) == 1:
        return f"Each panel shows the network of seed {seeds.pop()}"
    return "Each panel shows the network of the first seed that was surveyed"


def error_below(panel: Panel) -> str:
    """The test error that stands under a panel: mean and standard deviation over seeds."""
    return f"test error {mean_sd(100 * panel.test_error.values.ravel())} %"


def mean_sd(values: np.ndarray) -> str:
    """Mean and standard deviation of what is finite.

    >>> mean_sd(np.array([1.0, 2.0, np.nan])), mean_sd(np.array([3.0])), mean_sd(np.array([]))
    ('1.50 ± 0.71', '3.00', '–')
    """
    values = values[np.isfinite(values)]
    if len(values) < 2:
        return f"{values[0]:.2f}" if len(values) else "–"
    return f"{values.mean():.2f} ± {values.std(ddof=1):.2f}"


def legend_over(page: Figure, handles: Sequence[Artist], title: str = "") -> None:
    """One legend for all panels, over them, in as many rows as the page is too narrow for."""
    width, height = page.get_size_inches()
    letters = sum(len(str(handle.get_label())) + _HANDLE for handle in handles)
    lines = int(np.ceil(letters / (_LETTERS * width)))
    page.set_size_inches(width, height + _LINE * (lines - 1))
    legend = page.legend(
        handles=list(handles),
        loc="outside upper center",
        ncols=-(-len(handles) // lines),
        title=title or None,
    )
    legend.get_title().set(fontweight="bold", fontsize=10)


def captioned(*parts: str) -> str:
    """A caption of paragraphs, without those that are empty."""
    return "\n".join(part for part in parts if part)


def wrapped(caption: str, letters: int) -> list[str]:
    """The lines of a caption, each paragraph wrapped."""
    return [line for text in caption.splitlines() for line in textwrap.wrap(text, letters)]
