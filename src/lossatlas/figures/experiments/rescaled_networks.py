"""Networks that compute the same function, on lines and by measures of flatness (arXiv:1703.04933)."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from lossatlas.figures import panels
from lossatlas.figures.layout.arrangement import Datasets, Names, called, needed
from lossatlas.figures.layout.page import captioned, colored, grid_over, unsurveyed
from lossatlas.figures.layout.values import measured_values
from lossatlas.figures.style import MARKERS, colors_of, ink, points, style
from lossatlas.measures import Measure
from lossatlas.measures.selection import select

_PANEL = (2.75, 2.3)  # inches
_FACTOR = "factor"
_WIDEST = 4.5  # points, of the line of the first factor; what lies on it is thinner, so that all are seen


def rescaled_networks(
    datasets: Datasets,
    *,
    lines: Mapping[str, str],
    measures: Mapping[str, Measure],
    rows: str,
    at: Mapping[str, Any] | None = None,
    names: Names | None = None,
    split: str = "train",
    ceiling: float | None = None,
    caption: str = "",
) -> Figure:
    """For each value of ``rows`` a panel for each of the ``lines``, and one for the ``measures``.

    Lines are the median over seeds and directions, a colour a factor.

    Parameters
    ----------
    datasets : mapping of str to Dataset
        Those of ``lines``, and what the measures read.
    lines : mapping of str to str
        Title -> name of the dataset, of the survey `twins` of `line`: loss (..., seed, factor, direction, split,
        alpha).
    measures : mapping of str to Measure
        Label -> function, whose arguments name datasets, to an array (..., seed, factor), drawn as a multiple of the
        network's own, at factor 1, a dot a seed.
    rows : str
        Axis of the sweep whose values have a row each.
    at : mapping of str to Any, optional
        Axis -> its value that is shown, or a list of those, in their order; None: all that there is.
    names : Names, optional
        Axis -> value -> what to call it; None: axis and value.
    split : str, default "train"
        Which split is drawn.
    ceiling : float, optional
        Largest loss drawn; None: 10, or in a panel where all losses are larger a power of ten above the lowest; inf:
        all are.
    caption : str, default ""
        Text under the panels, such as the verdicts; "": none.

    Returns
    -------
    matplotlib.figure.Figure
        A page.

    Raises
    ------
    ValueError
        For a dataset, an axis or a value that is not there.
    """
    needed(datasets, *lines.values())
    values = {
        label: measured_values(datasets, measure, at or {}, [rows, _FACTOR])["value"]
        for label, measure in measures.items()
    }
    networks = next(iter(values.values()))[rows].values.tolist()
    told = "Lines: median over seeds and directions. Dots: a seed's, as a multiple of the network's own."
    with style():
        shape = len(networks), len(lines) + 1
        page, _, axes = grid_over(shape, _PANEL, captioned(told, caption), margin=(0.4, 0.0))
        for network, of_network in zip(networks, axes, strict=True):
            where = {**(at or {}), rows: network}
            for axis, (title, name) in zip(of_network, lines.items(), strict=False):
                _lines(axis, select(datasets[name], where)["loss"].sel(split=split), ceiling)
                axis.set_title(f"{called(rows, network, names)}: {title}")
            _multiples(of_network[-1], {label: of.sel({rows: network}) for label, of in values.items()})
    return page


def _lines(axis: Axes, loss: xr.DataArray, ceiling: float | None) -> None:
    """The twins' losses (..., factor, alpha)."""
    loss = loss.dropna(_FACTOR, how="all")
    if not loss.notnull().any():
        unsurveyed(axis)
        return
    factors = loss[_FACTOR].values.tolist()
    shades = dict(zip(factors, colors_of(factors), strict=True))
    for number, (of_factor, color) in enumerate(colored(loss, _FACTOR, shades)):
        drawn, label = len(axis.lines), f"{of_factor[_FACTOR].item():g}"
        panels.shaded_band(axis, of_factor, "alpha", color=color, label=label, band=False)
        for line in axis.lines[drawn:]:
            line.set_linewidth(_WIDEST / (1 + number))
    panels.loss_scale(axis, log=False, ceiling=ceiling)
    axis.set(xlabel="α", ylabel="loss", xlim=(loss["alpha"].min(), loss["alpha"].max()))
    axis.legend(
        title="factor", title_fontsize=points(6.5), fontsize=points(6.5), loc="best", handlelength=1.5
    )


def _multiples(axis: Axes, values: Mapping[str, xr.DataArray]) -> None:
    """Measures of the twins, (seed, factor), over those at factor 1."""
    handles = []
    for number, ((label, of), color) in enumerate(zip(values.items(), colors_of(list(values)), strict=True)):
        known = of.dropna(_FACTOR, how="all").transpose(_FACTOR, ...)
        if not known.size:
            continue
        multiples = (known / known.sel({_FACTOR: 1.0})).values.reshape(len(known), -1)
        factors = known[_FACTOR].values
        axis.plot(factors, multiples, MARKERS[number], color=color, markersize=3.5, alpha=0.6)
        axis.plot(factors, np.median(multiples, axis=1), color=color)
        handles.append(Line2D([], [], color=color, marker=MARKERS[number], markersize=3.5, label=label))
    if not handles:
        unsurveyed(axis)
        return
    axis.set(xscale="log", yscale="log", xlabel="factor of the twin", ylabel="multiple of the network's own")
    axis.axhline(1.0, color=ink(0.4), linewidth=0.7, linestyle="dotted", zorder=0)
    axis.legend(handles=handles, loc="upper center")
