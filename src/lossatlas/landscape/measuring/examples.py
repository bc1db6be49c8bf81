"""Drawing examples of a split that lies in batches."""

from collections.abc import Sequence

import torch
from torch import Tensor

from lossatlas.landscape.measuring.prepared import Batches
from lossatlas.seeds import generator


def examples_drawn(batches: Batches, examples: int, seed: int) -> list[int]:
    """Positions in the split of the examples that are drawn without replacement, ascending; all if there are no more.

    >>> examples_drawn([(torch.zeros(4, 1), torch.zeros(4)), (torch.zeros(1, 1), torch.zeros(1))], 9, seed=0)
    [0, 1, 2, 3, 4]
    """
    total = sum(len(targets) for _, targets in batches)
    return sorted(torch.randperm(total, generator=generator(seed, "examples"))[:examples].tolist())


def examples_at(batches: Batches, positions: Sequence[int]) -> tuple[Tensor, Tensor]:
    """Inputs and targets of the examples at ``positions`` in the split.

    >>> batches = [(torch.tensor([[0.0], [1.0]]), torch.tensor([5, 6])), (torch.tensor([[2.0]]), torch.tensor([7]))]
    >>> examples_at(batches, [2, 0])
    (tensor([[2.],
            [0.]]), tensor([7, 5]))
    """
    size = len(batches[0][1])  # of all batches but the last
    chosen = [(batches[position // size], position % size) for position in positions]
    inputs = torch.stack([batch[0][place] for batch, place in chosen])
    return inputs, torch.stack([batch[1][place] for batch, place in chosen])
