"""The activations that networks can have, by name."""

from collections.abc import Callable
from functools import partial

from torch import nn

from lossatlas.models.checks import check_choice

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
    "relu": partial(nn.ReLU, inplace=True),
    "relu6": partial(nn.ReLU6, inplace=True),
    "leaky_relu": partial(nn.LeakyReLU, inplace=True),  # 0.01 x below zero
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "selu": nn.SELU,
    "linear": nn.Identity,
}
"""Name -> a module of its own for each place."""


def activation_named(activation: str) -> Callable[[], nn.Module]:
    """What makes the activation of this name. ValueError for another name.

    >>> activation_named("gelu")()
    GELU(approximate='none')
    """
    check_choice(ACTIVATIONS, activation=activation)
    return ACTIVATIONS[activation]


def replace_activations(module: nn.Module, old: type[nn.Module], new: Callable[[], nn.Module]) -> None:
    """Put ``new`` activations in place of all that are exactly of the class ``old``, anywhere in ``module``.

    >>> network = nn.Sequential(nn.Linear(1, 1), nn.ReLU())
    >>> replace_activations(network, nn.ReLU, nn.Tanh)
    >>> network[1]
    Tanh()
    """
    for name, child in list(module._modules.items()):  # one that has several places is at each
        if child is None:
            continue
        if type(child) is old:
            setattr(module, name, new())
        else:
            replace_activations(child, old, new)
