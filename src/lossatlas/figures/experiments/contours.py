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

    All panels have the same levels, which the caption names; a panel shows the network of the first seed that was
    surveyed, the error is mean and standard deviation over seeds.

    Parameters
    ----------
    datasets : mapping of str to Dataset
        The ``landscape`` or landscapes with loss (..., seed, split, y, x), and summary with test_error (..., seed), a
        share.
    columns, rows : str, optional
        Axes of the sweep or of the landscape whose values have a panel each, or "landscape" for several landscapes of
        the same networks; None: a single one.
    at : mapping of str to Any, optional
        Axis -> its value that is shown, or a list of those, in their order; None: all that there is.
    landscape : str or sequence of str, default "surface"
        Names of the datasets drawn; several need a place, columns or rows "landscape".
    split : str, default "train"
        Which split is drawn.
    names : Names, optional
        Axis -> value -> what to call it; None: axis and value.
    caption : str, default ""
        Text under the panels, such as the verdicts; "": none.

    Returns
    -------
    matplotlib.figure.Figure
        A page.

    Raises
    ------
    ValueError
        For a dataset, an axis or a value that is not there, and for an axis of several values that nothing is said of.
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
                panels.contours(
                    axis, loss, levels=levels, centre=panels.network_place(panel.landscape) or False
                )
            name_plane(axis, panel)
    return page
