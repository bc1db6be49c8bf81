"""The Hessian and the Gauss-Newton matrix of a split's loss, as functions of a vector."""

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor
from torch.func import functional_call, jvp, vjp

from lossatlas.landscape.bench import Bench
from lossatlas.landscape.weight_space import Weights, unflatten


class SymmetricOperator(Protocol):
    """A symmetric matrix A of order ``n`` that is known by its products with vectors."""

    n: int
    dtype: torch.dtype
    device: torch.device

    def __call__(self, vector: Tensor) -> Tensor:
        """A v, (n,), for v of shape (n,)."""

    def refresh(self) -> None:
        """Take up the bench's present weights."""


class _OfBench:
    """What the operators on a bench share: the parameters, and sums over the batches of a split."""

    def __init__(self, bench: Bench, split: str) -> None:
        self._bench = bench
        self._batches = bench.batches[split]
        self._total = sum(len(targets) for _, targets in self._batches)
        self._like: Weights = {name: bench.weights[name] for name, _ in bench.model.named_parameters()}
        first = next(iter(self._like.values()))
        self.n = sum(tensor.numel() for tensor in self._like.values())
        self.dtype = first.dtype
        self.device = first.device

    def refresh(self) -> None:
        """Take up the bench's present weights: nothing is kept between products."""

    def _leaves(self) -> list[Tensor]:
        return [tensor.detach().requires_grad_() for tensor in self._like.values()]

    def _outputs(self, leaves: Sequence[Tensor], inputs: Tensor) -> Tensor:
        return functional_call(self._bench.model, dict(zip(self._like, leaves, strict=True)), (inputs,))


class Hessian(_OfBench):
    """The matrix of second derivatives of the mean loss over ``split``, at the bench's present weights.

    >>> from lossatlas.landscape.bench import opened
    >>> from lossatlas.landscape.problem import Problem
    >>> x = torch.tensor([[1.0, 0.0], [0.0, 3.0]])
    >>> problem = Problem(torch.nn.Linear(2, 1, bias=False), torch.nn.MSELoss(), {"train": (x, torch.zeros(2, 1))})
    >>> with opened(problem) as bench:
    ...     Hessian(bench, "train")(torch.tensor([1.0, 1.0]))  # 2 X'X / 2
    tensor([1., 9.])
    """

    def __call__(self, vector: Tensor) -> Tensor:
        """H v, (n,), for v of shape (n,)."""
        product = torch.zeros_like(vector)
        along = list(unflatten(vector, self._like).values())
        for inputs, targets in self._batches:
            leaves = self._leaves()
            with torch.enable_grad():
                loss = self._bench.loss(self._outputs(leaves, inputs), targets)
                gradient = torch.autograd.grad(
                    loss, leaves, create_graph=True, allow_unused=True, materialize_grads=True
                )
                slope = torch.stack([(g * v).sum() for g, v in zip(gradient, along, strict=True)]).sum()
            parts = torch.autograd.grad(slope, leaves, allow_unused=True, materialize_grads=True)
            product += torch.cat([part.reshape(-1) for part in parts]) * (len(targets) / self._total)
        return product


class GaussNewton(_OfBench):
    """The generalised Gauss-Newton matrix J' L J of the mean loss over ``split`` (Schraudolph 2002).

    J is the derivative of the outputs by the parameters, L that of the loss, twice, by the outputs. It is
    positive semidefinite for a loss that is convex in the outputs.

    >>> from lossatlas.landscape.bench import opened
    >>> from lossatlas.landscape.problem import Problem
    >>> x = torch.tensor([[1.0, 0.0], [0.0, 3.0]])
    >>> problem = Problem(torch.nn.Linear(2, 1, bias=False), torch.nn.MSELoss(), {"train": (x, torch.zeros(2, 1))})
    >>> with opened(problem) as bench:
    ...     GaussNewton(bench, "train")(torch.tensor([1.0, 1.0]))
    tensor([1., 9.])
    """

    def __call__(self, vector: Tensor) -> Tensor:
        """J' L J v, (n,), for v of shape (n,)."""
        product = torch.zeros_like(vector)
        along = tuple(unflatten(vector, self._like).values())
        for inputs, targets in self._batches:
            product += self._of_batch(inputs, targets, along) * (len(targets) / self._total)
        return product

    def _of_batch(self, inputs: Tensor, targets: Tensor, along: tuple[Tensor, ...]) -> Tensor:
        leaves = tuple(tensor.detach() for tensor in self._like.values())

        def outputs_at(*at: Tensor) -> Tensor:
            return self._outputs(at, inputs)

        outputs, pushed = jvp(outputs_at, leaves, along)[:2]  # J v
        leaf = outputs.detach().requires_grad_()
        with torch.enable_grad():
            (slope,) = torch.autograd.grad(self._bench.loss(leaf, targets), leaf, create_graph=True)
            (curved,) = torch.autograd.grad(slope, leaf, pushed.detach())  # L J v
        pull = vjp(outputs_at, *leaves)[1]
        return torch.cat([part.reshape(-1) for part in pull(curved)])
