"""Penalties that are added to the training loss: L1, L2, elastic net, orthogonality."""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from lossatlas.optim.choosing import chosen, matrices, nonnegative, one_of


class L2:
    """L2 penalty: half of ``weight_decay`` times the sum of squares of all parameters, biases and scales included.

    Its gradient is weight_decay * w: for plain or momentum SGD the same as ``weight_decay`` of torch's
    optimizer, with which it should not be combined.

    Parameters
    ----------
    weight_decay : float
        Twice the coefficient of the sum of squares.
    parameters : str, default "all"
        "weights" leaves out tensors of one dimension: biases, and scales and shifts of normalisation.

    Raises
    ------
    ValueError
        If negative, or for another word.

    Examples
    --------
    >>> L2(0.1)({"weight": torch.tensor([3.0, 4.0])})
    tensor(1.2500)
    """

    def __init__(self, weight_decay: float, parameters: str = "all") -> None:
        self.weight_decay = nonnegative(weight_decay=weight_decay)
        self.parameters = one_of("parameters", parameters, ("all", "weights"))

    def __call__(self, parameters: Mapping[str, Tensor]) -> Tensor:
        """Return the penalty of ``parameters``, a scalar."""
        squares = [parameter.square().sum() for parameter in chosen(parameters, self.parameters).values()]
        return 0.5 * self.weight_decay * torch.stack(squares).sum()


class L1:
    """L1 penalty (lasso, Tibshirani 1996): ``coefficient`` times the sum of absolute values.

    With ``step`` "subgradient" it is part of the loss, and its gradient ``coefficient`` * sign(w). That leaves weights
    near zero, hardly any at it. With "proximal" the loss has no gradient by it; after each step of the optimizer, at
    the rate eta, each w becomes sign(w) max(|w| - eta coefficient, 0), which is what w' minimises in
    (w' - w)^2 / (2 eta) + coefficient |w'|. For plain SGD that is proximal gradient descent (ISTA: Daubechies et al.
    2004, Beck & Teboulle 2009), and zeros are exact. With momentum m eta is the rate over 1 - m, by which weights come
    to rest at the same penalised minimum; adaptive optimizers are refused.

    Parameters
    ----------
    coefficient : float
        Of the sum of absolute values.
    step : str, default "subgradient"
        Or "proximal".
    parameters : str, default "all"
        "weights" leaves out tensors of one dimension: biases, and scales and shifts of normalisation.

    Raises
    ------
    ValueError
        If negative, or for another word.

    Examples
    --------
    >>> weights = {"weight": torch.tensor([3.0, -4.0, 0.05])}
    >>> L1(0.1)(weights)
    tensor(0.7050)
    >>> L1(0.1, step="proximal").project(weights, {"weight": 1.0})
    >>> weights["weight"]
    tensor([ 2.9000, -3.9000,  0.0000])
    """

    def __init__(self, coefficient: float, step: str = "subgradient", parameters: str = "all") -> None:
        self.coefficient = nonnegative(coefficient=coefficient)
        self.step = one_of("step", step, ("subgradient", "proximal"))
        self.parameters = one_of("parameters", parameters, ("all", "weights"))

    def __call__(self, parameters: Mapping[str, Tensor]) -> Tensor:
        """Return the penalty of ``parameters``, a scalar; with proximal steps it has no gradient."""
        sums = [parameter.abs().sum() for parameter in chosen(parameters, self.parameters).values()]
        penalty = self.coefficient * torch.stack(sums).sum()
        return penalty.detach() if self.step == "proximal" else penalty

    @property
    def goes_by_rates(self) -> bool:
        """Whether it takes an optimizer of which a gradient's step is a rate times the gradient."""
        return self.step == "proximal"

    @property
    def project(self) -> Callable[[Mapping[str, Tensor], Mapping[str, float]], None] | None:
        """Proximal step on parameters by name, at the learning rates of these; None for the subgradient."""
        return self._shrink if self.step == "proximal" else None

    @torch.no_grad()
    def _shrink(self, parameters: Mapping[str, Tensor], rates: Mapping[str, float]) -> None:
        for name, parameter in chosen(parameters, self.parameters).items():
            parameter.copy_(torch.nn.functional.softshrink(parameter, rates[name] * self.coefficient))


