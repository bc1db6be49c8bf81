"""L0 regularisation by hard concrete gates."""

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from lossatlas.optim.choosing import matrices, nonnegative, one_of


class L0:
    """L0 penalty by hard concrete gates: ``coefficient`` times the expected number of weights that are not zero.

    Louizos et al. 2018 (arXiv:1712.01312): each weight is multiplied by a gate z in [0, 1] whose log alpha is trained
    with it. In training z is drawn at each step from u ~ U(0, 1):
    s = sigmoid((log u - log(1 - u) + log alpha) / temperature), z = min(1, max(0, s (upper - lower) + lower)). A gate
    is open with probability sigmoid(log alpha - temperature log(-lower / upper)), which the penalty sums over the
    weights. A network is evaluated with z = min(1, max(0, sigmoid(log alpha) (upper - lower) + lower)), and ends with
    weights that these have multiplied, so that what is closed is exactly zero. ``coefficient`` is the paper's lambda,
    beside the mean loss.

    Parameters
    ----------
    coefficient : float
        Of the expected number of weights.
    gates : str, default "weight"
        One for each "weight", or for each "unit": the inputs of a linear layer and the maps that a convolution gives,
        as in the paper's experiments. Biases and normalisations have none.
    dropped : float, default 0.5
        Probability at the start that s is below 1/2, in (0, 1): log alpha = log((1 - dropped) / dropped).
    temperature : float, default 2/3
        Positive (beta in the paper).
    lower, upper : float, default -0.1 and 1.1
        Ends of what s is stretched to, below 0 and above 1 (gamma and zeta).
    rate : float, default 1
        Learning rate of log alpha in units of that of the weights, positive. The paper's is 1, under Adam; SGD, whose
        steps are as short as the coefficient is small, wants a larger one.

    Raises
    ------
    ValueError
        For settings out of their range, and for a network without weights or whose weights are parametrised.

    Examples
    --------
    >>> l0 = L0(0.1)
    >>> log_alpha = l0.gates({"weight": torch.ones(2, 3)})["weight"]
    >>> round(float(l0.penalty([log_alpha], [torch.ones(2, 3)])), 4)  # 0.1 times 6 of probability sigmoid(2/3 log 11)
    0.4991
    >>> l0.settled(torch.tensor([-9.0, 0.0, 9.0]))
    tensor([0.0000, 0.5000, 1.0000])
    """

    def __init__(
        self,
        coefficient: float,
        gates: str = "weight",
        dropped: float = 0.5,
        temperature: float = 2 / 3,
        lower: float = -0.1,
        upper: float = 1.1,
        rate: float = 1.0,
    ) -> None:
        self.coefficient = nonnegative(coefficient=coefficient)
        self._per = one_of("gates", gates, ("weight", "unit"))
        if not 0 < dropped < 1:
            raise ValueError(f"dropped is a probability and must be in (0, 1), got {dropped}")
        if not temperature > 0:
            raise ValueError(f"temperature must be positive, got {temperature}")
        if not rate > 0:
            raise ValueError(f"rate must be positive, got {rate}")
        if not (lower < 0 and upper > 1):
            raise ValueError(f"lower must be below 0 and upper above 1, got {lower} and {upper}")
        self.rate = rate
        self._start = math.log((1 - dropped) / dropped)
        self._temperature, self._lower, self._upper = temperature, lower, upper

    def gates(self, parameters: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return log alpha at the start for each weight among ``parameters``, of a shape that multiplies it."""
        return {
            name: weight.new_full(self._shape(weight), self._start)
            for name, weight in matrices(parameters).items()
        }

    def _shape(self, weight: Tensor) -> list[int]:
        if self._per == "weight":
            return list(weight.shape)
        unit = 1 if weight.ndim == 2 else 0
        return [size if axis == unit else 1 for axis, size in enumerate(weight.shape)]

    def penalty(self, log_alphas: list[Tensor], weights: list[Tensor]) -> Tensor:
        """Return the penalty, a scalar, of the gates of ``weights``."""
        shift = self._temperature * math.log(-self._lower / self._upper)
        expected = [
            torch.sigmoid(log_alpha - shift).sum() * (weight.numel() / log_alpha.numel())
            for log_alpha, weight in zip(log_alphas, weights, strict=True)
        ]
        return self.coefficient * torch.stack(expected).sum()

    def drawn(self, log_alpha: Tensor) -> Tensor:
        """Return gates in [0, 1], drawn from the default generator of their device."""
        smallest = torch.finfo(log_alpha.dtype).eps  # log 0 has no gradient
        u = torch.rand_like(log_alpha).clamp(smallest, 1 - smallest)
        return self._clipped(torch.sigmoid((u.log() - (-u).log1p() + log_alpha) / self._temperature))

    def settled(self, log_alpha: Tensor) -> Tensor:
        """Return the gates in [0, 1] that a network is evaluated with."""
        return self._clipped(torch.sigmoid(log_alpha))

    def _clipped(self, s: Tensor) -> Tensor:
        return (s * (self._upper - self._lower) + self._lower).clamp(0, 1)
