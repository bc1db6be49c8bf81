"""Loss surfaces in three dimensions, to be turned in the hand."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Self

import numpy as np
import plotly.graph_objects as go
import xarray as xr
from plotly.subplots import make_subplots

from lossatlas.figures import panels
from lossatlas.figures.layout.arrangement import (
    SEED,
    Arrangement,
    Datasets,
    Names,
    arrange,
    called,
    is_surveyed,
    needed,
)
from lossatlas.figures.layout.page import error_below, first_network, wrapped
from lossatlas.figures.style import ERROR
from lossatlas.measures.ceiling import CEILING, fitting_ceiling
from lossatlas.measures.selection import select

_MARKED = {  # networks beside the grid: how they are drawn, and what the axes are then
    "path": ("lines+markers", ("1st component", "2nd component")),
    "point": ("markers", ("distance", "distance")),
}
_EYE = {"x": 1.6, "y": -1.6, "z": 0.95}


@dataclass(frozen=True)
class HeightAxis:
    """The vertical axis that all surfaces share."""

    low: float  # 0, or the lowest loss if that is below it
    high: float  # where the surfaces are cut off
    floor: float  # where the log scale begins: the smallest positive loss, at most four decades below the end

    @classmethod
    def over(cls, losses: Sequence[xr.DataArray], ceiling: float | None) -> Self:
        """That of surfaces with these ``losses``, (y, x) each."""
        values = np.concatenate([loss.values.ravel() for loss in losses])
        values = values[np.isfinite(values)]
        fitting = min(fitting_ceiling(*losses), float(np.max(values, initial=CEILING)))
        high = fitting if ceiling is None else ceiling
        smallest = np.min(values, where=values > 0, initial=high)
        return cls(float(np.min(values, initial=0.0)), high, float(max(smallest, high / 1e4)))


def interactive_surfaces(
    datasets: Datasets,
    *,
    columns: str | None = None,
    at: Mapping[str, Any] | None = None,
    landscape: str = "surface",
    split: str = "train",
    names: Names | None = None,
    ceiling: float | None = None,
    caption: str = "",
) -> go.Figure:
    """Surfaces of the networks along the axis ``columns`` side by side, on one scale.

    Of each kind of network the first seed that has a surface is shown, over it the test error over seeds. One menu
    chooses among the other axes, the other a linear or a log scale. Colour is the loss on a log scale; what is NaN or
    infinite is left open.

    Parameters
    ----------
    datasets : mapping of str to Dataset
        The ``landscape`` with loss (..., seed, split, y, x), and summary with test_error (..., seed), a share.
    columns : str, optional
        Axis of the sweep whose values stand side by side; None: a single surface.
    at : mapping of str to Any, optional
        Axis -> its value that is shown, or a list of those, in their order; None: all that there is.
    landscape : str, default "surface"
        Name of the dataset drawn.
    split : str, default "train"
        Which split is drawn.
    names : Names, optional
        Axis -> value -> what to call it; None: axis and value.
    ceiling : float, optional
        Loss at which the surfaces are cut off; None: 10, or if all losses of a network are larger a power of ten above
        its lowest.
    caption : str, default ""
        Text under the panels, such as the verdicts; "": none.

    Returns
    -------
    plotly.graph_objects.Figure
        To be turned by hand.

    Raises
    ------
    ValueError
        If no network of the sweep has a surface, and for a dataset, an axis or a value that is not there.
    """
    shown: list[Arrangement] = []
    labels: list[str] = []
    for choice in _choices(datasets, columns, at or {}):
        arranged = arrange(datasets, landscape, columns=columns, at={**(at or {}), **choice}, names=names)
        if any(is_surveyed(panel.landscape) for panel in arranged.flat):
            shown.append(arranged)
            labels.append(", ".join(called(dim, value, names) for dim, value in choice.items()))
    if not shown:
        raise ValueError("no network of this sweep has a surface")
    networks = [[first_network(panel, "loss", split) for panel in arranged.flat] for arranged in shown]
    drawn_losses = [loss for row in networks for loss in row if loss is not None]
    axis = HeightAxis.over(drawn_losses, ceiling)
    count = len(shown[0].columns)
    drawn = make_subplots(1, count, specs=[[{"type": "scene"}] * count], horizontal_spacing=0.02)
    for number, row in enumerate(networks):
        for column, loss in enumerate(row):
            drawn.add_trace(surface_trace(loss, axis, visible=number == 0), row=1, col=1 + column)
    texts = [_texts(arranged, caption) for arranged in shown]
    scenes = [scene_name(number) for number in range(count)]
    menus = [_nets(labels, texts)] if len(labels) > 1 else []
    drawn.update_layout(annotations=texts[0], updatemenus=[*menus, scale_buttons(scenes, axis)])
    return finished_page(drawn, split, axis)


def one_surface(
    landscape: xr.Dataset, *, split: str | None = None, ceiling: float | None = None
) -> go.Figure:
    """The surface of one network, with the choice of a linear or a log scale.

    ``landscape``: loss (split, y, x), or of one split, named by its attribute, (y, x). ``split``: None for "train",
    or the first where there is no such. ``ceiling``: where it is cut off, None for 10, or a power of ten above the
    lowest loss if all are larger. What is NaN or infinite is left open. The snapshots of a trajectory, and the
    networks that a plane goes through, stand at the height of their own losses.
    """
    loss = landscape["loss"]
    split = str(landscape.attrs.get("split", "train")) if "split" not in loss.dims else split or _first(loss)
    loss = loss.sel(split=split) if "split" in loss.dims else loss
    axis = HeightAxis.over([loss], ceiling)
    drawn = go.Figure(surface_trace(loss, axis, visible=True))
    drawn.update_layout(updatemenus=[scale_buttons([scene_name(0)], axis)])
    named = tuple(panels.direction_labels(landscape).values())
    for name, (mode, labels) in _MARKED.items():
        if f"{name}_x" in landscape:
            drawn.add_trace(_marks(landscape, name, split, axis.high, mode))
            named = named if "along" in landscape.attrs else labels
    return finished_page(drawn, split, axis, named)


def _first(loss: xr.DataArray) -> str:
    known = [str(name) for name in loss["split"].values]
    return "train" if "train" in known else known[0]


def _marks(landscape: xr.Dataset, name: str, split: str, ceiling: float, mode: str) -> go.Scatter3d:
    loss = landscape[f"{name}_loss"].sel(split=split).values
    return go.Scatter3d(
        x=landscape[f"{name}_x"].values,
        y=landscape[f"{name}_y"].values,
        z=np.minimum(np.where(np.isfinite(loss), loss, np.nan), ceiling),
        mode=mode,
        text=[f"{number}: loss {value:.3g}" for number, value in enumerate(loss)],
        hovertemplate="%{text}<extra></extra>",
        marker={"size": 3, "color": ERROR},
        line={"width": 4, "color": ERROR},
        showlegend=False,
    )


def finished_page(
    drawn: go.Figure,
    split: str,
    axis: HeightAxis,
    labels: Sequence[str] = ("first direction", "second direction"),
) -> go.Figure:
    """The page with its template, margins, ``labels`` of x and y, and one vertical axis in all scenes."""
    drawn.update_layout(template="plotly_white", margin={"l": 10, "r": 10, "t": 110, "b": 60})
    drawn.update_scenes(
        xaxis_title=labels[0],
        yaxis_title=labels[1],
        zaxis={"title": f"{split} loss", "range": [axis.low, axis.high]},
        camera={"eye": _EYE},
        aspectratio={"x": 1, "y": 1, "z": 0.8},
    )
    return drawn


def scene_name(number: int) -> str:
    """What plotly calls a scene, counted from 0."""
    return "scene" if number == 0 else f"scene{number + 1}"


def _choices(datasets: Datasets, columns: str | None, at: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Values of the axes that have no place yet, in all their combinations."""
    error = select(needed(datasets, "summary")["test_error"], at)
    axes = [str(dim) for dim in error.dims if dim not in {columns, SEED} and error.sizes[dim] > 1]
    return [
        dict(zip(axes, values, strict=True))
        for values in product(*(error[dim].values.tolist() for dim in axes))
    ]


