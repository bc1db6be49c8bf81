"""Heat maps of negative against positive curvature on one scale, as figure 7 of Li et al. 2018 (arXiv:1712.09913)."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from lossatlas.figures import panels
from lossatlas.figures.layout.arrangement import Datasets, Names, arrange
from lossatlas.figures.layout.page import first_network, name_plane, networks_over, unsurveyed_plane
from lossatlas.figures.style import style

_PANEL = (2.2, 2.35)  # inches


def curvature_maps(
    datasets: Datasets,
    *,
    columns: str | None = None,
    rows: str | None = None,
    at: Mapping[str, Any] | None = None,
    landscape: str | Sequence[str] = "convexity",
    variable: str = "ratio",
    names: Names | None = None,
    caption: str = "",
) -> Figure:
    """A map for each value of the axes ``rows`` and ``columns``, its colours from 0 to 0.5, the test error under it.

    A panel shows the network of the first seed that was surveyed. Points without eigenvalues, where loss or Hessian
    left float range, are grey.

    Parameters
    ----------
    datasets : mapping of str to Dataset
        The ``landscape`` or landscapes with the ``variable`` (..., seed, y, x), and summary with test_error (...,
        seed), a share.
    columns, rows : str, optional
        Axes of the sweep or of the landscape whose values have a panel each, or "landscape" for several landscapes of
        the same networks; None: a single one.
    at : mapping of str to Any, optional
        Axis -> its value that is shown, or a list of those, in their order; None: all that there is.
    landscape : str or sequence of str, default "convexity"
        Names of the datasets drawn; several need a place, columns or rows "landscape".
    variable : str, default "ratio"
        What the colours show, |lambda_min / lambda_max|.
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
    ratios = [first_network(panel, variable) for panel in arranged.flat]
    told = "outermost eigenvalues of the Hessian, near 0 where the loss is convex"
    with style():
        page, sheet, shown = networks_over(arranged, ratios, _PANEL, told, caption)
        meshes = []
        for axis, panel, ratio in shown:
            if ratio is None:
                unsurveyed_plane(axis)
            else:
                meshes.append(panels.ratio_map(axis, ratio, centre=panels.network_place(panel.landscape)))
            name_plane(axis, panel)
        if meshes:
            highest = max(
                float(ratio.where(np.isfinite(ratio)).max()) for ratio in ratios if ratio is not None
            )
            panels.ratio_bar(sheet, meshes[0], [axis for axis, _, _ in shown], highest)
    return page
