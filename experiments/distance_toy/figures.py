"""What `distance_toy` draws: balls' paths over the valley, and what a hill is."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Circle
from numpy.typing import NDArray

from lossatlas.experiments import Figures, Values
from lossatlas.figures import panels
from lossatlas.figures.experiments import learning_curves
from lossatlas.figures.layout.arrangement import SEED, Datasets, Names, called, first_surveyed
from lossatlas.figures.layout.page import captioned, entitle, grid_over, legend_over, page_over
from lossatlas.figures.style import ERROR, colors_of, ink, style
from lossatlas.measures.selection import select
from lossatlas.optim.distancing import RBF, Cauchy, Kernel, Laplace, Sigma, Tanh
from lossatlas.toy import Cubic

NAMES = {"push": {"nothing": "without hill", "away": "hill", "toward": "pit", "random": "random push"}}
SIGMAS = {"sigma": {0.1: "σ = 0.1", 0.2: "σ = 0.2", 0.5: "σ = 0.5", 1.0: "σ = 1"}}
KERNELS: dict[str, Kernel] = {"RBF": RBF(), "Laplace": Laplace(), "Cauchy": Cauchy(), "tanh": Tanh()}
LOWEST = 2 / 3  # place along x of the valley's minimum

_PANEL = 2.3  # width, inches
_FRAME = 0.7  # of it for labels
_LEVELS = np.arange(-2.0, 2.6, 0.25)
_SIZE = (7.2, 2.4, 1.9)  # inches: width, height of the valley, of the kernels
_POINTS = 401


def figures(v: Values) -> Figures:
    pushes = {"push": [*NAMES["push"]], "sigma": v.sigma}
    curves = partial(learning_curves, along="epoch", marks={"checkpoint": [v.checkpoint]})
    distance = {"squared distance": lambda history: history["squared_distance_0"]}
    return {
        "figure": partial(  # paths with a hill, and with its controls
            ball_paths,
            columns="push",
            at=pushes,
            ground={"push": "nothing", "sigma": v.sigma},
            checkpoint=v.checkpoint,
            sigma=v.sigma,
            window=v.window,
            names=NAMES,
        ),
        "hills": partial(  # the thesis's sketch: the loss with a hill on its minimum; kernels
            hills,
            surface=Cubic(v.surface["floor"]),
            centre=LOWEST,
            kernels=KERNELS,
            sigmas=v.sigmas,
            strength=v.strength,
            window=[-0.6, 1.5],
            reach=2.0,
        ),
        "widths": partial(curves, measures=distance, by="sigma", at={"push": "away"}, names=SIGMAS),
        "courses": partial(
            curves,
            measures={"x": lambda history: history["test_x"], **distance},
            by="push",
            at=pushes,
            names=NAMES,
        ),
    }


def ball_paths(
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
    balls = select(_placed(datasets, "trajectory", split), at)
    loss = first_surveyed(select(_placed(datasets, "surface", split), ground)).loss.sel(split=split)
    # Labels of contours would else stand beyond the window.
    within = loss.sel({letter: slice(*limits) for letter, limits in window.items()})
    shown = balls[columns].values.tolist()
    step = _LEVELS[1] - _LEVELS[0]
    told = (
        f"Contours of the loss every {step:g}; paths of all seeds, that of the first in colour, a dot for each "
        f"snapshot. Cross: the checkpoint, after epoch {checkpoint:g}; circle: σ = {sigma:g} around it."
    )
    with style():
        size = (_PANEL - _FRAME) * np.ptp(window["y"]) / np.ptp(window["x"]) + _FRAME
        panel, told = (_PANEL, float(size)), captioned(told, caption)
        page, _, ((*axes,),) = grid_over((1, len(shown)), panel, told, margin=(0.4, 0.0))
        entitle(axes, (called(columns, value, names) for value in shown))
        for axis, value in zip(axes, shown, strict=True):
            panels.contours(axis, within, levels=_LEVELS, centre=False, labels=False)
            _paths(axis, balls.sel({columns: value}), checkpoint, sigma)
            axis.set(xlim=window["x"], ylim=window["y"], xlabel="x", ylabel="y" if axis is axes[0] else "")
    return page


def _placed(datasets: Datasets, name: str, split: str) -> xr.Dataset:
    """A landscape whose x and y are those of the surface, where the survey counts them from the end of training.

    >>> ends = xr.Dataset({"train_x": 0.5, "train_y": -1.0})
    >>> plane = xr.Dataset({"x_values": ("x", [-1.0, 1.0]), "path_y": ("snapshot", [2.0, 0.0])})
    >>> there = _placed({"summary": ends, "plane": plane}, "plane", "train")
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
        axis.plot(ball.path_x, ball.path_y, color=ink(0.65), linewidth=0.8, alpha=0.8, zorder=2.5)
    axis.plot(first.path_x, first.path_y, "o-", color=ERROR, markersize=2, linewidth=1.1, zorder=3)
    x, y = (float(first[name].sel(snapshot=checkpoint)) for name in ("path_x", "path_y"))
    axis.plot(x, y, "x", color=ink(), markersize=5, zorder=4)
    axis.add_patch(Circle((x, y), sigma, fill=False, linewidth=0.9, linestyle="dotted", zorder=2))