def surface_trace(loss: xr.DataArray | None, axis: HeightAxis, *, visible: bool) -> go.Surface:
    """The surface of a ``loss``, (y, x), in colours of its logarithm; an empty one for None."""
    if loss is None:  # not surveyed: an empty scene
        return go.Surface(x=[0], y=[0], z=[[None]], showscale=False, visible=visible)
    z = loss.transpose("y", "x").values.astype(float)
    z = np.where(np.isfinite(z), z, np.nan)
    powers = np.arange(np.ceil(np.log10(axis.floor)), np.log10(axis.high) + 0.5)
    return go.Surface(
        x=loss["x"].values,
        y=loss["y"].values,
        z=z,
        surfacecolor=np.log10(np.maximum(z, axis.floor)),
        cmin=np.log10(axis.floor),
        cmax=np.log10(axis.high),
        colorscale="Viridis",
        colorbar={"title": "loss", "tickvals": powers, "ticktext": [f"{10**p:g}" for p in powers]},
        hovertemplate="(%{x:.2f}, %{y:.2f}): loss %{z:.3g}<extra></extra>",
        visible=visible,
    )


def _texts(arranged: Arrangement, caption: str) -> list[dict[str, Any]]:
    """Titles of the scenes and the caption, as annotations."""
    place = {"xref": "paper", "yref": "paper", "showarrow": False}
    texts: list[dict[str, Any]] = []
    for number, (title, panel) in enumerate(zip(arranged.columns, arranged.flat, strict=True)):
        middle = (number + 0.5) / len(arranged.columns)
        text = "<br>".join(part for part in (title and f"<b>{title}</b>", error_below(panel)) if part)
        texts.append({"text": text, "x": middle, "y": 1.0, "xanchor": "center", **place})
    below = {"x": 0.0, "y": -0.02, "xanchor": "left", "yanchor": "top", "align": "left", "font": {"size": 11}}
    texts.append({"text": "<br>".join(wrapped(caption, 160)), **below, **place})
    return texts


