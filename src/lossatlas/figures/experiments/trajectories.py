"""Paths of training over the contours of their principal planes, as figure 9 of Li et al. 2018 (arXiv:1712.09913)."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure

from lossatlas.figures import panels
from lossatlas.figures.layout.arrangement import Datasets, Names, arrange, first_surveyed
from lossatlas.figures.layout.page import captioned, error_below, first_network, networks_over, unsurveyed
from lossatlas.figures.style import style

_PANEL = (2.75, 2.6)  # inches


def trajectories(
    datasets: Datasets,
    *,
    columns: str | None = None,
    rows: str | None = None,
    at: Mapping[str, Any] | None = None,
    landscape: str = "trajectory",
    split: str = "train",
    drops: Sequence[float] = (),
    names: Names | None = None,
    caption: str = "",
) -> Figure:
    """A path for each value of the axes ``rows`` and ``columns``, over contours of the loss, the test error under it.

    Each panel has the plane and the scales of its own path, the axes say how much of its variance they explain; contour
    levels are shared.

    Parameters
    ----------
    datasets : mapping of str to Dataset
        The ``landscape``, and summary with test_error, both over the sweep's axes and the seeds.
    columns, rows : str, optional
        Axes of the sweep or of the landscape whose values have a panel each, or "landscape" for several landscapes of
        the same networks; None: a single one.
    at : mapping of str to Any, optional
        Axis -> its value that is shown, or a list of those, in their order; None: all that there is.
    landscape : str, default "trajectory"
        Name of the dataset drawn, of the survey `trajectory`.
    split : str, default "train"
        Which split is drawn.
    drops : sequence of float, optional
        Epochs at which the rate fell, which are marked; by default none are.
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
    told += f", diamonds where the rate fell, after epochs {_listed(drops)}" if drops else ""
    with style():
        page, _, shown = networks_over(arranged, networks, _PANEL, told, caption)
        for axis, panel, loss in shown:
            if loss is None:
                unsurveyed(axis)
            else:
                panels.contours(axis, loss, levels=levels, centre=False, aspect="auto")
                panels.path(axis, first_surveyed(panel.landscape), drops=drops)
            axis.set_xlabel(captioned(axis.get_xlabel(), error_below(panel)))
    return page


def _listed(drops: Sequence[float]) -> str:
    """Numbers in a sentence.

    >>> _listed([150, 225, 275]), _listed([6])
    ('150, 225 and 275', '6')
    """
    *first, last = [f"{drop:g}" for drop in drops]
    return f"{', '.join(first)} and {last}" if first else last
