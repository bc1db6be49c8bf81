"""Compression of a finished network: what pruned and quantised weights do to its loss, and what they take to store."""

from collections.abc import Sequence
from math import ceil
from pathlib import Path

import numpy as np
import torch
import xarray as xr
from torch import Tensor, nn

from lossatlas.landscape.engine import EXACT, Engine
from lossatlas.landscape.mapping.map_points import Progress
from lossatlas.landscape.measuring.evaluate import evaluate
from lossatlas.landscape.problem import Problem
from lossatlas.landscape.shapes.grid import Grid, axis
from lossatlas.landscape.survey import survey
from lossatlas.weight_space import Weights, acting_weights, parameters, state

_WHOLE = 32  # bits of a number that is not quantised


@survey(products=None)
def compression(
    problem: Problem,
    *,
    kept: Sequence[float] = (1.0, 0.7, 0.5, 0.3, 0.2, 0.1),
    bits: Sequence[int] = (32, 8, 6, 5, 4, 3),
    splits: Sequence[str] | None = None,
    engine: Engine = EXACT,
    journal: str | Path | None = None,
    progress: Progress | None = None,
) -> xr.Dataset:
    """Loss and size of the network with its weights pruned and quantised, without training it again.

    "Weights" are the parameters of two or more dimensions, of which each is treated by itself: all but its largest
    entries, by absolute value, become zero (Han et al. 2015); each of those left becomes the nearest of 2^b values
    that lie evenly from the least to the largest of them, as b bits can number.

    Parameters
    ----------
    problem : Problem
        Network, loss and data; left as they were.
    kept : sequence of float, default (1.0, 0.7, 0.5, 0.3, 0.2, 0.1)
        Shares of each weight's n entries that are left, in (0, 1]: the next whole number above ``kept`` n.
    bits : sequence of int, default (32, 8, 6, 5, 4, 3)
        Bits b of an entry, from 1 to 32; 32: not quantised.
    splits : sequence of str, optional
        Parts of the data to measure; None: all.
    engine : Engine, optional
        Precision, batches, statistics of batch norm; by default exact to float32 rounding.
    journal : str or Path, optional
        File that keeps finished points, from which an interrupted survey goes on (`Journal`); None: nothing is kept.
    progress : callable, optional
        Called with the numbers of finished and of all points; may raise to stop the survey.

    Returns
    -------
    xr.Dataset
        Dimensionless ``loss`` and, where targets are classes, ``error`` over (kept, bits, split), and the scalar
        ``parameters``, their number. In bytes, ``size`` over (kept, bits) and the scalar ``whole``, the size of the
        network as it is. Of a weight with n entries, of which k are left, b k bits are counted, n bits that say which
        are left if not all are, and 64 bits for the least and largest value if they are quantised; of every other
        parameter and running statistic 32 bits an entry. Names, shapes and counters are not counted, and entropy
        coding, which would save more, is not done.

    Raises
    ------
    ValueError
        For a value out of its range or twice, for a network without weights, and for one whose weights are made of
        others by a parametrization.

    References
    ----------
    Han et al. 2015, arXiv:1506.02626; Han et al. 2016, arXiv:1510.00149, which trains between the steps.

    Examples
    --------
    >>> model = nn.Linear(4, 1, bias=False)
    >>> _ = model.weight.data.copy_(torch.tensor([[1.0, -3.0, 0.5, 2.0]]))
    >>> problem = Problem(model, nn.MSELoss(), {"train": (torch.eye(4), torch.zeros(4, 1))})
    >>> dataset = compression(problem, kept=[1.0, 0.5], bits=[32, 1])
    >>> dataset["size"].sel(bits=32).values, dataset["whole"].item()  # with a mask of 4 bits: 68 bits, 8.5 bytes
    (array([16. ,  8.5]), 16.0)
    >>> dataset.loss.sel(bits=32, split="train").values  # (9 + 4) / 4 without the two smallest
    array([3.5625, 3.25  ])
    """
    weights = _weights(problem.model)
    _check(kept, bits)

    def place(out: Weights, share: float, width: float) -> None:
        for name, tensor in weights.items():
            out[name].copy_(quantised(pruned(tensor, share), int(width)))

    axes = {
        "kept": axis("kept", list(kept), "share of the weights that are left"),
        "bits": axis("bits", list(bits), "bits of a weight"),
    }
    dataset = evaluate(
        problem,
        Grid(axes, place),
        splits=splits,
        engine=engine,
        journal=journal,
        progress=progress,
        attributes={"survey": "compression"},
    )
    others = [tensor for name, tensor in state(problem.model).items() if name not in weights]
    rest = _WHOLE * sum(tensor.numel() for tensor in others)
    numbers = [tensor.numel() for tensor in weights.values()]
    sizes = [
        [(rest + sum(stored_bits(n, share, width) for n in numbers)) / 8 for width in bits] for share in kept
    ]
    counted = sum(tensor.numel() for tensor in parameters(problem.model).values())
    whole = (rest + _WHOLE * sum(numbers)) / 8
    return dataset.assign(
        size=(("kept", "bits"), sizes, {"long_name": "size of the compressed network", "units": "B"}),
        whole=((), whole, {"long_name": "size of the network as it is", "units": "B"}),
        parameters=((), counted, {"long_name": "number of parameters", "units": "1"}),
    )