def _nets(labels: Sequence[str], texts: list[list[dict[str, Any]]]) -> dict[str, Any]:
    """Menu of the kinds of networks: shows the traces of one and its texts."""
    buttons = []
    for number, label in enumerate(labels):
        visible = [other == number for other in range(len(labels)) for _ in range(len(texts[number]) - 1)]
        changes = [{"visible": visible}, {"annotations": texts[number]}]
        buttons.append({"label": label, "method": "update", "args": changes})
    return {"buttons": buttons, "x": 0.0, "xanchor": "left", "y": 1.18, "yanchor": "top"}


def scale_buttons(scenes: Sequence[str], axis: HeightAxis) -> dict[str, Any]:
    """Two buttons: the vertical axes linear or logarithmic, the latter with a tick a decade."""
    kinds: dict[str, dict[str, Any]] = {
        "linear": {"type": "linear", "range": [axis.low, axis.high], "dtick": None},
        "log": {"type": "log", "range": [np.log10(axis.floor), np.log10(axis.high)], "dtick": 1},
    }
    buttons = []
    for kind, settings in kinds.items():
        changes = {f"{scene}.zaxis.{key}": value for scene in scenes for key, value in settings.items()}
        buttons.append({"label": f"{kind} scale", "method": "relayout", "args": [changes]})
    place = {"x": 0.3, "xanchor": "left", "y": 1.18, "yanchor": "top"}
    return {"type": "buttons", "direction": "right", "buttons": buttons, **place}
