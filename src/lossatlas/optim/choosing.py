"""Which parameters a regulariser acts on, and checks of its settings."""

from collections.abc import Collection, Mapping

from torch import Tensor


def chosen(parameters: Mapping[str, Tensor], which: str) -> Mapping[str, Tensor]:
    """All ``parameters``, or with "weights" those of two dimensions or more. ValueError if there are none.

    >>> import torch
    >>> list(chosen({"fc.weight": torch.ones(2, 2), "fc.bias": torch.ones(2)}, "weights"))
    ['fc.weight']
    """
    found = parameters if which == "all" else {n: p for n, p in parameters.items() if p.ndim > 1}
    if not found:
        raise ValueError(
            f"there are none of the {which if which != 'all' else 'parameters'} that it is to act on"
        )
    return found


def matrices(parameters: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """The weights of two dimensions or more.

    ValueError if there are none, and if one is parametrised (`torch.nn.utils.parametrize`): then these tensors are not
    the weights that the layer computes with.
    """
    for name in parameters:
        layer, _, rest = name.partition("parametrizations.")
        if rest:
            raise ValueError(
                f"{layer}{rest.partition('.')[0]} is parametrised, and its tensors are not the weights that act: "
                "take a network without"
            )
    return chosen(parameters, "weights")


def nonnegative(**setting: float) -> float:
    """Return the one setting. ValueError, which names it, unless it is >= 0."""
    ((name, value),) = setting.items()
    if not value >= 0:
        raise ValueError(f"{name} must be >= 0, got {value}")
    return value


def one_of(name: str, value: str, choices: Collection[str]) -> str:
    """Return ``value``. ValueError, which names it, unless it is one of ``choices``."""
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(choices)}, got {value!r}")
    return value
