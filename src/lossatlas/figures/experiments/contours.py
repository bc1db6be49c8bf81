"""Rows of contours on shared levels, as figures 3, 5 and 6 of Li et al. 2018 (arXiv:1712.09913)."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure

from lossatlas.figures import panels
from lossatlas.figures.layout.arrangement import Datasets, Names, arrange
from lossatlas.figures.layout.page import first_network, name_plane, networks_over, unsurveyed_plane
from lossatlas.figures.style import style

_PANEL = (2.05, 2.25)  # inches


def contours(
    datasets: Datasets,
    *,
    columns: str | None = None,
    rows: str | None = None,
    at: Mapping[str, Any] | None = None,
    landscape: str | Sequence[str] = "surface",
    split: str = "train",
    names: Names | None = None,
    caption: str = "",
) -> Figure:
    """A panel of contours for each value of the axes ``rows`` and ``columns``, the test error under it.

    ``datasets``: the ``landscape`` or landscapes with loss (..., seed, split, y, x), and summary with test_error. All
    panels have the same levels, which the caption names; a panel shows the network of the first seed that was surveyed,
    the error is mean and standard deviation over seeds. `layout.arrangement.arrange` says what ``at`` and ``names`` are
    and what is refused.
    """
    arranged = arrange(datasets, landscape, rows=rows, columns=columns, at=at, names=names)
    networks = [first_network(panel, "loss", split) for panel in arranged.flat]
    levels = panels.fitting_levels(*(loss for loss in networks if loss is not None))
    told = f"{panels.levels_in_words(levels)} of the {split} loss"
    with style():
        page, _, shown = networks_over(arranged, networks, _PANEL, told, caption)
        for axis, panel, loss in shown:
            if loss is None:
                unsurveyed_plane(axis)
            else:
                panels.contours(axis, loss, levels=levels)
            name_plane(axis, panel)
    return page
