"""The squared error of a classifier, whose outputs are held against one-hot targets."""

from torch import Tensor, nn
from torch.nn.functional import one_hot


class SquaredError(nn.Module):
    """Half the squared distance of the outputs from the one-hot target, in the mean over a batch.

    As a function of the outputs it is a bowl that is equally steep at every distance, where cross-entropy flattens:
    gradient descent at too large a rate leaves every bound. Called with outputs (B, C) and targets, classes (B,) or
    probabilities (B, C).

    Examples
    --------
    >>> import torch
    >>> SquaredError()(torch.tensor([[1.0, 0.0], [0.0, 2.0]]), torch.tensor([0, 0]))  # (0 + 1 + 4) / 2, of two
    tensor(1.2500)
    """

    def __init__(self) -> None:
        super().__init__()  # which would take any argument

    def forward(self, outputs: Tensor, targets: Tensor) -> Tensor:  # noqa: D102
        wanted = targets if targets.is_floating_point() else one_hot(targets, outputs.shape[-1]).to(outputs)
        return (outputs - wanted).square().sum(-1).mean() / 2