def pruned(tensor: Tensor, kept: float) -> Tensor:
    """``tensor`` with zeros for all but the next whole number above ``kept`` times its size of largest entries.

    >>> pruned(torch.tensor([[1.0, -3.0], [0.5, 2.0]]), 0.5)
    tensor([[ 0., -3.],
            [ 0.,  2.]])
    """
    order = tensor.abs().flatten().argsort(descending=True, stable=True)
    left = torch.zeros_like(tensor).flatten()
    chosen = order[: _left(tensor.numel(), kept)]
    left[chosen] = tensor.flatten()[chosen]
    return left.view_as(tensor)


def quantised(tensor: Tensor, bits: int) -> Tensor:
    """``tensor`` with each entry but zeros at the nearest of 2^``bits`` values from the least to the largest of these.

    >>> quantised(torch.tensor([-1.0, 0.0, 0.4, 0.9, 2.0]), 2)
    tensor([-1.,  0.,  0.,  1.,  2.])
    """
    there = tensor[tensor != 0].double()
    if bits == _WHOLE or not len(there) or bool(there.min() == there.max()):
        return tensor
    least, steps = there.min(), 2**bits - 1
    spacing = (there.max() - least) / steps
    rounded = least + ((tensor.double() - least) / spacing).round() * spacing
    return torch.where(tensor == 0, 0.0, rounded).to(tensor.dtype)


def stored_bits(entries: int, kept: float, bits: int) -> int:
    """Bits that a weight of so many entries takes: those left, a mask unless all are, and the ends of what they take.

    >>> stored_bits(100, 1.0, 32), stored_bits(100, 0.5, 32), stored_bits(100, 0.5, 6)
    (3200, 1700, 464)
    """
    left = _left(entries, kept)
    return bits * left + (entries if left < entries else 0) + (2 * _WHOLE if bits < _WHOLE else 0)


def _left(entries: int, kept: float) -> int:
    return ceil(round(kept * entries, 6))  # 0.07 * 100 is 7.000000000000001


def _weights(model: nn.Module) -> Weights:
    """Parameters of two or more dimensions, which are those that act."""
    stored = parameters(model)
    if made := acting_weights(model).keys() - stored.keys():
        raise ValueError(
            f"{min(made)} is made of other tensors, by a parametrization or a hook, and those are what is stored: "
            "expected a network without, such as one with normalization=batch"
        )
    found = {name: tensor for name, tensor in stored.items() if tensor.ndim >= 2}
    if not found:
        raise ValueError("the network has no parameter of two or more dimensions to prune or quantise")
    return found


def _check(kept: Sequence[float], bits: Sequence[int]) -> None:
    if not len(kept) or not all(0 < share <= 1 for share in kept) or len(set(kept)) < len(kept):
        raise ValueError(f"kept must be different shares in (0, 1], got {list(kept)}")
    whole = all(isinstance(width, int | np.integer) and 1 <= width <= _WHOLE for width in bits)
    if not len(bits) or not whole or len(set(bits)) < len(bits):
        raise ValueError(f"bits must be different whole numbers from 1 to {_WHOLE}, got {list(bits)}")
