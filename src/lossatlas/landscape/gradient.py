"""The gradient of the loss over a whole split."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.func import functional_call

from lossatlas.landscape.measuring.bench import Batches, Bench
from lossatlas.landscape.weight_space import Weights


def loss_and_gradient(bench: Bench, split: str) -> tuple[float, Weights]:
    """Mean loss over ``split`` and its gradient at the bench's present weights, by the parameters' names.

    >>> from lossatlas.landscape.measuring.bench import opened
    >>> from lossatlas.landscape.engine import Engine
    >>> from lossatlas.landscape.problem import Problem
    >>> data = {"train": (torch.ones(3, 1), torch.tensor([[0.0], [0.0], [3.0]]))}
    >>> problem = Problem(torch.nn.Linear(1, 1, bias=False), torch.nn.MSELoss(), data)
    >>> with opened(problem, engine=Engine(batch_size=2)) as bench:
    ...     _ = bench.weights["weight"].fill_(2.0)
    ...     loss_and_gradient(bench, "train")  # (4 + 4 + 1) / 3, and 2 (2 + 2 - 1) / 3
    (3.0, {'weight': tensor([[2.]])})
    """
    batches = bench.batches[split]
    leaves = {
        name: bench.weights[name].detach().requires_grad_() for name, _ in bench.model.named_parameters()
    }
    total = sum(len(targets) for _, targets in batches)
    gradient = [torch.zeros_like(leaf) for leaf in leaves.values()]
    losses = []
    for inputs, targets in batches:
        with torch.enable_grad():
            loss = bench.loss(functional_call(bench.model, leaves, (inputs,)), targets)
        parts = torch.autograd.grad(loss, list(leaves.values()), allow_unused=True, materialize_grads=True)
        torch._foreach_add_(gradient, parts, alpha=len(targets) / total)
        losses.append(loss.detach())
    return mean_loss(losses, batches), dict(zip(leaves, gradient, strict=True))


def mean_loss(losses: Sequence[Tensor], batches: Batches) -> float:
    """Mean over the split of the ``losses`` of its batches, in float64; one transfer from the device."""
    lengths = torch.tensor([len(targets) for _, targets in batches], dtype=torch.float64)
    return (torch.dot(torch.stack(list(losses)).cpu().double(), lengths) / lengths.sum()).item()
