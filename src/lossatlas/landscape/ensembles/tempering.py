"""Tempering: the one number that makes a network's probabilities as sure as they are right."""

from math import exp, log

from scipy.optimize import minimize_scalar
from torch import Tensor

from lossatlas.landscape.ensembles.scores import nll

LOWEST, HIGHEST = 0.05, 20.0
"""Temperatures between which the best is sought: a network without an error would have the limit 0."""


def temperature(logits: Tensor, targets: Tensor) -> float:
    """Temperature T at which softmax(logits / T) has the lowest negative log-likelihood, from `LOWEST` to `HIGHEST`.

    The likelihood has a single optimum: its negative logarithm is convex in 1 / T. Classes are told apart as before.

    Parameters
    ----------
    logits : Tensor
        (N, C), in float64.
    targets : Tensor
        Classes, (N,).

    Returns
    -------
    float
        Above 1 for a network that is surer than it is right; NaN where a logit is not finite.

    References
    ----------
    Guo et al. 2017, arXiv:1706.04599, section 4.2 (temperature scaling).

    Examples
    --------
    >>> import torch
    >>> logits = torch.tensor([[4.0, 0.0]], dtype=torch.float64).repeat(4, 1)  # sure to 98 %
    >>> best = temperature(logits, torch.tensor([0, 0, 0, 1]))  # and right in 75 %
    >>> (logits / best).softmax(-1)[0].round(decimals=4)
    tensor([0.7500, 0.2500], dtype=torch.float64)
    """
    if not logits.isfinite().all():
        return float("nan")

    def of(log_temperature: float) -> float:
        return nll((logits / exp(log_temperature)).log_softmax(-1), targets)

    bounds = (log(LOWEST), log(HIGHEST))
    inner = minimize_scalar(of, bounds=bounds, method="bounded", options={"xatol": 1e-8})
    return exp(min((*bounds, float(inner.x)), key=of))


def tempered(logits: Tensor, temperatures: list[float]) -> Tensor:
    """Logits (M, N, C) of M networks, each divided by its temperature.

    >>> import torch
    >>> tempered(torch.ones(2, 1, 1), [1.0, 4.0]).flatten()
    tensor([1.0000, 0.2500])
    """
    return logits / logits.new_tensor(temperatures)[:, None, None]
