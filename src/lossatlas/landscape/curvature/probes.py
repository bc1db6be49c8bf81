"""Random vectors by which a matrix is probed."""

import torch
from torch import Tensor

from lossatlas.landscape.curvature.operators import SymmetricOperator
from lossatlas.seeds import generator


def probe(operator: SymmetricOperator, seed: int, index: int, stream: str = "probe") -> Tensor:
    """Vector (n,) of independent signs, each +1 or -1 with equal probability (Rademacher).

    A pure function of ``seed``, ``index`` and ``stream``: the same whichever probes came before, on every
    device.

    >>> class Identity:
    ...     n, dtype, device = 4, torch.float32, torch.device("cpu")
    >>> probe(Identity, 0, 2).abs()
    tensor([1., 1., 1., 1.])
    """
    rng = generator(seed, stream, index)
    signs = torch.randint(2, (operator.n,), generator=rng, dtype=torch.int8).mul_(2).sub_(1)
    return signs.to(operator.device, operator.dtype)


def inner(first: Tensor, second: Tensor) -> float:
    """Inner product of two vectors, (n,) each, added up in float64.

    >>> inner(torch.tensor([1.0, 2.0]), torch.tensor([3.0, 4.0]))
    11.0
    """
    return torch.dot(first.double(), second.double()).item()
