"""Draws initialization.png: how large signals are by depth under each initialisation, and what the Jacobian does."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor, nn

from lossatlas.figures.style import colors_of, style
from lossatlas.models import MLP, identity, keep_defaults, lsuv, orthogonal, variance_scaling

WIDTH, DEPTH, SIDE = 144, 40, 12  # units of a layer, layers, and pixels of a side of as many inputs
SEED = 0


def images(count: int) -> Tensor:
    """White noise."""
    return torch.randn(count, 1, SIDE, SIDE, generator=torch.Generator().manual_seed(SEED))


INITIALISATIONS: dict[str, Callable[..., None]] = {
    "default (torch's)": keep_defaults,
    "lecun": partial(variance_scaling, gain="linear"),
    "xavier, gain of tanh": partial(variance_scaling, mode="fan_avg", gain="tanh", distribution="uniform"),
    "kaiming": variance_scaling,
    "orthogonal": orthogonal,
    "lsuv": partial(lsuv, images=images),
}


def network(activation: str, initialise: Callable[..., None]) -> nn.Module:
    """A plain perceptron as wide as its inputs and its outputs."""
    torch.manual_seed(SEED)
    made = MLP([WIDTH] * DEPTH, input_shape=(1, SIDE, SIDE), classes=WIDTH, activation=activation)
    initialise(made, generator=torch.Generator().manual_seed(SEED))
    return made


@torch.no_grad()
def moments(activation: str, initialise: Callable[..., None]) -> list[float]:
    """Second moment of what each hidden layer gives before its activation."""
    found: list[float] = []
    made = network(activation, initialise)
    for layer in made.modules():
        if isinstance(layer, nn.Linear):
            layer.register_forward_hook(lambda _, __, out: found.append(out.double().square().mean().item()))
    made(images(64))
    return found[:-1]


def singular_values(activation: str, initialise: Callable[..., None]) -> np.ndarray:
    """Of the Jacobian of outputs by inputs, at one image, largest first."""
    made = network(activation, initialise).double()
    jacobian = torch.func.jacrev(made)(0.1 * images(1).double()).reshape(WIDTH, WIDTH)
    return torch.linalg.svdvals(jacobian.detach()).numpy()


def draw_moments(axis: Axes, activation: str) -> None:
    """A line for each initialisation."""
    for (name, initialise), color in zip(
        INITIALISATIONS.items(), colors_of(list(INITIALISATIONS)), strict=True
    ):
        values = moments(activation, initialise)
        axis.semilogy(range(1, len(values) + 1), values, color=color, label=name)
    axis.set_title(activation)
    axis.set_xlabel("layer")
    axis.set_ylim(1e-12, 1e6)


def draw_jacobians(axis: Axes) -> None:
    """The spectra that tell a dynamical isometry from what is none."""
    shown = {
        "orthogonal, tanh": ("tanh", orthogonal),
        "orthogonal, ReLU": ("relu", partial(orthogonal, gain="relu")),
        "Gaussian, tanh": ("tanh", partial(variance_scaling, gain="linear")),
        "identity, linear": ("linear", identity),
    }
    for (name, (activation, initialise)), color in zip(shown.items(), colors_of(list(shown)), strict=True):
        values = singular_values(activation, initialise)
        axis.semilogy(np.arange(len(values)) / len(values), values, color=color, label=name)
    axis.set_title("input-output Jacobian")
    axis.set_xlabel("rank / number")
    axis.set_ylabel("singular value")
    axis.set_ylim(1e-8, 1e2)
    axis.legend()


def draw() -> Figure:
    """Two panels of signals, and one of Jacobians."""
    with style():
        figure, axes = plt.subplots(1, 3, figsize=(9.6, 3.0), layout="constrained")
        draw_moments(axes[0], "tanh")
        draw_moments(axes[1], "relu")
        axes[0].set_ylabel("second moment of outputs")
        axes[0].legend()
        draw_jacobians(axes[2])
        plt.close(figure)
    return figure


if __name__ == "__main__":
    with style():
        draw().savefig(Path(__file__).with_suffix(".png"), dpi=90, metadata={"Software": None})
