"""Loss surfaces in three dimensions, to be turned in the hand."""

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
import xarray as xr
from plotly.subplots import make_subplots

from lossatlas.figures.panels import first_surveyed
from lossatlas.figures.style import ERROR

_MARKED = {  # networks beside the grid: how they are drawn, and what the axes are then
    "path": ("lines+markers", ("1st component", "2nd component")),
    "point": ("markers", ("distance", "distance")),
}
_EYE = {"x": 1.6, "y": -1.6, "z": 0.95}


def figure(
    datasets: Mapping[str, xr.Dataset], *, caption: str = "", split: str = "train", ceiling: float = 10.0
) -> go.Figure:
    """Surfaces of the small- and the large-batch network side by side, on one scale.

    ``datasets``: "surface", loss (optimizer, weight_decay, batch_size, seed, split, y, x), and
    "summary", test_error over the same sweep. Of each kind of network the first seed that has a
    surface is shown, over it the test error's mean over seeds. One menu chooses optimizer and weight
    decay, the other a linear or a log scale; what lies over ``ceiling`` is cut off, what is NaN or
    infinite left open. Colour is the loss on a log scale. ``caption``: text below, such as the
    verdicts. ValueError if no network of the sweep has a surface.
    """
    loss, error = datasets["surface"]["loss"].sel(split=split), datasets["summary"]["test_error"]
    sizes = sorted(loss["batch_size"].values.tolist())[:: max(1, loss.sizes["batch_size"] - 1)]
    pairs = [pair for pair in _pairs(loss) if bool(np.isfinite(loss.sel(pair)).any())]
    if not pairs:
        raise ValueError("no network of this sweep has a surface")
    drawn = make_subplots(1, len(sizes), specs=[[{"type": "scene"}] * len(sizes)], horizontal_spacing=0.02)
    low = _floor(loss, ceiling)
    for number, pair in enumerate(pairs):
        for column, size in enumerate(sizes):
            net = first_surveyed(loss.sel(pair).sel(batch_size=size))
            drawn.add_trace(_trace(net, low, ceiling, visible=number == 0), row=1, col=1 + column)
    texts = [_texts(error.sel(pair), sizes, caption) for pair in pairs]
    scenes = [_scene(number) for number in range(len(sizes))]
    drawn.update_layout(
        annotations=texts[0], updatemenus=[_nets(pairs, texts), _scales(scenes, low, ceiling)]
    )
    return _finished(drawn, split, ceiling)


def one_surface(landscape: xr.Dataset, *, split: str | None = None, ceiling: float = 10.0) -> go.Figure:
    """The surface of one network, with the choice of a linear or a log scale.

    ``landscape``: loss (split, y, x), or of one split, named by its attribute, (y, x). ``split``: None for "train",
    or the first where there is no such. What is NaN or infinite is left open. The snapshots of a trajectory, and the
    networks that a plane goes through, stand at the height of their own losses.
    """
    loss = landscape["loss"]
    split = str(landscape.attrs.get("split", "train")) if "split" not in loss.dims else split or _first(loss)
    loss = loss.sel(split=split) if "split" in loss.dims else loss
    low = _floor(loss, ceiling)
    drawn = go.Figure(_trace(loss, low, ceiling, visible=True))
    drawn.update_layout(updatemenus=[_scales([_scene(0)], low, ceiling)])
    for name, (mode, labels) in _MARKED.items():
        if f"{name}_x" in landscape:
            drawn.add_trace(_marks(landscape, name, split, ceiling, mode))
            return _finished(drawn, split, ceiling, labels)
    return _finished(drawn, split, ceiling)


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


def _finished(
    drawn: go.Figure,
    split: str,
    ceiling: float,
    labels: tuple[str, str] = ("first direction", "second direction"),
) -> go.Figure:
    drawn.update_layout(template="plotly_white", margin={"l": 10, "r": 10, "t": 110, "b": 60})
    drawn.update_scenes(
        xaxis_title=labels[0],
        yaxis_title=labels[1],
        zaxis={"title": f"{split} loss", "range": [0, ceiling]},
        camera={"eye": _EYE},
        aspectratio={"x": 1, "y": 1, "z": 0.8},
    )
    return drawn