def hills(
    datasets: Datasets,
    *,
    surface: Cubic,
    centre: float,
    kernels: Mapping[str, Kernel],
    sigmas: Sequence[float],
    strength: float,
    window: Sequence[float],
    reach: float,
    caption: str = "",
) -> Figure:
    """Over ``window`` the ``surface`` in one dimension, with a hill of the first of the ``kernels`` on ``centre``.

    A curve for each width of ``sigmas``, ``strength`` high at most. Below, each kernel over the distance from its
    centre, up to ``reach``, for the same widths. All are drawn from their formulas: of the ``datasets`` nothing is.
    """
    shades = colors_of(list(sigmas))
    x = np.linspace(window[0], window[1], _POINTS)
    distance = np.linspace(0.0, reach, _POINTS)
    ground = surface.heights(torch.from_numpy(x)[:, None]).numpy()
    first, hill = next(iter(kernels.items()))
    told = f"Top: the loss, and with a hill on its lowest place, {strength:g} times the kernel {first}."
    with style():
        width, high, low = _SIZE
        page, (top, bottom) = page_over([high, low], width, captioned(told, caption))
        valley = top.subplots()
        for sigma, shade in zip(sigmas, shades, strict=True):
            valley.plot(x, ground + strength * _kernel_at(hill, x - centre, sigma), color=shade)
        valley.plot(x, ground, color=ink(), linewidth=1.6)
        valley.set(xlabel="x", ylabel="loss", xlim=window)
        axes = bottom.subplots(1, len(kernels), sharey=True, squeeze=False)[0]
        for axis, (name, kernel) in zip(axes, kernels.items(), strict=True):
            _draw_kernel(axis, kernel, distance, sigmas, shades)
            axis.set_title(name, fontweight="bold")
        axes[0].set_ylabel("kernel")
        legend_over(page, _key(sigmas, shades))
    return page


def _kernel_at(kernel: Kernel, distance: NDArray[np.float64], sigma: float) -> NDArray[np.float64]:
    """Value of a kernel of width ``sigma`` at each ``distance`` from its centre.

    >>> from lossatlas.optim.distancing import RBF
    >>> _kernel_at(RBF(), np.array([0.0, 2.0]), sigma=2.0).round(3)
    array([1.   , 0.607])
    """
    precision = Sigma(sigma).precision(torch.ones(1, dtype=torch.float64))
    values: NDArray[np.float64] = kernel.value(precision * torch.from_numpy(distance).square()).numpy()
    return values


def _draw_kernel(
    axis: Axes, kernel: Kernel, distance: NDArray[np.float64], sigmas: Sequence[float], shades: Sequence[str]
) -> None:
    for sigma, shade in zip(sigmas, shades, strict=True):
        axis.plot(distance, _kernel_at(kernel, distance, sigma), color=shade)
    axis.set(xlabel="distance", xlim=(0, distance[-1]), ylim=(0, 1.03))


def _key(sigmas: Sequence[float], shades: Sequence[str]) -> list[Line2D]:
    ground = Line2D([], [], color=ink(), linewidth=1.6, label="without hill")
    return [
        ground,
        *(Line2D([], [], color=c, label=f"σ = {s:g}") for s, c in zip(sigmas, shades, strict=True)),
    ]