class ElasticNet(L1):
    """Elastic net (Zou & Hastie 2005): a share of the L1 penalty, the rest of the L2 penalty.

    alpha (l1_ratio sum |w| + (1 - l1_ratio) / 2 sum w^2), as in scikit-learn's ElasticNet. With ``step`` "proximal" the
    absolute values act as those of `L1` do, and the squares stay in the loss.

    Parameters
    ----------
    alpha : float
        Coefficient of both.
    l1_ratio : float, default 0.5
        Share of the absolute values, in [0, 1].
    step, parameters : str
        As of `L1`.

    Raises
    ------
    ValueError
        If ``alpha`` is negative or the share none, or for another word.

    Examples
    --------
    >>> ElasticNet(0.1, l1_ratio=0.5)({"weight": torch.tensor([3.0, -4.0])})  # 0.05 * 7 + 0.025 * 25
    tensor(0.9750)
    """

    def __init__(
        self, alpha: float, l1_ratio: float = 0.5, step: str = "subgradient", parameters: str = "all"
    ) -> None:
        nonnegative(alpha=alpha)
        if not 0 <= l1_ratio <= 1:
            raise ValueError(f"l1_ratio is a share and must be in [0, 1], got {l1_ratio}")
        super().__init__(alpha * l1_ratio, step, parameters)
        self._squares = L2(alpha * (1 - l1_ratio), parameters)

    def __call__(self, parameters: Mapping[str, Tensor]) -> Tensor:
        """Return the penalty of ``parameters``, a scalar; with proximal steps only the squares have a gradient."""
        return super().__call__(parameters) + self._squares(parameters)


class Orthogonality:
    """Orthogonality penalty: ``coefficient`` times the sum over weights of ||G - I||_F^2.

    G is the Gram matrix of a weight's rows, W W', or of its columns where these are fewer, W being (out, in), or
    (out, in * height * width) of a convolution: the soft orthogonality of Bansal et al. 2018 (arXiv:1810.09102),
    with the side that can be orthonormal. With the singular values s of W it is coefficient * sum (s^2 - 1)^2. With
    ``norms`` "free" only the entries off the diagonal count, as in Brock et al. 2019 (arXiv:1809.11096).

    Parameters
    ----------
    coefficient : float
        Of the sum of squares.
    norms : str, default "one"
        What the norms of rows or columns are to be: "one", or "free".

    Raises
    ------
    ValueError
        If negative, for another word, and for weights that are parametrised.

    Examples
    --------
    >>> Orthogonality(0.5)({"weight": torch.diag(torch.tensor([1.0, 2.0]))})
    tensor(4.5000)
    >>> Orthogonality(0.5, norms="free")({"weight": torch.diag(torch.tensor([1.0, 2.0]))})
    tensor(0.)
    """

    def __init__(self, coefficient: float, norms: str = "one") -> None:
        self.coefficient = nonnegative(coefficient=coefficient)
        self.norms = one_of("norms", norms, ("one", "free"))

    def __call__(self, parameters: Mapping[str, Tensor]) -> Tensor:
        """Return the penalty of ``parameters``, a scalar."""
        return self.coefficient * torch.stack([self._of(w) for w in matrices(parameters).values()]).sum()

    def _of(self, weight: Tensor) -> Tensor:
        matrix = weight.flatten(1)
        gram = matrix @ matrix.T if len(matrix) <= matrix.shape[1] else matrix.T @ matrix
        wanted = torch.eye(len(gram), dtype=gram.dtype, device=gram.device)
        return (gram - (wanted if self.norms == "one" else gram.diag().diag())).square().sum()
