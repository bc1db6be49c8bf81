"""The gradient of the loss over a whole split, and lines along it."""

from collections.abc import Sequence

import torch
from torch import Tensor

from lossatlas.landscape.directions.direction_set import DirectionSet, fixed_directions
from lossatlas.landscape.forward import widened
from lossatlas.landscape.measuring.differentiating import check_gradient, differentiable, outputs_of
from lossatlas.landscape.measuring.prepared import Batches, PreparedProblem, prepared
from lossatlas.landscape.problem import Problem
from lossatlas.weight_space import Weights


def loss_and_gradient(ready: PreparedProblem, split: str) -> tuple[float, Weights]:
    """Mean loss over ``split`` and its gradient at the prepared problem's present weights, by the parameters' names.

    Both are added up in float32 at least.

    >>> from lossatlas.landscape.measuring.prepared import prepared
    >>> from lossatlas.landscape.engine import Engine
    >>> from lossatlas.landscape.problem import Problem
    >>> data = {"train": (torch.ones(3, 1), torch.tensor([[0.0], [0.0], [3.0]]))}
    >>> problem = Problem(torch.nn.Linear(1, 1, bias=False), torch.nn.MSELoss(), data)
    >>> with prepared(problem, engine=Engine(batch_size=2)) as ready:
    ...     _ = ready.weights["weight"].fill_(2.0)
    ...     loss_and_gradient(ready, "train")  # (4 + 4 + 1) / 3, and 2 (2 + 2 - 1) / 3
    (3.0, {'weight': tensor([[2.]])})
    """
    ready.settle()
    return loss_and_gradient_over(ready, ready.batches[split])


def loss_and_gradient_over(ready: PreparedProblem, batches: Batches) -> tuple[float, Weights]:
    """`loss_and_gradient` over the examples of ``batches``, such as a minibatch, of a network that is settled."""
    leaves = {
        name: ready.weights[name].detach().requires_grad_() for name, _ in ready.model.named_parameters()
    }
    total = sum(len(targets) for _, targets in batches)
    gradient = [widened(torch.zeros_like(leaf)) for leaf in leaves.values()]
    losses = []
    for inputs, targets in batches:
        with differentiable():
            loss = ready.loss(outputs_of(ready, leaves, inputs), targets)
        parts = torch.autograd.grad(loss, list(leaves.values()), allow_unused=True, materialize_grads=True)
        torch._foreach_add_(gradient, [widened(part) for part in parts], alpha=len(targets) / total)
        losses.append(loss.detach())
    return _mean_loss(losses, batches), dict(zip(leaves, gradient, strict=True))


def _mean_loss(losses: Sequence[Tensor], batches: Batches) -> float:
    """Mean over the split of the ``losses`` of its batches, in float64; one transfer from the device."""
    lengths = torch.tensor([len(targets) for _, targets in batches], dtype=torch.float64)
    return (torch.dot(torch.stack(list(losses)).cpu().double(), lengths) / lengths.sum()).item()


class GradientDirections:
    """The gradient of the mean loss over ``split``, uphill; the loss falls on the negative side.

    Without rescaling, a step of -x is one of gradient descent at the learning rate x.

    Parameters
    ----------
    split : str, default "train"
        Part of the data over which the loss is averaged.
    normalize : {"none", "filter", "layer", "weight"}, default "none"
        Rescale to the size of each filter, layer or weight, or not at all (`normalize_direction`).
    ignore : {"none", "biasbn"}, default "none"
        Tensors that become zero: none, or those of fewer than two dimensions (biases, normalisation layers).

    Examples
    --------
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

    def of(self, problem: Problem) -> DirectionSet:
        """The direction at the network of ``problem``.

        ValueError for an unknown split, if it is zero, and where torch does not know it (`check_gradient`).
        """
        with prepared(problem, splits=[self._split]) as ready:
            check_gradient(ready, self._split)
            _, gradient = loss_and_gradient(ready, self._split)
        return fixed_directions(
            "gradient", [gradient], self._options, problem.model, gradient_split=self._split
        )
