"""First-order optimizers whose conventions differ from text to text: momentum, AdaGrad, RMSProp, by name."""

from abc import abstractmethod
from collections.abc import Callable, Iterable
from typing import Any, Literal

import torch
from torch import Tensor
from torch.optim import Optimizer

from lossatlas.optim.weight_decay import Decay, check_choice, check_rates, check_share, decay_groups

Tensors = tuple[Tensor, ...] | list[Tensor]


class FirstOrder(Optimizer):
    """Optimizer that moves the parameters of each group by their gradients; subclasses say by how much."""

    def __init__(
        self,
        params: Iterable[Any],
        *,
        lr: float,
        weight_decay: float,
        decay: Decay,
        bias_decay: bool,
        **settings: Any,
    ) -> None:
        check_rates(lr=lr, weight_decay=weight_decay)
        check_choice("decay", decay, Decay)
        defaults = {"lr": lr, "weight_decay": weight_decay, "decay": decay, **settings}
        super().__init__(decay_groups(params, bias_decay=bias_decay), defaults)

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Take a step; ``closure`` evaluates the loss and its gradients first, and what it gives is returned."""
        with torch.enable_grad():
            loss = None if closure is None else closure()
        for group in self.param_groups:
            parameters = [parameter for parameter in group["params"] if parameter.grad is not None]
            if not parameters:
                continue
            gradients: Tensors = [parameter.grad for parameter in parameters]
            if group["weight_decay"] and group["decay"] == "gradient":
                gradients = torch._foreach_add(gradients, parameters, alpha=group["weight_decay"])
            elif group["weight_decay"]:
                torch._foreach_mul_(parameters, 1 - group["lr"] * group["weight_decay"])
            self.move(group, parameters, gradients)
        return loss

    @abstractmethod
    def move(self, group: dict[str, Any], parameters: Tensors, gradients: Tensors) -> None:
        """Move the ``parameters`` of a ``group`` by their ``gradients``, which stay as they are."""

    def kept(self, name: str, parameters: Tensors) -> list[Tensor]:
        """The state ``name`` of each parameter, of its shape, which begins at 0."""
        for parameter in parameters:
            if name not in self.state[parameter]:
                self.state[parameter][name] = torch.zeros_like(parameter)
        return [self.state[parameter][name] for parameter in parameters]


Velocity = Literal["sum", "average", "rate"]
"""What the velocity of `Momentum` gathers."""


class Momentum(FirstOrder):
    """Stochastic gradient descent with momentum, plain or Nesterov's, by three conventions of its velocity.

    With the gradient g, the momentum m and the rate r, a step is one of

    ========= ========================= ====================== ==========================================
    velocity  v becomes                 w becomes              with Nesterov's momentum, w becomes
    ========= ========================= ====================== ==========================================
    sum       m v + g                   w - r v                w - r (g + m v)
    average   m v + (1 - m) g           w - r v                w - r ((1 - m) g + m v)
    rate      m v + r g                 w - v                  w - (r g + m v)
    ========= ========================= ====================== ==========================================

    "sum" is torch's. "average" takes the gradients' running mean, and so needs a rate 1 / (1 - m) times as high.
    "rate" has the rate inside the velocity, as Polyak 1964 and Sutskever et al. 2013: where the rate falls, what was
    gathered at the higher one still acts. At a constant rate it is "sum".

    Parameters
    ----------
    params : iterable
        Parameters, or groups of them.
    lr : float
        Rate r.
    momentum : float, default 0.9
        m, in [0, 1); 0: plain gradient descent.
    nesterov : bool, default False
        Nesterov's momentum, in the form of Sutskever et al. 2013.
    velocity : {"sum", "average", "rate"}, default "sum"
        See above.
    weight_decay : float, default 0.0
        Coefficient.
    decay : {"gradient", "decoupled"}, default "gradient"
        Where it acts: `lossatlas.optim.weight_decay.Decay`.
    bias_decay : bool, default True
        Whether biases and normalisation (parameters of fewer than two dimensions) decay too.

    Raises
    ------
    ValueError
        For a negative rate or coefficient, and a momentum outside [0, 1).

    Examples
    --------
    >>> weight = torch.nn.Parameter(torch.tensor([1.0]))
    >>> optimizer = Momentum([weight], lr=0.1, velocity="average")
    >>> weight.square().sum().backward()
    >>> optimizer.step()
    >>> weight.data  # 1 - 0.1 * (1 - 0.9) * 2
    tensor([0.9800])
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float,
        momentum: float = 0.9,
        nesterov: bool = False,
        velocity: Velocity = "sum",
        weight_decay: float = 0.0,
        decay: Decay = "gradient",
        bias_decay: bool = True,
    ) -> None:
        check_share("momentum", momentum)
        check_choice("velocity", velocity, Velocity)
        settings = {"momentum": momentum, "nesterov": nesterov, "velocity": velocity}
        super().__init__(
            params, lr=lr, weight_decay=weight_decay, decay=decay, bias_decay=bias_decay, **settings
        )

    def descent_rates(self) -> list[float]:
        """How far a constant gradient of 1 moves the parameters of each group in a step at last."""
        return [
            group["lr"] / (1.0 if group["velocity"] == "average" else 1 - group["momentum"])
            for group in self.param_groups
        ]

    def move(self, group: dict[str, Any], parameters: Tensors, gradients: Tensors) -> None:  # noqa: D102
        momentum, rate = group["momentum"], group["lr"]
        share, outer = {"sum": (1.0, rate), "average": (1 - momentum, rate), "rate": (rate, 1.0)}[
            group["velocity"]
        ]
        if not momentum:
            torch._foreach_add_(parameters, gradients, alpha=-rate)
            return
        velocities = self.kept("momentum_buffer", parameters)
        torch._foreach_mul_(velocities, momentum)
        torch._foreach_add_(velocities, gradients, alpha=share)
        if group["nesterov"]:
            torch._foreach_add_(parameters, gradients, alpha=-outer * share)
            torch._foreach_add_(parameters, velocities, alpha=-outer * momentum)
        else:
            torch._foreach_add_(parameters, velocities, alpha=-outer)


