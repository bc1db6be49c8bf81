"""Per-example losses; cross-entropy of few classes computed along memory."""

import torch
from torch import Tensor, nn
from torch.func import vmap

from lossatlas.landscape.problem import Loss


def example_losses(function: Loss, outputs: Tensor, targets: Tensor) -> Tensor:
    """Per-example losses, (N,): ``function`` of each example by itself, for ``outputs`` and ``targets`` of N examples.

    >>> example_losses(torch.nn.functional.mse_loss, torch.tensor([[1.0], [2.0]]), torch.zeros(2, 1))
    tensor([1., 4.])
    """
    try:
        return vmap(function)(outputs.unsqueeze(1), targets.unsqueeze(1))
    except RuntimeError:  # a function that decides by the values, which vmap cannot follow
        return one_by_one(function, outputs, targets)


def one_by_one(function: Loss, outputs: Tensor, targets: Tensor) -> Tensor:
    """What `example_losses` gives, slowly, and for any function."""
    pairs = zip(outputs.split(1), targets.split(1), strict=True)
    return torch.stack([function(*pair) for pair in pairs])


_FEW = 32  # classes; with more, torch's own order keeps the vector units as busy


def along_memory(loss: Loss) -> Loss:
    """``loss``, and if it is torch's cross-entropy then in an order of memory that suits few classes.

    Torch vectorises the softmax over the classes, of which there may be fewer than a vector has entries. Given
    as an image of one example it is vectorised over the examples: nine times as fast for ten classes on a CPU.
    Only rounding differs.

    >>> import torch
    >>> loss = along_memory(nn.functional.cross_entropy)
    >>> loss(torch.zeros(3, 2), torch.tensor([0, 1, 1]))  # log 2
    tensor(0.6931)
    """
    if loss is not nn.functional.cross_entropy and type(loss) is not nn.CrossEntropyLoss:
        return loss

    def reordered(outputs: Tensor, targets: Tensor) -> Tensor:
        classes = outputs.ndim == 2 and targets.ndim == 1 and not targets.is_floating_point()
        if classes and outputs.device.type == "cpu" and outputs.shape[1] <= _FEW:
            return loss(outputs.t().unsqueeze(0), targets.unsqueeze(0))
        return loss(outputs, targets)

    return reordered
