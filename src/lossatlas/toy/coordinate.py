"""Where a ball is, as a metric of training."""

import torch
from torch import Tensor
from torchmetrics import Metric


class Coordinate(Metric):
    """Mean of the outputs' entry ``number``, such as the x of a `Point`; targets do not count.

    >>> where = Coordinate(1)
    >>> where.update(torch.tensor([[0.0, 1.0], [0.0, 3.0]]), torch.zeros(2))
    >>> where.compute()
    tensor(2., dtype=torch.float64)
    """

    full_state_update = False
    total: Tensor
    count: Tensor

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number
        self.add_state("total", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("count", torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")

    def update(self, outputs: Tensor, targets: Tensor) -> None:
        """Take in the ``outputs``, (B, d), of a batch."""
        self.total += outputs[:, self.number].double().sum()
        self.count += len(outputs)

    def compute(self) -> Tensor:
        """Return the mean over all examples so far."""
        return self.total / self.count
