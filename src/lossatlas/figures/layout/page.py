"""Pages: rows of panels over a caption."""

import textwrap
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
import xarray as xr
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D

from lossatlas.figures.layout.arrangement import (
    SEED,
    Arrangement,
    Datasets,
    Names,
    Panel,
    called,
    first_surveyed,
    is_surveyed,
)
from lossatlas.figures.layout.fitting import FOLDED, FittingLayout
from lossatlas.figures.layout.values import are_numbers
from lossatlas.figures.style import LOSS, colors_of, ink, magnification, page_width, points
from lossatlas.measures.selection import select

_Data = TypeVar("_Data", xr.DataArray, xr.Dataset)

_LINE = 0.15  # height of a line of the caption, inches
_LETTERS = 120 / 7  # of the caption on an inch of a line
_LETTERS_OF_A_PANEL = 34  # on a line of 6 points
_HANDLE = 8  # letters that a handle of a legend takes with the space around it
NARROWEST = 3.25  # inches, for the caption's sake
_LEAST = 0.72  # of its width, to which a panel shrinks before fewer stand abreast
_TALLEST = 1.5  # times its height, for a panel that is wider than it asks for


def page_over(heights: Sequence[float], width: float, caption: str) -> tuple[Figure, list[SubFigure]]:
    """A figure of rows of these ``heights`` over the ``caption``; in inches, of the paper's style.

    The style in use says how wide a page may be; rows are lower or higher with it, type keeps its size.
    """
    scale, wide = magnification(), page_width(width)
    share = wide / (scale * width)
    grown = scale * ((1 + share) / 2 if share < 1 else min(share, _TALLEST))  # labels do not shrink
    rows_of = [grown * height for height in heights]
    lines = wrapped(caption, round(_LETTERS * wide / scale))
    if lines:
        rows_of.append(scale * _LINE * (len(lines) + 0.5))
    page = Figure(figsize=(wide, sum(rows_of) + 0.25), layout=FittingLayout(w_pad=0.06, h_pad=0.07))
    rows = list(page.subfigures(len(rows_of), 1, height_ratios=rows_of, squeeze=False)[:, 0])
    if lines:
        rows.pop().text(
            *(0.06 / wide, 1.0, "\n".join(lines)),
            va="top",
            fontsize=points(7),
            linespacing=1.35,
            color=ink(0.8),
        )
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
    """A page of ``count`` panels, as many abreast as it is wide enough for, ``most`` of them. Returns axes (count,)."""
    most = min(count, most)
    abreast = max(1, min(most, int(page_width(size[0] * most) / (_LEAST * size[0] * magnification()))))
    rows = -(-count // abreast)
    columns = -(-count // rows)  # 2 and 2 of four, not 3 and 1
    page, _, axes = grid_over((rows, columns), size, caption)
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
        gid=FOLDED,
    )


def unsurveyed(axis: Axes) -> None:
    """A word in place of a panel whose networks were not surveyed."""
    axis.set_yticks([])
    axis.annotate(
        "not surveyed", (0.5, 0.5), xycoords="axes fraction", ha="center", va="center", color=ink(0.5)
    )


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
    scale = magnification()
    room = int(_LETTERS * width / scale) - _HANDLE
    for handle in handles:
        handle.set_label(textwrap.fill(str(handle.get_label()), max(room, _HANDLE)))
    columns = _abreast([str(handle.get_label()) for handle in handles], room + _HANDLE)
    lines = -(-len(handles) // columns) + bool(title)
    page.set_size_inches(width, height + scale * _LINE * lines)
    legend = page.legend(
        handles=list(handles),
        loc="outside upper center",
        ncols=columns,
        title=title or None,
    )
    legend.get_title().set(fontweight="bold", fontsize=points(9))


def _abreast(labels: Sequence[str], room: int) -> int:
    """In how many columns of a legend, which is filled column by column, labels fit a line of ``room`` letters.

    >>> _abreast(["one", "two", "three"], 60), _abreast(["one", "two", "three"], 30)
    (3, 2)
    """
    widths = [max(map(len, label.splitlines()), default=0) + _HANDLE for label in labels]
    for columns in range(len(labels), 1, -1):
        if (
            sum(max(part) for part in np.array_split(widths, columns)) <= room
        ):  # the first are the longer ones
            return columns
    return 1


def shades_of(
    by: str | None, values: xr.DataArray | xr.Dataset, datasets: Datasets, names: Names | None
) -> dict[Any, Any]:
    """Each value of the axis ``by`` with its colour, the same in all figures of an experiment; {} for None.

    Colours follow the ``names`` that the experiment gives, else the axis of the ``datasets``, of which a figure may
    show a part.
    """
    if by is None:
        return {}
    drawn = values[by].values.tolist()
    every = _values_of(by, datasets, names)
    shades = dict(zip(every, colors_of(every), strict=True)) if set(drawn) <= set(every) else {}
    if len({shades.get(value) for value in drawn}) < len(
        drawn
    ):  # more arms than colours, or an axis made by a measure
        return dict(zip(drawn, colors_of(drawn), strict=True))
    return {value: shades[value] for value in drawn}


def _values_of(by: str, datasets: Datasets, names: Names | None) -> list[Any]:
    """All values of an axis, in the order of their colours."""
    axes = [
        dataset[by].values.tolist()
        for name, dataset in datasets.items()
        if name != "reference" and by in dataset
    ]
    found = list(
        dict.fromkeys(value for axis in axes for value in (axis if isinstance(axis, list) else [axis]))
    )
    if are_numbers(found):
        return sorted(found)
    return list(dict.fromkeys([*(names or {}).get(by, {}), *found]))


def colored(
    values: _Data, by: str | None, shades: Mapping[Any, Any] | None = None
) -> list[tuple[_Data, Any]]:
    """The part at each value of the axis ``by``, and its colour; all of it in one colour for None.

    ``shades``: those of `shades_of`; None: colours that no other panel shares.
    """
    if by is None:
        return [(values, LOSS)]
    shades = shades_of(by, values, {}, None) if shades is None else shades
    return [(values.sel({by: value}), shades[value]) for value in values[by].values.tolist()]


def color_key(by: str | None, shades: Mapping[Any, Any], names: Names | None, **line: Any) -> list[Line2D]:
    """Handles of what ``shades`` tell apart, drawn as a ``line``."""
    return [
        Line2D([], [], color=shade, label=called(by, group, names), **line) for group, shade in shades.items()
    ]


def say_lacking(
    axis: Axes, by: str | None, known: Collection[Any], names: Names | None, every: Iterable[Any]
) -> None:
    """A word in a panel, where it hides least, on the arms of the page's legend that it lacks, where it has others."""
    lacking = [called(by, value, names) for value in every if value not in known]
    if lacking and known:
        told = textwrap.fill(f"not run: {', '.join(lacking)}", _LETTERS_OF_A_PANEL)
        axis.legend(
            [Line2D([], [], linestyle="none")],
            [told],
            loc="best",
            fontsize=points(6),
            labelcolor=ink(0.6),
            handlelength=0,
            handletextpad=0,
            frameon=False,
        )


def captioned(*parts: str) -> str:
    """A caption of paragraphs, without those that are empty."""
    return "\n".join(part for part in parts if part)


def wrapped(caption: str, letters: int) -> list[str]:
    """The lines of a caption, each paragraph wrapped."""
    return [line for text in caption.splitlines() for line in textwrap.wrap(text, letters)]
