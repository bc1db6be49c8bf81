"""The gradient as a direction."""

from lossatlas.landscape.along.axes import Axes, fixed_axes
from lossatlas.landscape.gradient import loss_and_gradient
from lossatlas.landscape.measuring.bench import opened
from lossatlas.landscape.problem import Problem


class GradientDirections:
    """The gradient of the mean loss over ``split``, uphill; the loss falls on the negative side.

    Without rescaling, a step of -x is one of gradient descent at the learning rate x; the other options are
    those of `GivenDirections`.

    >>> import torch
    >>> from torch import nn
    >>> data = {"train": (torch.ones(3, 1), torch.zeros(3, 1))}
    >>> problem = Problem(nn.Linear(1, 1, bias=False), nn.MSELoss(), data)
    >>> _ = problem.model.weight.data.fill_(2.0)
    >>> GradientDirections().of(problem).draw(0)
    {'weight': tensor([[4.]])}
    """

    def __init__(self, split: str = "train", normalize: str = "none", ignore: str = "none") -> None:
        self._split = split
        self._options = {"normalize": normalize, "ignore": ignore}

    def of(self, problem: Problem) -> Axes:
        """The direction at the network of ``problem``. ValueError for an unknown split, or if it is zero."""
        with opened(problem, splits=[self._split]) as bench:
            _, gradient = loss_and_gradient(bench, self._split)
        return fixed_axes("gradient", [gradient], self._options, problem.model, gradient_split=self._split)
