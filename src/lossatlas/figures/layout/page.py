"""Pages: rows of panels over a caption."""

import textwrap
from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

import numpy as np
import xarray as xr
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D

from lossatlas.figures.layout.arrangement import (
    SEED,
    Arrangement,
    Names,
    Panel,
    called,
    first_surveyed,
    is_surveyed,
)
from lossatlas.figures.style import LOSS, colors_of
from lossatlas.measures.selection import select

_Data = TypeVar("_Data", xr.DataArray, xr.Dataset)

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


def grid_over(
    shape: tuple[int, int],
    size: tuple[float, float],
    caption: str,
    *,
    margin: tuple[float, float] = (0.0, 0.0),
    narrowest: float = NARROWEST,
    **options: Any,
) -> tuple[Figure, SubFigure, np.ndarray]:
    """A page of rows and columns of panels, each of ``size``, a ``margin`` beside them; in inches, as (width, height).

    Returns the axes (row, column); ``options`` are passed on to ``subplots``.
    """
    rows, columns = shape
    width = max(size[0] * columns + margin[0], narrowest)
    page, (sheet,) = page_over([size[1] * rows + margin[1]], width, caption)
    return page, sheet, sheet.subplots(rows, columns, squeeze=False, **options)


def row_over(count: int, most: int, size: tuple[float, float], caption: str) -> tuple[Figure, np.ndarray]:
    """A page of ``count`` panels, ``most`` of them abreast. Returns their axes (count,)."""
    columns = min(count, most)
    page, _, axes = grid_over((-(-count // columns), columns), size, caption)
    for axis in axes.ravel()[count:]:
        axis.set_visible(False)
    return page, axes.ravel()[:count]


def panels_over(
    arrangement: Arrangement, size: tuple[float, float], caption: str, **options: Any
) -> tuple[Figure, SubFigure, np.ndarray]:
    """`grid_over` of an arrangement's panels, with its titles."""
    page, sheet, axes = grid_over(arrangement.shape, size, caption, margin=(0.5, 0.3), **options)
    entitle(axes[0], arrangement.columns)
    for axis, title in zip(axes[:, 0], arrangement.rows, strict=True):
        if title:
            _name_row(axis, title)
    return page, sheet, axes


def networks_over(
    arrangement: Arrangement,
    networks: Sequence[xr.DataArray | None],
    size: tuple[float, float],
    told: str,
    caption: str,
    **options: Any,
) -> tuple[Figure, SubFigure, list[tuple[Axes, Panel, xr.DataArray | None]]]:
    """`panels_over` of panels of one network each, with what is ``told`` of them; returns the axes of each."""
    told = f"{shown_network(networks)}: {told}. Test errors are mean ± standard deviation over seeds."
    page, sheet, axes = panels_over(arrangement, size, captioned(told, caption), **options)
    return page, sheet, list(zip(axes.flat, arrangement.flat, networks, strict=True))


def entitle(axes: Iterable[Axes], titles: Iterable[str]) -> None:
    """Titles over a row of panels."""
    for axis, title in zip(axes, titles, strict=True):
        axis.set_title(title, fontweight="bold")


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


def share_row(row: Sequence[Axes] | np.ndarray) -> None:
    """One vertical scale for a row of panels, with its numbers on the left alone."""
    share_scale(row)
    for axis in row[1:]:
        axis.tick_params(labelleft=False)


def first_network(panel: Panel, variable: str, split: str | None = None) -> xr.DataArray | None:
    """A ``variable`` of the network that a panel shows, that of the first seed; None if none was surveyed."""
    if not is_surveyed(panel.landscape):
        return None
    network = first_surveyed(panel.landscape)
    return select(network, {"split": split} if split and "split" in network.dims else {})[variable]


def shown_network(networks: Sequence[xr.DataArray | None]) -> str:
    """Which network panels show, for their caption."""
    seeds = {int(network[SEED]) for network in networks if network is not None and SEED in network.coords}
    if len(seeds) == 1:
        return f"Each panel shows the network of seed {seeds.pop()}"
    return "Each panel shows the network of the first seed that was surveyed"


def error_below(panel: Panel) -> str:
    """The test error that stands under a panel: mean and standard deviation over seeds."""
    return f"test error {mean_sd(100 * panel.test_error.values.ravel())} %"


def name_plane(axis: Axes, panel: Panel) -> None:
    """Labels of a panel over two directions, with the test error under it."""
    axis.set(xlabel="first direction", ylabel="second direction")
    axis.label_outer()
    axis.set_xlabel(captioned(axis.get_xlabel(), error_below(panel)))


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


def colored(values: _Data, by: str | None) -> list[tuple[_Data, str]]:
    """The part at each value of the axis ``by``, and its colour; all of it in one colour for None."""
    if by is None:
        return [(values, LOSS)]
    shades = colors_of(values[by].values.tolist())
    return [(values.isel({by: number}), shade) for number, shade in enumerate(shades)]


def color_key(
    by: str | None, values: xr.DataArray | xr.Dataset | Sequence[str], names: Names | None, **line: Any
) -> list[Line2D]:
    """Handles of what `colored` tells apart, the ``values`` of an axis or those listed, drawn as a ``line``."""
    if by is None:
        return []
    groups = list(values) if isinstance(values, Sequence) else values[by].values.tolist()
    shades = colors_of(groups)
    return [
        Line2D([], [], color=shade, label=called(by, group, names), **line)
        for group, shade in zip(groups, shades, strict=True)
    ]


def captioned(*parts: str) -> str:
    """A caption of paragraphs, without those that are empty."""
    return "\n".join(part for part in parts if part)


def wrapped(caption: str, letters: int) -> list[str]:
    """The lines of a caption, each paragraph wrapped."""
    return [line for text in caption.splitlines() for line in textwrap.wrap(text, letters)]