Epsilon = Literal["outside", "inside"]
"""Where epsilon keeps a root of squares s from 0: outside of it, sqrt(s) + eps, or inside, sqrt(s + eps)."""


def _root(squares: Tensors, eps: float, epsilon: Epsilon) -> Tensors:
    if epsilon == "inside":
        return torch._foreach_sqrt(torch._foreach_add(squares, eps))
    roots = torch._foreach_sqrt(squares)
    torch._foreach_add_(roots, eps)
    return roots


class AdaGrad(FirstOrder):
    """AdaGrad (Duchi et al. 2011): the rate of each weight over the root of the sum of its squared gradients so far.

    Parameters
    ----------
    params : iterable
        Parameters, or groups of them.
    lr : float, default 0.01
        Rate.
    eps : float, default 1e-10
        Keeps the root from 0.
    epsilon : {"outside", "inside"}, default "outside"
        Where eps is: outside of the root, as torch has it, or inside. It matters to gradients below its root: the first
        step at a gradient of 1e-6, rate 0.01, eps 1e-8 is 9.9e-3 outside, 1.0e-4 inside.
    weight_decay, decay, bias_decay : float, {"gradient", "decoupled"} and bool, default 0.0 and "gradient" and True
        As of `Momentum`.

    Raises
    ------
    ValueError
        For a negative number.

    Examples
    --------
    >>> weight = torch.nn.Parameter(torch.tensor([1.0]))
    >>> optimizer = AdaGrad([weight], lr=0.01, eps=1e-8, epsilon="inside")
    >>> (1e-6 * weight).sum().backward()
    >>> optimizer.step()
    >>> round(1 - weight.item(), 6)
    0.0001
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 0.01,
        eps: float = 1e-10,
        epsilon: Epsilon = "outside",
        weight_decay: float = 0.0,
        decay: Decay = "gradient",
        bias_decay: bool = True,
    ) -> None:
        check_rates(eps=eps)
        check_choice("epsilon", epsilon, Epsilon)
        settings = {"eps": eps, "epsilon": epsilon}
        super().__init__(
            params, lr=lr, weight_decay=weight_decay, decay=decay, bias_decay=bias_decay, **settings
        )

    def move(self, group: dict[str, Any], parameters: Tensors, gradients: Tensors) -> None:  # noqa: D102
        sums = self.kept("sum", parameters)
        torch._foreach_addcmul_(sums, gradients, gradients)
        roots = _root(sums, group["eps"], group["epsilon"])
        torch._foreach_addcdiv_(parameters, gradients, roots, value=-group["lr"])


class RMSProp(FirstOrder):
    """RMSProp (Tieleman & Hinton 2012): the rate of each weight over the root of a running mean of squared gradients.

    Parameters
    ----------
    params : iterable
        Parameters, or groups of them.
    lr : float, default 0.001
        Rate; torch's default is 0.01.
    alpha : float, default 0.9
        Share of the mean that is kept at a step, in [0, 1); torch's default is 0.99.
    eps, epsilon : float and {"outside", "inside"}, default 1e-8 and "outside"
        As of `AdaGrad`.
    momentum : float, default 0.0
        Of the steps before the rate, in [0, 1).
    centered : bool, default False
        Take the square of the gradients' running mean off (Graves 2013): the root is of a variance.
    weight_decay, decay, bias_decay : float, {"gradient", "decoupled"} and bool, default 0.0 and "gradient" and True
        As of `Momentum`.

    Raises
    ------
    ValueError
        For a negative number, and shares outside [0, 1).

    Examples
    --------
    >>> weight = torch.nn.Parameter(torch.tensor([1.0]))
    >>> optimizer = RMSProp([weight], lr=0.001, alpha=0.9)
    >>> (5 * weight).sum().backward()
    >>> optimizer.step()
    >>> round(1 - weight.item(), 6)  # 0.001 / sqrt(1 - 0.9)
    0.003162
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 0.001,
        alpha: float = 0.9,
        eps: float = 1e-8,
        epsilon: Epsilon = "outside",
        momentum: float = 0.0,
        centered: bool = False,
        weight_decay: float = 0.0,
        decay: Decay = "gradient",
        bias_decay: bool = True,
    ) -> None:
        check_rates(eps=eps)
        check_choice("epsilon", epsilon, Epsilon)
        check_share("alpha", alpha)
        check_share("momentum", momentum)
        settings = {
            "alpha": alpha,
            "eps": eps,
            "epsilon": epsilon,
            "momentum": momentum,
            "centered": centered,
        }
        super().__init__(
            params, lr=lr, weight_decay=weight_decay, decay=decay, bias_decay=bias_decay, **settings
        )

    def move(self, group: dict[str, Any], parameters: Tensors, gradients: Tensors) -> None:  # noqa: D102
        alpha = group["alpha"]
        squares = self.kept("square_avg", parameters)
        torch._foreach_mul_(squares, alpha)
        torch._foreach_addcmul_(squares, gradients, gradients, value=1 - alpha)
        spread: Tensors = squares
        if group["centered"]:
            means = self.kept("grad_avg", parameters)
            torch._foreach_lerp_(means, gradients, 1 - alpha)
            spread = torch._foreach_addcmul(squares, means, means, value=-1)
            torch._foreach_clamp_min_(spread, 0.0)  # of constant gradients it is below by rounding
        roots = _root(spread, group["eps"], group["epsilon"])
        if group["momentum"]:
            buffers = self.kept("momentum_buffer", parameters)
            torch._foreach_mul_(buffers, group["momentum"])
            torch._foreach_addcdiv_(buffers, gradients, roots)
            torch._foreach_add_(parameters, buffers, alpha=-group["lr"])
        else:
            torch._foreach_addcdiv_(parameters, gradients, roots, value=-group["lr"])
