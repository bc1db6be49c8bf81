"""Subsampling of examples, and standard errors of the means over them."""

import torch
from torch import Tensor

from lossatlas.landscape.engine import Engine
from lossatlas.landscape.problem import Split
from lossatlas.seeds import generator


def subsampled(tensors: Split, split: str, engine: Engine) -> Split:
    """The examples of ``split`` that ``engine`` measures on, in their order; all if there are no more than it takes.

    They are drawn without replacement from the engine's seed and the split's name: the same at all points, so
    that points differ by the weights alone (common random numbers).

    >>> inputs, _ = subsampled((torch.arange(100), torch.zeros(100)), "train", Engine(subsample=3))
    >>> len(inputs)
    3
    """
    inputs, targets = tensors
    if engine.subsample is None or engine.subsample >= len(targets):
        return tensors
    rng = generator(engine.subsample_seed, f"subsample {split}")
    drawn = torch.randperm(len(targets), generator=rng)[: engine.subsample].sort().values.to(targets.device)
    return inputs[drawn], targets[drawn]


def squares(values: Tensor, population: Tensor) -> Tensor:
    """Sums of a batch from which `standard_error` is made, (4,): of 1, ``values``, their squares, ``population``.

    ``values``: (n,). ``population``: of how many examples those of the batch stand for.
    """
    values = values.double()
    return torch.stack(
        [torch.full_like(population, len(values)), values.sum(), values.square().sum(), population]
    )


def standard_error(sums: Tensor) -> Tensor:
    """Standard error of a mean over n of N examples drawn without replacement, (1,), from summed `squares`.

    s / sqrt(n) * sqrt(1 - n / N), with s**2 the variance of the n values over n - 1 (Cochran, Sampling Techniques,
    1977, theorem 2.2): 0 if n = N, NaN if n = 1 < N.

    >>> standard_error(squares(torch.tensor([0.0, 4.0]), torch.tensor(8.0, dtype=torch.float64)))
    tensor([1.7321], dtype=torch.float64)
    """
    n, total, squared, population = sums
    variance = (squared - total.square() / n).clamp(min=0) / (n - 1)
    error = (variance / n * (1 - n / population)).sqrt()
    return torch.where(n == population, torch.zeros_like(error), error).reshape(1)
