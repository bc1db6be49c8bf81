"""Races of optimizers over a surface of two weights: their paths from one start, and their heights, step by step."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.animation import FuncAnimation
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from lossatlas.figures import panels
from lossatlas.figures.experiments.courses import (
    Course,
    LevelPlace,
    Racer,
    chosen_steps,
    courses,
    start_apart,
)
from lossatlas.figures.layout.arrangement import Datasets, Names
from lossatlas.figures.layout.fitting import FittingLayout
from lossatlas.figures.layout.page import captioned, entitle, legend_over, page_over, unsurveyed_plane
from lossatlas.figures.style import ink, points, style

_PANEL, _MAP, _CURVES = 3.1, 3.0, 1.75  # inches: width of a panel, heights of the two rows
_LINES = 14  # contours, at heights above the lowest that grow evenly in their logarithm
_DECADES = 3.0  # that they span
_DOTS = 40  # steps up to which each has a dot
_FLOOR = 1e-8  # of the first height: below it, single precision tells nothing
_SIGNS = {"minimum": "*", "saddle": "x", "maximum": "^"}


def race(
    datasets: Datasets,
    *,
    by: str,
    columns: str | None = None,
    at: Mapping[str, Any] | None = None,
    paths: str = "trajectory",
    ground: str = "surface",
    split: str = "train",
    critical_points: Mapping[Any, Sequence[LevelPlace]] | Sequence[LevelPlace] = (),
    window: Mapping[str, Sequence[float]] | None = None,
    unit: str = "step",
    names: Names | None = None,
    caption: str = "",
) -> Figure:
    """Paths of all optimizers over the contours of a surface of two weights, and their heights against steps.

    Contours are evenly spaced in the logarithm of the height above the lowest. The path of the first seed that has one
    is drawn in full, with a dot for each snapshot where these are few, those of other seeds lighter. Heights are those
    of the first seed: above the lowest minimum on a log scale where that is told, else as they are.

    Parameters
    ----------
    datasets : mapping of str to Dataset
        ``paths`` of the survey `trajectory` and ``ground`` of `surface`, both along two coordinates from one origin, as
        those of a toy are, over the sweep's axes.
    by : str
        Axis of the sweep whose values race, such as "optimizer": as many as there are.
    columns : str, optional
        Axis whose values have a column each, such as "toy"; None: a single one.
    at : mapping of str to Any, optional
        Axis -> its value that is shown, or a list of those, in their order; None: all that there is.
    paths : str, default "trajectory"
        Name of the dataset of paths.
    ground : str, default "surface"
        Name of the dataset of heights. It is enough that one network of each column has it.
    split : str, default "train"
        Which split is drawn.
    critical_points : sequence of (str, place, float), or mapping, optional
        Kind, place and height of each, as ``critical_points`` of a toy's surface; or these for each value of
        ``columns``. By default none are marked.
    window : mapping of str to sequence of float, optional
        Limits of "x" and "y" that are shown; None: all of the ground.
    unit : str, default "step"
        What a snapshot is counted in: an epoch of one step is a step.
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
        For paths that have no origin in common, for a dataset, an axis or a value that is not there, for an axis of
        several values that nothing is said of, and if there is no path or no ground.
    """
    shown = courses(
        datasets,
        by=by,
        columns=columns,
        at=at,
        paths=paths,
        ground=ground,
        split=split,
        critical_points=critical_points,
        names=names,
    )
    with style():
        width = max(_PANEL * len(shown), 4.6)
        page, (maps, curves) = page_over([_MAP, _CURVES], width, captioned(_told(shown), caption))
        upper = maps.subplots(1, len(shown), squeeze=False)[0]
        lower = curves.subplots(1, len(shown), squeeze=False)[0]
        entitle(upper, (course.title for course in shown))
        for course, above, below in zip(shown, upper, lower, strict=True):
            _draw_ground(above, course, window)
            for racer in course.racers:
                _draw_path(above, racer)
            _draw_heights(below, course, unit)
        upper[0].set_ylabel("y")
        lower[0].set_ylabel("height" if shown[0].lowest is None else "height above\nthe lowest")
        legend_over(page, _key_of(shown))
    return page


def _told(shown: Sequence[Course]) -> str:
    """What the panels show, with those that have no path."""
    text = "Contours: evenly spaced in the logarithm of the height."
    kinds = dict.fromkeys(kind for course in shown for kind, _, _ in course.level)
    signs = {"minimum": "star: minimum", "saddle": "cross: saddle", "maximum": "triangle: top"}
    text += f" {', '.join(signs[kind] for kind in kinds).capitalize()}." if kinds else ""
    gone = [
        f"{racer.name}{f' ({course.title})' if course.title else ''}"
        for course in shown
        for racer in course.racers
        if not racer.is_there
    ]
    if any(map(start_apart, shown)):
        text += " No seed has a path of each: they start from different places."
    return f"{text} Without a path: {', '.join(gone)}." if gone else text


def _draw_ground(axis: Axes, course: Course, window: Mapping[str, Sequence[float]] | None) -> None:
    """Contours and critical points of a surface."""
    x, y, values = panels.plane_values(course.ground)
    panels.frame(axis, x, y)
    panels.fill_plane(axis, x, y, values)
    lowest = float(values.min() if course.lowest is None else min(course.lowest, values.min()))
    span = float(values.max()) - lowest
    if span > 0:
        levels = lowest + span * np.logspace(-_DECADES, 0, _LINES)[:-1]
        axis.contour(x, y, values, levels=levels, colors=ink(0.22), linewidths=0.7, zorder=1)
    for kind, place, _ in course.level:
        axis.plot(*place[:2], _SIGNS[kind], color=ink(), markersize=6, markeredgewidth=1.0, zorder=2.5)
    limits = window or {}
    axis.set(xlim=limits.get("x", (x.min(), x.max())), ylim=limits.get("y", (y.min(), y.max())), xlabel="x")


def _draw_path(axis: Axes, racer: Racer) -> None:
    if not racer.is_there:
        return
    drawn: dict[str, Any] = {"color": racer.color, "linestyle": racer.dashes}
    for path in racer.others:
        axis.plot(path["path_x"], path["path_y"], **drawn, linewidth=0.6, alpha=0.55, zorder=2.2)
    x, y = racer.first["path_x"].values, racer.first["path_y"].values
    dots = "o" if len(x) <= _DOTS else None
    axis.plot(x, y, **drawn, marker=dots, markersize=2.2, linewidth=1.2, alpha=0.9, zorder=3)
    axis.plot(x[-1:], y[-1:], "o", color=racer.color, markersize=4.5, markeredgecolor="white", zorder=4)
    axis.plot(x[:1], y[:1], "s", color=ink(), markersize=4, zorder=4)


def _heights_of(course: Course, path: xr.Dataset) -> np.ndarray:
    """Heights along a path: above the lowest minimum where that is told, and what is below rounding at its edge."""
    heights = path["path_loss"].values
    if course.lowest is None:
        return heights
    starts = [
        racer.first["path_loss"].values[:1] - course.lowest for racer in course.racers if racer.is_there
    ]
    return np.maximum(heights - course.lowest, _FLOOR * float(np.max(starts, initial=0.0)))


def _draw_heights(axis: Axes, course: Course, unit: str) -> None:
    there = [racer for racer in course.racers if racer.is_there]
    if not there:
        unsurveyed_plane(axis)
        return
    for racer in there:
        path = racer.first
        axis.plot(path["snapshot"], _heights_of(course, path), color=racer.color, linestyle=racer.dashes)
    if course.lowest is not None:
        axis.set_yscale("log")
    axis.set(xlabel=unit, xlim=(course.steps.min(), course.steps.max()))


def _key_of(shown: Sequence[Course]) -> list[Line2D]:
    """A handle for each racer, and the start."""
    handles = [
        Line2D([], [], color=racer.color, linestyle=racer.dashes, label=racer.name)  # type: ignore[arg-type]
        for racer in shown[0].racers
    ]
    return [
        *handles,
        Line2D([], [], color=ink(), marker="s", linestyle="none", markersize=4, label="start"),
    ]


def race_animation(
    datasets: Datasets,
    *,
    by: str,
    columns: str | None = None,
    at: Mapping[str, Any] | None = None,
    paths: str = "trajectory",
    ground: str = "surface",
    split: str = "train",
    critical_points: Mapping[Any, Sequence[LevelPlace]] | Sequence[LevelPlace] = (),
    window: Mapping[str, Sequence[float]] | None = None,
    unit: str = "step",
    names: Names | None = None,
    frames: int = 60,
    seconds: float = 6.0,
    caption: str = "",
) -> FuncAnimation:
    """The same race as a moving picture, which `lossatlas.figures.save` writes as a GIF.

    Parameters
    ----------
    datasets : mapping of str to Dataset
        As of `race`, and so are the arguments up to ``names``.
    by : str
        Axis of the sweep whose values race.
    columns : str, optional
        Axis whose values have a panel each; None: a single one.
    at : mapping of str to Any, optional
        Axis -> its value that is shown, or a list of those; None: all that there is.
    paths : str, default "trajectory"
        Name of the dataset of paths.
    ground : str, default "surface"
        Name of the dataset of heights.
    split : str, default "train"
        Which split is drawn.
    critical_points : sequence of (str, place, float), or mapping, optional
        Kind, place and height of each, or these for each value of ``columns``.
    window : mapping of str to sequence of float, optional
        Limits of "x" and "y" that are shown; None: all of the ground.
    unit : str, default "step"
        What a snapshot is counted in.
    names : Names, optional
        Axis -> value -> what to call it; None: axis and value.
    frames : int, default 60
        Pictures at most, >= 2; of more steps, as many that are evenly spaced.
    seconds : float, default 6.0
        How long it takes, without the last picture, which stays for a while.
    caption : str, default ""
        For the signature that all figures have; moving pictures carry none.

    Returns
    -------
    matplotlib.animation.FuncAnimation
        Of the first seed that has a path.

    Raises
    ------
    ValueError
        As of `race`, and for less than two frames.
    """
    if frames < 2:
        raise ValueError(f"frames must be >= 2, got {frames}")
    shown = courses(
        datasets,
        by=by,
        columns=columns,
        at=at,
        paths=paths,
        ground=ground,
        split=split,
        critical_points=critical_points,
        names=names,
    )
    steps = chosen_steps(shown, frames)
    with style():
        page = Figure(figsize=(max(3.3 * len(shown), 4.6), 4.2), layout=FittingLayout())
        axes: list[Axes] = list(page.subplots(1, len(shown), squeeze=False)[0])
        entitle(axes, (course.title for course in shown))
        for axis, course in zip(axes, shown, strict=True):
            _draw_ground(axis, course, window)
        axes[0].set_ylabel("y")
        legend_over(page, _key_of(shown)[:-1])
        counter = axes[0].text(0.02, 0.02, "", transform=axes[0].transAxes, fontsize=points(8), zorder=5)
        runners = [
            (racer.first, *_runner(axis, racer))
            for axis, course in zip(axes, shown, strict=True)
            for racer in course.racers
            if racer.is_there
        ]
        page.draw_without_rendering()
        page.set_layout_engine("none")  # so that no picture stands elsewhere than that before

    def draw(frame: int) -> list[Line2D]:
        step = steps[min(frame, len(steps) - 1)]
        counter.set_text(f"{unit} {step:g}")
        for path, line, head in runners:
            so_far = path.isel(snapshot=path["snapshot"].values <= step)
            line.set_data(so_far["path_x"].values, so_far["path_y"].values)
            head.set_data(so_far["path_x"].values[-1:], so_far["path_y"].values[-1:])
        return [part for _, *parts in runners for part in parts]

    rest = len(steps) // 4  # the last picture again
    each = 1000 * seconds / len(steps)  # milliseconds
    return FuncAnimation(page, draw, frames=len(steps) + rest, interval=each, blit=False, repeat=True)


def _runner(axis: Axes, racer: Racer) -> tuple[Line2D, Line2D]:
    """The line behind a racer, and where it is."""
    (line,) = axis.plot([], [], color=racer.color, linestyle=racer.dashes, linewidth=1.3, zorder=3)
    (head,) = axis.plot([], [], "o", color=racer.color, markersize=5.5, markeredgecolor="white", zorder=4)
    return line, head
