"""Draws optimizers.png: paths of choices of conf/optimizer in a ravine, Rosenbrock's valley and at a monkey saddle."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from png import write
from torch import Tensor, nn

from lossatlas.figures.style import colormap, style
from lossatlas.optim.stepping import needs_objective
from lossatlas.runs.build import make
from lossatlas.runs.composition.compose import compose_job
from lossatlas.toy import Quadratic

Loss = Callable[[Tensor], Tensor]
COLORS = ("#0072B2", "#D55E00", "#009E73", "#AA3377", "#E69F00", "#222222", "#56B4E9", "#882255")


def rosenbrock(place: Tensor) -> Tensor:
    """(1 - x)^2 + 100 (y - x^2)^2; its lowest place is (1, 1)."""
    return (1 - place[..., 0]) ** 2 + 100 * (place[..., 1] - place[..., 0] ** 2) ** 2


def monkey_saddle(place: Tensor) -> Tensor:
    """x^3 - 3 x y^2: three valleys fall from a level place, whose Hessian is 0."""
    x, y = place[..., 0], place[..., 1]
    return x**3 - 3 * x * y**2


PANELS: dict[
    str, tuple[Loss, Sequence[float], int, tuple[float, float, float, float], dict[str, list[str]]]
] = {
    # title: loss, start, steps, left right bottom top, keys of each choice
    "a ravine, curvatures 1 and 30": (
        Quadratic([1.0, 30.0]).heights,
        (-4.0, 1.0),
        60,
        (-4.6, 1.4, -1.5, 1.5),
        {
            "plain_sgd": ["lr=0.06", "weight_decay=0"],
            "momentum": ["lr=0.02", "weight_decay=0"],
            "nesterov": ["lr=0.02", "weight_decay=0"],
            "adagrad": ["lr=0.8"],
            "rmsprop": ["lr=0.1"],
            "adamw": ["lr=0.2", "weight_decay=0"],
        },
    ),
    "Rosenbrock's valley": (
        rosenbrock,
        (-1.2, 1.0),
        120,
        (-1.7, 1.5, -0.7, 2.0),
        {
            "momentum": ["lr=0.0003", "weight_decay=0"],
            "adamw": ["lr=0.05", "weight_decay=0"],
            "quickprop": ["lr=0.0005"],
            "lbfgs": ["max_iter=1"],
            "newton": ["trust_radius=0.5", "adapt=true"],
            "hessian_free": ["matrix=hessian"],
        },
    ),
    "a monkey saddle": (
        monkey_saddle,
        (0.6, 0.35),
        12,
        (-1.5, 1.5, -1.2, 1.8),
        {
            "plain_sgd": ["lr=0.05", "weight_decay=0"],
            "newton": [],
            "saddle_free_newton": ["damping=0"],
        },
    ),
}


def path(loss: Loss, start: Sequence[float], steps: int, choice: str, keys: Sequence[str]) -> np.ndarray:
    """Places from the start on, (steps + 1, 2)."""
    typed = [f"optimizer={choice}", *(f"optimizer.{key}" for key in keys)]
    place = nn.Parameter(torch.tensor(start, dtype=torch.float64))
    optimizer = make(compose_job(typed).config["optimizer"])([place])

    def closure() -> Tensor:
        optimizer.zero_grad()
        value = loss(place)
        value.backward()
        return value.detach()

    given = {"objective": lambda: (loss(place), None)} if needs_objective(optimizer) else {}
    places = [place.detach().clone()]
    for _ in range(steps):
        optimizer.step(closure, **given)
        places.append(place.detach().clone())
    return torch.stack(places).numpy()


def draw_panel(axis: Axes, title: str) -> None:
    """Contours, and the path of each choice."""
    loss, start, steps, (left, right, bottom, top), choices = PANELS[title]
    x, y = np.linspace(left, right, 160), np.linspace(bottom, top, 160)
    grid = torch.tensor(np.stack(np.meshgrid(x, y), -1))
    heights = loss(grid).numpy()
    levels = np.quantile(heights, np.linspace(0.02, 0.98, 14))
    axis.contour(x, y, heights, levels=levels, cmap=colormap(), linewidths=0.5, alpha=0.6)
    for color, (choice, keys) in zip(COLORS, choices.items(), strict=False):
        places = path(loss, start, steps, choice, keys)
        axis.plot(*places.T, color=color, marker=".", markersize=2.5, linewidth=0.9, label=choice)
    axis.plot(*start, color="black", marker="o", markersize=4)
    axis.set(title=f"{title}, {steps} steps", xlim=(left, right), ylim=(bottom, top))
    axis.legend(loc="upper center", bbox_to_anchor=(0.5, -0.08), ncols=2)


def draw() -> Figure:
    """The three panels."""
    with style():
        figure, axes = plt.subplots(1, 3, figsize=(9.6, 4.0), layout="constrained")
        for axis, title in zip(axes, PANELS, strict=True):
            draw_panel(axis, title)
        plt.close(figure)
    return figure


if __name__ == "__main__":
    write(draw(), Path(__file__).with_suffix(".png"))
