"""A race of optimizers over a surface to be turned in the hand, with a slider over the steps."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
import xarray as xr
from matplotlib.colors import to_hex

from lossatlas.figures.experiments.courses import Course, LevelPlace, Racer, chosen_steps, courses
from lossatlas.figures.experiments.interactive_surfaces import (
    HeightAxis,
    finished_page,
    scale_buttons,
    scene_name,
    surface_trace,
)
from lossatlas.figures.layout.arrangement import Datasets, Names
from lossatlas.figures.layout.page import wrapped

_ROOM = 1.25  # of the cut of the surface above the highest place of a path
_MILLISECONDS = 60  # for which a step is shown
_SIGNS = {"minimum": "diamond", "saddle": "x", "maximum": "circle-open"}
_FROM_ABOVE = {"eye": {"x": 0.0, "y": -0.01, "z": 2.2}, "up": {"x": 0, "y": 1, "z": 0}}
_ASIDE = {"eye": {"x": 1.6, "y": -1.6, "z": 0.95}, "up": {"x": 0, "y": 0, "z": 1}}


def interactive_race(
    datasets: Datasets,
    *,
    by: str,
    at: Mapping[str, Any] | None = None,
    paths: str = "trajectory",
    ground: str = "surface",
    split: str = "train",
    critical_points: Sequence[LevelPlace] = (),
    unit: str = "step",
    names: Names | None = None,
    ceiling: float | None = None,
    frames: int = 100,
    caption: str = "",
) -> go.Figure:
    """Paths of all optimizers on a surface of two weights, as far as a slider says, or as they go by themselves.

    Buttons choose a linear or a log scale, and the view from the side or from above; a click on a name hides its path.

    Parameters
    ----------
    datasets : mapping of str to Dataset
        ``paths`` of the survey `trajectory` and ``ground`` of `surface`, as of `race`.
    by : str
        Axis of the sweep whose values race.
    at : mapping of str to Any, optional
        Axis -> its value that is shown, or a list of those; None: all that there is.
    paths : str, default "trajectory"
        Name of the dataset of paths.
    ground : str, default "surface"
        Name of the dataset of heights.
    split : str, default "train"
        Which split is drawn.
    critical_points : sequence of (str, place, float), optional
        Kind, place and height of each; by default none are marked.
    unit : str, default "step"
        What a snapshot is counted in.
    names : Names, optional
        Axis -> value -> what to call it; None: axis and value.
    ceiling : float, optional
        Height at which the surface is cut off; None: above the highest place of a path over the ground.
    frames : int, default 100
        Places of the slider at most, >= 2; of more steps, as many that are evenly spaced.
    caption : str, default ""
        Text under the surface, such as the verdicts; "": none.

    Returns
    -------
    plotly.graph_objects.Figure
        Of the first seed that has a path, to be turned by hand.

    Raises
    ------
    ValueError
        As of `race`, and for less than two frames.
    """
    if frames < 2:
        raise ValueError(f"frames must be >= 2, got {frames}")
    (course,) = courses(
        datasets,
        by=by,
        at=at,
        paths=paths,
        ground=ground,
        split=split,
        critical_points=critical_points,
        names=names,
    )
    racers = [racer for racer in course.racers if racer.is_there]
    seen = [_over(course.ground, racer.first) for racer in racers]
    axis = HeightAxis.over([course.ground], _cut(course.ground, seen) if ceiling is None else ceiling)
    steps = chosen_steps([course], frames)
    ground_trace = surface_trace(course.ground, axis, visible=True)
    ground_trace.update(opacity=0.85, hoverinfo="skip", hovertemplate=None)
    runners = [_traces(racer, path, axis, steps[-1]) for racer, path in zip(racers, seen, strict=True)]
    drawn = go.Figure([ground_trace, *_marks(course, axis), *(part for pair in runners for part in pair)])
    moving = list(range(len(drawn.data) - 2 * len(racers), len(drawn.data)))
    drawn.frames = [
        go.Frame(
            name=f"{step:g}",
            traces=moving,
            data=[part for path in seen for part in _places(path, axis, step)],
        )
        for step in steps
    ]
    finished_page(drawn, split, axis, ("x", "y"))
    drawn.update_scenes(zaxis_title="height", camera=_ASIDE)
    drawn.update_layout(
        sliders=[_slider(steps, unit)],
        updatemenus=[_play(), scale_buttons([scene_name(0)], axis), _views()],
        legend={"x": 0.0, "y": 1.0, "itemsizing": "constant"},
        margin={"b": 110},
        annotations=[_below(caption)] if caption else [],
    )
    return drawn


def _over(ground: xr.DataArray, path: xr.Dataset) -> xr.Dataset:
    """The path with gaps where it is not over the ground, which would else widen the scene."""
    inside = np.ones(path.sizes["snapshot"], bool)
    for letter in "xy":
        values, side = path[f"path_{letter}"].values, ground[letter].values
        inside &= (side.min() <= values) & (values <= side.max())
    return path.where(xr.DataArray(inside, dims="snapshot"))


def _cut(ground: xr.DataArray, seen: Sequence[xr.Dataset]) -> float:
    """Height a little above the highest place of all paths, as seen from the lowest of the ground."""
    lowest, highest = (float(value) for value in (ground.min(), ground.where(np.isfinite(ground)).max()))
    reached = max((float(path["path_loss"].max()) for path in seen), default=highest)
    cut = lowest + _ROOM * (reached - lowest)
    return min(cut, highest) if cut > lowest else highest


def _traces(
    racer: Racer, path: xr.Dataset, axis: HeightAxis, last: float
) -> tuple[go.Scatter3d, go.Scatter3d]:
    """The line behind a racer, and where it is, when all is done."""
    line, head = _places(path, axis, last)
    color = to_hex(racer.color)
    dash = {"dashed": "dash", "dotted": "dot"}.get(racer.dashes, racer.dashes)
    group = {"legendgroup": racer.name, "hoverinfo": "name", "name": racer.name}
    line.update(mode="lines", line={"width": 5, "color": color, "dash": dash}, **group)
    head.update(mode="markers", marker={"size": 5, "color": color}, showlegend=False, **group)
    return line, head


def _places(path: xr.Dataset, axis: HeightAxis, step: float) -> tuple[go.Scatter3d, go.Scatter3d]:
    """Up to ``step``, and at it."""
    so_far = path.isel(snapshot=path["snapshot"].values <= step)
    x, y = so_far["path_x"].values, so_far["path_y"].values
    z = np.clip(so_far["path_loss"].values, axis.low if axis.low < 0 else axis.floor, axis.high)
    return go.Scatter3d(x=x, y=y, z=z), go.Scatter3d(x=x[-1:], y=y[-1:], z=z[-1:])


def _marks(course: Course, axis: HeightAxis) -> list[go.Scatter3d]:
    """Critical points, a trace for each kind."""
    found = []
    for kind in dict.fromkeys(kind for kind, _, _ in course.level):
        places = [(*place[:2], height) for name, place, height in course.level if name == kind]
        x, y, z = np.array([place for place in places if place[2] <= axis.high]).reshape(-1, 3).T
        z = np.maximum(z, axis.low if axis.low < 0 else axis.floor)
        marker = {"symbol": _SIGNS[kind], "size": 4, "color": "black"}
        found.append(go.Scatter3d(x=x, y=y, z=z, mode="markers", marker=marker, name=kind, hoverinfo="name"))
    return found


def _animate(duration: int, **options: Any) -> dict[str, Any]:
    return {"frame": {"duration": duration, "redraw": True}, "transition": {"duration": 0}, **options}


def _slider(steps: Sequence[float], unit: str) -> dict[str, Any]:
    """One place a frame; it stands at the last, as what is drawn does."""
    places = [
        {"label": f"{step:g}", "method": "animate", "args": [[f"{step:g}"], _animate(0, mode="immediate")]}
        for step in steps
    ]
    return {
        "steps": places,
        "active": len(steps) - 1,
        "currentvalue": {"prefix": f"{unit} "},
        "x": 0.12,
        "len": 0.86,
        "y": 0.0,
        "pad": {"t": 10},
    }


def _play() -> dict[str, Any]:
    play = {
        "label": "▶",
        "method": "animate",
        "args": [None, _animate(_MILLISECONDS, fromcurrent=False, mode="immediate")],
    }
    pause = {"label": "❚❚", "method": "animate", "args": [[None], _animate(0, mode="immediate")]}
    place = {"x": 0.0, "xanchor": "left", "y": 0.0, "yanchor": "top", "pad": {"t": 20}}
    return {"type": "buttons", "direction": "right", "buttons": [play, pause], "showactive": False, **place}


def _views() -> dict[str, Any]:
    buttons = [
        {"label": label, "method": "relayout", "args": [{"scene.camera": camera}]}
        for label, camera in (("from the side", _ASIDE), ("from above", _FROM_ABOVE))
    ]
    place = {"x": 0.62, "xanchor": "left", "y": 1.18, "yanchor": "top"}
    return {"type": "buttons", "direction": "right", "buttons": buttons, **place}


def _below(caption: str) -> dict[str, Any]:
    place = {"xref": "paper", "yref": "paper", "x": 0.0, "y": -0.16, "xanchor": "left", "yanchor": "top"}
    text = "<br>".join(wrapped(caption, 160))
    return {"text": text, "showarrow": False, "align": "left", "font": {"size": 11}, **place}
