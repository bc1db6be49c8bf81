"""The picture of balls' paths over a surface of two dimensions."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle

from lossatlas.figures import panels
from lossatlas.figures.layout.arrangement import SEED, Datasets, Names, called, first_surveyed, narrowed
from lossatlas.figures.layout.page import NARROWEST, captioned, page_over
from lossatlas.figures.style import ERROR, style

PANEL = 2.3  # width, inches
FRAME = 0.7  # of it for labels
LEVELS = np.arange(-2.0, 2.6, 0.25)


def figure(
    datasets: Datasets,
    *,
    columns: str,
    at: Mapping[str, Any],
    ground: Mapping[str, Any],
    checkpoint: float,
    sigma: float,
    window: Mapping[str, Sequence[float]],
    names: Names | None = None,
    split: str = "train",
    caption: str = "",
) -> Figure:
    """For each value of the axis ``columns`` the paths of all seeds over the contours of the loss, the first in colour.

    ``datasets``: "trajectory" along the two coordinates, and "surface" of the network at ``ground``, both about the end
    of training, which "summary" has as <split>_x and <split>_y. A cross marks the place of epoch ``checkpoint``, a
    circle of radius ``sigma`` the width of its hill. ``window``: the limits of x and y. ``at``: one value of each other
    axis, or those of ``columns``.
    """
    balls = narrowed(placed(datasets, "trajectory", split), at)
    loss = first_surveyed(narrowed(placed(datasets, "surface", split), ground)).loss.sel(split=split)
    # Labels of contours would else stand beyond the window.
    within = loss.sel({letter: slice(*limits) for letter, limits in window.items()})
    shown = balls[columns].values.tolist()
    told = (
        f"Contours of the loss every {LEVELS[1] - LEVELS[0]:g}; paths of all seeds, that of the first in colour, a dot "
        f"for each snapshot. Cross: the checkpoint, after epoch {checkpoint:g}; circle: σ = {sigma:g} around it."
    )
    with style():
        size = (PANEL - FRAME) * np.ptp(window["y"]) / np.ptp(window["x"]) + FRAME
        page, (sheet,) = page_over([size], max(PANEL * len(shown) + 0.4, NARROWEST), captioned(told, caption))
        axes = sheet.subplots(1, len(shown), squeeze=False)[0]
        for axis, value in zip(axes, shown, strict=True):
            panels.contours(axis, within, levels=LEVELS, centre=False)
            _paths(axis, balls.sel({columns: value}), checkpoint, sigma)
            axis.set(xlim=window["x"], ylim=window["y"], xlabel="x", ylabel="y" if axis is axes[0] else "")
            axis.set_title(called(columns, value, names), fontweight="bold")
    return page


def placed(datasets: Datasets, name: str, split: str) -> xr.Dataset:
    """A landscape whose x and y are those of the surface, where the survey counts them from the end of training.

    >>> ends = xr.Dataset({"train_x": 0.5, "train_y": -1.0})
    >>> plane = xr.Dataset({"x_values": ("x", [-1.0, 1.0]), "path_y": ("snapshot", [2.0, 0.0])})
    >>> there = placed({"summary": ends, "plane": plane}, "plane", "train")
    >>> there.x_values.values, there.path_y.values
    (array([-0.5,  1.5]), array([ 1., -1.]))
    """
    dataset, ends = datasets[name], datasets["summary"]
    moved = dataset.copy()
    for letter in "xy":
        end = ends[f"{split}_{letter}"]
        for of_it in (f"{letter}_values", f"path_{letter}"):
            if of_it in dataset:
                moved[of_it] = dataset[of_it] + end
        if letter in dataset.coords and f"{letter}_values" not in dataset:
            moved[f"{letter}_values"] = dataset[letter] + end
    return moved


def _paths(axis: Axes, balls: xr.Dataset, checkpoint: float, sigma: float) -> None:
    """Paths of all seeds. ``balls``: path_x, path_y ([seed], snapshot)."""
    first = first_surveyed(balls)
    for number in range(balls.sizes.get(SEED, 0)):
        ball = balls.isel({SEED: number})
        axis.plot(ball.path_x, ball.path_y, color="0.35", linewidth=0.8, alpha=0.8, zorder=2.5)
    axis.plot(first.path_x, first.path_y, "o-", color=ERROR, markersize=2, linewidth=1.1, zorder=3)
    x, y = (float(first[name].sel(snapshot=checkpoint)) for name in ("path_x", "path_y"))
    axis.plot(x, y, "x", color="black", markersize=5, zorder=4)
    axis.add_patch(Circle((x, y), sigma, fill=False, linewidth=0.9, linestyle="dotted", zorder=2))
