"""Sharpness-aware minimisation around any optimizer."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from lossatlas.optim.composed import Composed
from lossatlas.optim.stepping import has_modes, needs_closure
from lossatlas.optim.weight_decay import check_rates


class SAM(Composed):
    """Sharpness-aware minimisation (SAM): an optimizer stepped by the gradient where the loss near by is highest.

    Foret et al. 2021 (arXiv:2010.01412), equations 2 and 3: to first order, the loss within ``rho`` is highest at
    w + rho g / |g|, of all parameters together; the gradient there moves w. Adaptive (ASAM, Kwon et al. 2021,
    arXiv:2102.11600): at w + rho w^2 g / ||w| g|, which does not change with the scale of the weights. A step is two
    evaluations. The base's weight decay is that at w, as in the paper's code.

    Parameters
    ----------
    params : iterable
        Parameters, or groups of them.
    base : Callable
        From parameters to the optimizer that is stepped.
    rho : float, default 0.05
        Radius of the neighbourhood.
    adaptive : bool, default False
        See above; radii are about ten times as large then.

    Raises
    ------
    ValueError
        For a negative radius, and a base that evaluates the loss itself or has modes of its own.

    Examples
    --------
    >>> from functools import partial
    >>> weight = torch.nn.Parameter(torch.tensor([1.0]))
    >>> optimizer = SAM([weight], partial(torch.optim.SGD, lr=0.1), rho=0.5)
    >>> def closure():
    ...     optimizer.zero_grad()
    ...     loss = weight.square().sum()
    ...     loss.backward()
    ...     return loss.item()
    >>> optimizer.step(closure), weight.data  # 1 - 0.1 * 2 * 1.5
    (1.0, tensor([0.7000]))
    """

    keeps_statistics = True

    def __init__(
        self,
        params: Iterable[Any],
        base: Callable[[Iterable[Any]], Optimizer],
        rho: float = 0.05,
        adaptive: bool = False,
    ) -> None:
        check_rates(rho=rho)
        stepped = base(params)
        if needs_closure(stepped) or has_modes(stepped):
            raise ValueError(
                f"base: {type(stepped).__name__} evaluates the loss, or has its weights evaluated, in ways of its own: "
                "expected an optimizer that is stepped by gradients alone"
            )
        super().__init__([stepped])
        self.rho = rho
        self.adaptive = adaptive

    @torch.no_grad()
    def step(self, closure: Callable[[], Any]) -> Any:  # type: ignore[override]
        """Take a step; what ``closure`` gives at the parameters before it is returned."""
        with torch.enable_grad():
            returned = closure()
        moved = [p for group in self.param_groups for p in group["params"] if p.grad is not None]
        if moved:
            before = [parameter.clone() for parameter in moved]
            torch._foreach_add_(moved, self._climb(moved))
            with torch.enable_grad():
                closure()
            torch._foreach_copy_(moved, before)
        self.share()
        self.parts[0].step()
        return returned

    def _climb(self, parameters: list[Tensor]) -> list[Tensor]:
        """Where the loss within the radius is highest, seen from the parameters."""
        gradients: Any = [parameter.grad for parameter in parameters]
        sizes = torch._foreach_abs(parameters) if self.adaptive else None
        scaled = gradients if sizes is None else torch._foreach_mul(gradients, sizes)
        norm = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(scaled)))
        climb = torch._foreach_mul(scaled, self.rho / (norm + 1e-12))
        return list(climb if sizes is None else torch._foreach_mul(climb, sizes))
