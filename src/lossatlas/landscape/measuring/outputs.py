"""What a network gives for the inputs of a problem."""

import torch
from torch import Tensor

from lossatlas.landscape.measuring.bench import opened
from lossatlas.landscape.problem import Problem


def outputs(problem: Problem) -> Tensor:
    """The network's outputs for all inputs of all splits, one after the other, in one vector in float64.

    >>> network = torch.nn.Linear(1, 1, bias=False)
    >>> _ = network.weight.data.fill_(2.0)
    >>> data = {"train": (torch.tensor([[1.0], [3.0]]), torch.zeros(2, 1))}
    >>> outputs(Problem(network, torch.nn.MSELoss(), data))
    tensor([2., 6.], dtype=torch.float64)
    """
    with opened(problem) as bench, torch.inference_mode():
        bench.forward.refresh(None)
        batches = [batch for of_split in bench.batches.values() for batch in of_split]
        return torch.cat([bench.forward(inputs).reshape(-1).double() for inputs, _ in batches])
