"""Pictures of several groups of networks: their curves on shared axes, their surfaces on one scale."""

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from lossatlas.figures import panels
from lossatlas.figures.layout.values import scale_of
from lossatlas.figures.style import SYMBOLS, colors_of, style

Group = Mapping[str, xr.DataArray]
"""Name of a group -> values over its networks and along one dimension, (run, along)."""

_CURVE = (2.9, 2.2)  # inches of a panel
_PLANE = (2.5, 2.6)
_ABREAST = 4  # panels
_LETTERS = 17  # of a legend on an inch


def curves(by_panel: Mapping[str, Group], along: str, *, are_losses: bool = False) -> Figure:
    """A panel for each quantity, a colour for each group: median over its networks, and their range.

    Parameters
    ----------
    by_panel : mapping of str to mapping of str to DataArray
        Title of the panel -> group -> values (run, along).
    along : str
        Dimension across.
    are_losses : bool, default False
        Whether the vertical axes are of losses along lines: from 0, cut where they are too large to be seen. By default
        an axis is logarithmic where values span decades.

    Returns
    -------
    matplotlib.figure.Figure
        One page.
    """
    names = list(dict.fromkeys(name for groups in by_panel.values() for name in groups))
    shades = dict(zip(names, colors_of(names), strict=True))
    with style():
        figure, axes = _page(len(by_panel), _CURVE, _lines_of_legend(names, len(by_panel)))
        for axis, (title, groups) in zip(axes, by_panel.items(), strict=True):
            if not are_losses:
                scale_of(axis, "y", np.concatenate([values.values.ravel() for values in groups.values()]))
            for name, values in groups.items():
                known = values.dropna(along, how="all")
                if known.size:
                    panels.shaded_band(axis, known, along, color=shades[name])
            if are_losses:
                panels.loss_scale(axis, log=False, ceiling=None)
            axis.margins(x=0)
            whole = all(values[along].dtype.kind in "iu" for values in groups.values())
            axis.xaxis.set_major_locator(MaxNLocator(5, integer=whole))
            axis.set(xlabel=SYMBOLS.get(along, along.replace("_", " ")), ylabel=title)
        key = [Line2D([], [], color=shade, label=name) for name, shade in shades.items()]
        rows = _lines_of_legend(names, len(by_panel))
        figure.legend(handles=key, loc="outside upper left", ncols=-(-len(key) // rows))
    return figure


def surfaces(by_group: Mapping[str, xr.Dataset], split: str) -> tuple[Figure, str]:
    """Contours of a network of each group side by side, on the same levels, and what these are.

    Parameters
    ----------
    by_group : mapping of str to Dataset
        Group -> landscape with loss (split, y, x).
    split : str
        Which split is drawn.

    Returns
    -------
    tuple of Figure and str
        The page, and its levels in words.
    """
    losses = {name: landscape["loss"].sel(split=split) for name, landscape in by_group.items()}
    levels = panels.fitting_levels(*losses.values())
    with style():
        figure, axes = _page(len(losses), _PLANE)
        for axis, (name, loss) in zip(axes, losses.items(), strict=True):
            centre = panels.network_place(by_group[name]) or False
            panels.contours(axis, loss, levels=levels, centre=centre)
            axis.set_title(name, wrap=True)
            axis.set(**panels.direction_labels(by_group[name]))
    return figure, f"{panels.levels_in_words(levels)} of the {split} loss"


def _page(count: int, size: tuple[float, float], lines: int = 0) -> tuple[Figure, np.ndarray]:
    """A figure of ``count`` panels, and ``lines`` of a legend over them."""
    columns = min(count, _ABREAST)
    rows = -(-count // columns)
    page = Figure(figsize=(size[0] * columns, size[1] * rows + 0.2 * lines), layout="constrained")
    axes = page.subplots(rows, columns, squeeze=False).ravel()
    for axis in axes[count:]:
        axis.set_visible(False)
    return page, axes[:count]


def _lines_of_legend(names: Sequence[str], count: int) -> int:
    """In how many rows a legend fits over ``count`` panels."""
    letters = sum(len(name) + 8 for name in names)
    return int(np.ceil(letters / (_LETTERS * _CURVE[0] * min(count, _ABREAST))))