def _scene(number: int) -> str:
    return "scene" if number == 0 else f"scene{number + 1}"


def _floor(loss: xr.DataArray, ceiling: float) -> float:
    """Where the log scale begins: the smallest loss, at most four decades below the ceiling."""
    lowest = float(loss.where(loss > 0).min())
    return max(lowest, ceiling / 1e4) if np.isfinite(lowest) else ceiling / 1e4


def _pairs(loss: xr.DataArray) -> list[dict[str, Any]]:
    return [
        {"optimizer": optimizer, "weight_decay": decay}
        for optimizer in loss["optimizer"].values.tolist()
        for decay in loss["weight_decay"].values.tolist()
    ]


def _trace(loss: xr.DataArray, low: float, ceiling: float, *, visible: bool) -> go.Surface:
    z = loss.transpose("y", "x").values.astype(float)
    z = np.where(np.isfinite(z), z, np.nan)
    powers = np.arange(np.ceil(np.log10(low)), np.log10(ceiling) + 0.5)
    return go.Surface(
        x=loss["x"].values,
        y=loss["y"].values,
        z=z,
        surfacecolor=np.log10(np.maximum(z, low)),
        cmin=np.log10(low),
        cmax=np.log10(ceiling),
        colorscale="Viridis",
        colorbar={"title": "loss", "tickvals": powers, "ticktext": [f"{10**p:g}" for p in powers]},
        hovertemplate="(%{x:.2f}, %{y:.2f}): loss %{z:.3g}<extra></extra>",
        visible=visible,
    )


def _texts(error: xr.DataArray, sizes: Sequence[int], caption: str) -> list[dict[str, Any]]:
    """Titles of the scenes and the caption, as annotations. ``error``: (batch_size, seed)."""
    place = {"xref": "paper", "yref": "paper", "showarrow": False}
    texts: list[dict[str, Any]] = []
    for number, size in enumerate(sizes):
        mean = 100 * float(error.sel(batch_size=size).mean())
        known = f"<br>test error {mean:.2f} %" if np.isfinite(mean) else ""
        middle = (number + 0.5) / len(sizes)
        texts.append(
            {"text": f"<b>batch size {size}</b>{known}", "x": middle, "y": 1.0, "xanchor": "center", **place}
        )
    below = {"x": 0.0, "y": -0.02, "xanchor": "left", "yanchor": "top", "align": "left", "font": {"size": 11}}
    texts.append({"text": "<br>".join(textwrap.wrap(caption, 160)), **below, **place})
    return texts


def _nets(pairs: list[dict[str, Any]], texts: list[list[dict[str, Any]]]) -> dict[str, Any]:
    """Menu of the pairs of networks: shows the traces of one and its texts."""
    buttons = []
    for number, pair in enumerate(pairs):
        visible = [other == number for other in range(len(pairs)) for _ in range(len(texts[number]) - 1)]
        label = f"{pair['optimizer']}, weight decay {pair['weight_decay']:g}"
        changes = [{"visible": visible}, {"annotations": texts[number]}]
        buttons.append({"label": label, "method": "update", "args": changes})
    return {"buttons": buttons, "x": 0.0, "xanchor": "left", "y": 1.18, "yanchor": "top"}


def _scales(scenes: Sequence[str], low: float, ceiling: float) -> dict[str, Any]:
    """Two buttons: the vertical axes linear or logarithmic, the latter with a tick a decade."""
    kinds: dict[str, dict[str, Any]] = {
        "linear": {"type": "linear", "range": [0, ceiling], "dtick": None},
        "log": {"type": "log", "range": [np.log10(low), np.log10(ceiling)], "dtick": 1},
    }
    buttons = []
    for kind, axis in kinds.items():
        changes = {f"{scene}.zaxis.{key}": value for scene in scenes for key, value in axis.items()}
        buttons.append({"label": f"{kind} scale", "method": "relayout", "args": [changes]})
    place = {"x": 0.3, "xanchor": "left", "y": 1.18, "yanchor": "top"}
    return {"type": "buttons", "direction": "right", "buttons": buttons, **place}
