"""Gaussian noise on the weights, and on their gradients, in training."""

from collections.abc import Mapping

import torch
from torch import Tensor

from lossatlas.optim.choosing import chosen, nonnegative, one_of


class WeightNoise:
    """Gaussian noise on the weights: loss and gradient of a step are those at w + ``std`` N(0, 1).

    Drawn anew at each step and taken off again before the weights are changed; networks are evaluated without. Of
    expected loss it is a penalty on its curvature, std^2 / 2 times the trace of the Hessian (Murray & Edwards 1994; for
    recurrent networks Graves 2011).

    Parameters
    ----------
    std : float
        Standard deviation.
    relative : bool, default False
        In units of the root mean square of each tensor.
    parameters : str, default "weights"
        Tensors of two dimensions or more, or "all".

    Raises
    ------
    ValueError
        If negative, or for another word.

    Examples
    --------
    >>> weights = {"weight": torch.zeros(1000, 10)}
    >>> round(float(WeightNoise(0.1).perturbed(weights)["weight"].std()), 2), bool(weights["weight"].any())
    (0.1, False)
    """

    def __init__(self, std: float, relative: bool = False, parameters: str = "weights") -> None:
        self.std = nonnegative(std=std)
        self.relative = relative
        self.parameters = one_of("parameters", parameters, ("all", "weights"))

    def perturbed(self, parameters: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return those of ``parameters`` that have noise, with it."""
        return {
            name: parameter + self._scale(parameter) * torch.randn_like(parameter)
            for name, parameter in chosen(parameters, self.parameters).items()
        }

    def _scale(self, parameter: Tensor) -> Tensor | float:
        return self.std * parameter.detach().square().mean().sqrt() if self.relative else self.std


class GradientNoise:
    """Gaussian noise on the gradients, of variance ``eta`` / (1 + t)^``gamma`` at step t = 0, 1, ...

    Neelakantan et al. 2015 (arXiv:1511.06807), who take eta of 0.01, 0.3 and 1.0. It comes before clipping.

    Parameters
    ----------
    eta : float
        Variance at the first step.
    gamma : float, default 0.55
        Power by which it falls; 0: it stays.

    Raises
    ------
    ValueError
        If negative.

    Examples
    --------
    >>> weight = torch.zeros(1000, 10)
    >>> weight.grad = torch.zeros_like(weight)
    >>> GradientNoise(0.01, gamma=0.5).change_gradients({"weight": weight}, step=15)
    >>> round(float(weight.grad.std()), 3)  # 0.1 / 16^0.25
    0.05
    """

    def __init__(self, eta: float, gamma: float = 0.55) -> None:
        self.eta = nonnegative(eta=eta)
        self.gamma = nonnegative(gamma=gamma)

    @torch.no_grad()
    def change_gradients(self, parameters: Mapping[str, Tensor], step: int) -> None:
        """Add noise to the gradients of ``parameters``, drawn from the default generator of their device."""
        std = (self.eta / (1 + step) ** self.gamma) ** 0.5
        for parameter in parameters.values():
            if parameter.grad is not None:
                parameter.grad.add_(torch.randn_like(parameter.grad), alpha=std)
