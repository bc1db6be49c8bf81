"""Weight decay by its conventions: in the gradient or apart from it, of all parameters or of weights alone."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal, get_args

from torch import Tensor

from lossatlas.choices import chosen

Decay = Literal["gradient", "decoupled"]
"""Where weight decay acts: "gradient" adds weight_decay * w to the gradient, which is that of an L2 penalty in the
loss, so that momenta and adaptive rates act on it; "decoupled" multiplies w by 1 - rate * weight_decay beside the step
(Loshchilov & Hutter 2019, arXiv:1711.05101). For plain SGD the two are the same."""


def decay_groups(
    params: Iterable[Tensor] | Iterable[Mapping[str, Any]], *, bias_decay: bool
) -> list[Tensor] | list[dict[str, Any]]:
    """Parameters, or groups of them, as an optimizer takes them: where told, with no decay on biases and normalisation.

    Those are taken to be the parameters of fewer than two dimensions, by which a group is divided.

    Parameters
    ----------
    params : iterable
        Tensors, or mappings with "params", as torch's optimizers take them.
    bias_decay : bool
        Whether biases and normalisation decay as all else.

    Returns
    -------
    list
        What torch's optimizers take.

    Examples
    --------
    >>> import torch
    >>> layer = torch.nn.Linear(3, 2)
    >>> groups = decay_groups(layer.parameters(), bias_decay=False)
    >>> [([tuple(p.shape) for p in group["params"]], group.get("weight_decay")) for group in groups]
    [([(2, 3)], None), ([(2,)], 0.0)]
    """
    given = list(params)
    if bias_decay:
        return given  # type: ignore[return-value]
    groups = given if given and isinstance(given[0], Mapping) else [{"params": given}]
    return [part for group in groups for part in _divided(group)]  # type: ignore[arg-type]


def _divided(group: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    held = group["params"]
    parameters = [held] if isinstance(held, Tensor) else list(held)
    weights = [parameter for parameter in parameters if parameter.ndim >= 2]
    others = [parameter for parameter in parameters if parameter.ndim < 2]
    if weights:
        yield {**group, "params": weights}
    if others:
        yield {**group, "params": others, "weight_decay": 0.0}


def check_rates(**settings: float) -> None:
    """Raise ValueError for one of ``settings`` that is negative.

    >>> check_rates(lr=0.1, weight_decay=-1.0)
    Traceback (most recent call last):
    ValueError: weight_decay must be >= 0, got -1.0
    """
    for name, value in settings.items():
        if not value >= 0:
            raise ValueError(f"{name} must be >= 0, got {value}")


def check_share(name: str, value: float) -> None:
    """Raise ValueError unless ``value`` lies in [0, 1).

    >>> check_share("momentum", 1.0)
    Traceback (most recent call last):
    ValueError: momentum must be in [0, 1), got 1.0
    """
    if not 0 <= value < 1:
        raise ValueError(f"{name} must be in [0, 1), got {value}")


def check_choice(name: str, given: str, choices: Any) -> None:
    """Raise ValueError unless ``given`` is one of the words of ``choices``, a Literal.

    >>> check_choice("decay", "decuopled", Decay)
    Traceback (most recent call last):
    ValueError: unknown decay 'decuopled', expected one of gradient, decoupled (did you mean decoupled?)
    """
    chosen(name, given, dict.fromkeys(get_args(choices)))
