"""Adam and NAdam: torch's, with the weight decay's conventions by name."""

from collections.abc import Iterable, Sequence
from typing import Any

import torch

from lossatlas.optim.weight_decay import Decay, check_choice, decay_groups


class Adam(torch.optim.Adam):
    """Torch's Adam (Kingma & Ba 2015, arXiv:1412.6980), by default with decoupled decay, which makes it AdamW.

    AdamW: Loshchilov & Hutter 2019 (arXiv:1711.05101).

    Parameters
    ----------
    params : iterable
        Parameters, or groups of them.
    lr : float, default 0.001
        Rate.
    betas : sequence of float, default (0.9, 0.999)
        Shares of the running means of gradients and of their squares that are kept at a step.
    eps : float, default 1e-8
        Added to the root of the latter.
    amsgrad : bool, default False
        The root is of the largest mean so far (Reddi et al. 2018).
    weight_decay, decay, bias_decay : float, {"gradient", "decoupled"} and bool, default 0.01 and "decoupled" and True
        As of `Momentum`.

    Raises
    ------
    ValueError
        For numbers out of their range.

    Examples
    --------
    >>> weight = torch.nn.Parameter(torch.tensor([1.0]))
    >>> optimizer = Adam([weight], lr=0.1, weight_decay=0.5)
    >>> weight.grad = torch.tensor([3.0])
    >>> optimizer.step()
    >>> weight.data  # 1 - 0.1 * 0.5, and a first step of the rate
    tensor([0.8500])
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: Sequence[float] = (0.9, 0.999),
        eps: float = 1e-8,
        amsgrad: bool = False,
        weight_decay: float = 0.01,
        decay: Decay = "decoupled",
        bias_decay: bool = True,
    ) -> None:
        check_choice("decay", decay, Decay)
        super().__init__(
            decay_groups(params, bias_decay=bias_decay),
            lr=lr,
            betas=tuple(betas),  # type: ignore[arg-type]
            eps=eps,
            weight_decay=weight_decay,
            amsgrad=amsgrad,
            decoupled_weight_decay=decay == "decoupled",
        )


class NAdam(torch.optim.NAdam):
    """Torch's NAdam: Adam with Nesterov's momentum (Dozat 2016).

    Parameters
    ----------
    params : iterable
        Parameters, or groups of them.
    lr : float, default 0.002
        Rate.
    betas, eps : sequence of float and float, default (0.9, 0.999) and 1e-8
        As of `Adam`.
    momentum_decay : float, default 0.004
        Warms the momentum up: that of step t is betas[0] * (1 - 0.96 ** (t * momentum_decay) / 2).
    weight_decay, decay, bias_decay : float, {"gradient", "decoupled"} and bool, default 0.0 and "gradient" and True
        As of `Momentum`.

    Raises
    ------
    ValueError
        For numbers out of their range.

    Examples
    --------
    >>> weight = torch.nn.Parameter(torch.tensor([1.0]))
    >>> NAdam([weight], bias_decay=False, weight_decay=0.1).param_groups[0]["weight_decay"]
    0.0
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 2e-3,
        betas: Sequence[float] = (0.9, 0.999),
        eps: float = 1e-8,
        momentum_decay: float = 4e-3,
        weight_decay: float = 0.0,
        decay: Decay = "gradient",
        bias_decay: bool = True,
    ) -> None:
        check_choice("decay", decay, Decay)
        super().__init__(
            decay_groups(params, bias_decay=bias_decay),
            lr=lr,
            betas=tuple(betas),  # type: ignore[arg-type]
            eps=eps,
            weight_decay=weight_decay,
            momentum_decay=momentum_decay,
            decoupled_weight_decay=decay == "decoupled",
        )
