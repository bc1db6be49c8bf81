"""Loss along lines, networks in one panel to compare, as figure 3 of Li et al. 2018 (arXiv:1712.09913)."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from lossatlas.figures import panels
from lossatlas.figures.layout.arrangement import (
    LANDSCAPE,
    Datasets,
    Names,
    Panel,
    arrange,
    called,
    is_surveyed,
)
from lossatlas.figures.layout.fitting import FOLDED
from lossatlas.figures.layout.page import (
    legend_over,
    mean_sd,
    panels_over,
    shades_of,
    share_scale,
    unsurveyed,
)
from lossatlas.figures.style import BAND, LOSS, STYLES, colors_of, ink, style
from lossatlas.measures.selection import select

_PANEL = (2.7, 2.3)  # inches


def loss_lines(
    datasets: Datasets,
    *,
    columns: str | None = None,
    rows: str | None = None,
    colors: str | None = None,
    at: Mapping[str, Any] | None = None,
    landscapes: str | Sequence[str] = "line",
    names: Names | None = None,
    log: bool = False,
    ceiling: float | None = None,
    shared: bool = True,
    caption: str = "",
) -> Figure:
    """Median and range over seeds and directions of the loss along lines, a colour for each value of ``colors``.

    The test error stands under each panel.

    Parameters
    ----------
    datasets : mapping of str to Dataset
        The ``landscapes``, each with loss (..., seed, [direction,] split, alpha), and summary with test_error (...,
        seed), a share.
    columns, rows : str, optional
        Axes of the sweep or of the landscape whose values have a panel each, or "landscape" for several landscapes of
        the same networks; None: a single one.
    colors : str, optional
        Axis of the sweep that colours tell apart; None: a single colour.
    at : mapping of str to Any, optional
        Axis -> its value that is shown, or a list of those, in their order; None: all that there is.
    landscapes : str or sequence of str, default "line"
        Names of the datasets drawn; several lie in rows unless rows, columns or colors is "landscape".
    names : Names, optional
        Axis -> value -> what to call it; None: axis and value.
    log : bool, default False
        Losses on a log scale; by default on a linear one.
    ceiling : float, optional
        Largest loss drawn; None: 10, or in a panel where all losses are larger a power of ten above the lowest; inf:
        all are.
    shared : bool, default True
        One vertical scale for all panels.
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
    landscapes = [landscapes] if isinstance(landscapes, str) else list(landscapes)
    if len(landscapes) > 1 and LANDSCAPE not in (rows, columns, colors) and rows is None:
        rows = LANDSCAPE
    arranged = arrange(
        datasets, landscapes, rows=rows, columns=columns, at=at, names=names, together=[colors]
    )
    values = _values(arranged.flat[0], colors, landscapes)
    if colors in (None, LANDSCAPE):
        shades = dict(zip(values, colors_of(values) if colors else [LOSS], strict=True))
    else:
        shades = shades_of(colors, arranged.flat[0].test_error, datasets, names)
    with style():
        page, _, axes = panels_over(arranged, _PANEL, caption)
        legend_over(page, _key(shades, colors, names))
        for axis, panel in zip(axes.flat, arranged.flat, strict=True):
            if log and any(map(is_surveyed, panel.landscapes.values())):
                axis.set_yscale("log")
            _draw(axis, panel, colors, shades)
            panels.loss_scale(axis, log=log, ceiling=ceiling)
            axis.set(xlabel="α", ylabel="loss")
            _errors_below(axis, panel, colors, shades)
            if not any(map(is_surveyed, panel.landscapes.values())):
                axis.set_xticks([])
                unsurveyed(axis)
        if shared:
            share_scale(axes.flat)
            for axis in axes[:, 1:].flat:  # across, rows may have scales of their own
                axis.set_ylabel("")
                axis.tick_params(labelleft=False)
    return page


def _values(panel: Panel, colors: str | None, landscapes: Sequence[str]) -> list[Any]:
    if colors is None:
        return [None]
    return list(landscapes) if colors == LANDSCAPE else panel.test_error[colors].values.tolist()


def _draw(axis: Axes, panel: Panel, colors: str | None, shades: Mapping[Any, str]) -> None:
    """The lines of one panel."""
    trained = []
    for value, shade in shades.items():
        landscape = panel.landscapes[value] if colors == LANDSCAPE else panel.landscape
        loss = select(landscape, _where(colors, value))["loss"].dropna("alpha", how="all")
        for split in loss["split"].values.tolist() if loss.size else []:
            if split == "train":
                trained.append((loss.sel(split=split), shade))
                continue
            dashes = STYLES.get(split, "dotted")
            panels.shaded_band(
                axis, loss.sel(split=split), "alpha", color=shade, linestyle=dashes, band=False
            )
    panels.spreads(axis, trained, "alpha")
    axis.margins(x=0)
    axis.xaxis.set_major_locator(MaxNLocator(4))


def _errors_below(axis: Axes, panel: Panel, colors: str | None, shades: Mapping[Any, str]) -> None:
    """The test errors under a panel, each in the colour of its lines."""
    above: Artist = axis.xaxis.label
    several = colors not in (None, LANDSCAPE)  # else one kind of networks, in one view or in several
    for value, shade in shades.items() if several else [(None, "black")]:
        error = select(panel.test_error, _where(colors, value) if several else {})
        above = axis.annotate(
            *(f"test error {mean_sd(100 * error.values.ravel())} %", (0.5, 0)),
            xycoords=above,
            xytext=(0, -2),
            textcoords="offset points",
            ha="center",
            va="top",
            color=shade,
            gid=FOLDED,
        )


def _where(colors: str | None, value: Any) -> dict[str, Any]:
    return {} if colors in (None, LANDSCAPE) else {str(colors): value}


def _key(shades: Mapping[Any, str], colors: str | None, names: Names | None) -> list[Artist]:
    named = [
        Line2D([], [], color=shade, label=called(colors, value, names)) for value, shade in shades.items()
    ]
    splits = [Line2D([], [], color=ink(0.7), linestyle=dashes, label=name) for name, dashes in STYLES.items()]
    band = Patch(color=ink(0.7), alpha=BAND, linewidth=0, label="median and range over seeds and directions")
    return [*(named if colors else []), *splits, band]
