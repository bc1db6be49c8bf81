"""Hessian and Gauss-Newton operators of a split's loss: their products with vectors."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from copy import copy
from dataclasses import dataclass, replace
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from lossatlas.choices import chosen
from lossatlas.landscape.curvature.affine import affine_batch_norm
from lossatlas.landscape.curvature.parameters import Parameters, parameters_chosen
from lossatlas.landscape.curvature.trials import Both, agree_along, custom_functions, moved_along
from lossatlas.landscape.measuring.differentiating import (
    check_gradient,
    check_width,
    differentiable,
    outputs_of,
    without_traceback,
)
from lossatlas.landscape.measuring.gradient import loss_and_gradient
from lossatlas.landscape.measuring.prepared import Batches, PreparedProblem
from lossatlas.seeds import generator
from lossatlas.spectral_norm import exact_spectral_norm
from lossatlas.weight_norm import exact_weight_norm
from lossatlas.weight_space import Weights, unflatten
from lossatlas.weight_space import inner as inner_product

_TRIED = 16  # examples on which it is seen whether torch can differentiate twice
_KEPT_BYTES = 2**31  # of graphs; as many as ResNet-20 of width 8 has on twenty thousand images of 8 x 8

_Product = Callable[[Sequence[Tensor]], Sequence[Tensor]]
"""From a vector to the matrix times it, both as tensors of the parameters' shapes."""


@dataclass
class ProductCount:
    """How many products of an operator and a vector were taken."""

    taken: int = 0


_counts: ContextVar[tuple[ProductCount, ...]] = ContextVar("counts", default=())


@contextmanager
def products_counted() -> Iterator[ProductCount]:
    """Count the products of `Hessian` and `GaussNewton` with vectors that are taken in the block."""
    token = _counts.set((*_counts.get(), count := ProductCount()))
    try:
        yield count
    finally:
        _counts.reset(token)


class SymmetricOperator(Protocol):
    """A symmetric matrix A of order ``n`` that is known by its products with vectors."""

    n: int
    dtype: torch.dtype
    device: torch.device

    def __call__(self, vector: Tensor) -> Tensor:
        """A v, (n,), for v of shape (n,)."""

    def refresh(self) -> None:
        """Take up the prepared problem's present weights."""


class _OfProblem(ABC):
    """What the operators on a prepared problem share: parameters, kept graphs, and sums over the batches of a split.

    A product is one more pass through graphs that depend on the weights alone. They are kept for as many
    batches as ``kept_bytes`` holds, and made anew for the others with each product; the result is the same.

    ``of``: names of the parameters by which derivatives are taken, the others being constants; None: all count, those
    that training has frozen too. Vectors are in the parameters' order, each
    tensor in row-major order however it lies in memory, as `flatten` has it. Products are in the dtype of the
    weights, through the network's own forward pass, whatever precision the prepared problem's engine has. ValueError if
    it takes other statistics of batch norm than the weights have, if the weights are in half precision, and, tried on
    a few examples, where torch cannot differentiate the network twice or does so wrongly.
    """

    def __init__(
        self,
        ready: PreparedProblem,
        split: str,
        *,
        of: Collection[str] | None = None,
        kept_bytes: int = _KEPT_BYTES,
    ) -> None:
        if ready.statistics is not None:  # which would change with the weights, and add derivatives
            raise ValueError(
                f"second derivatives need the evaluation 'eval', got {ready.engine.evaluation!r} in the engine"
            )
        check_width(ready, "second derivatives")
        self._ready = ready
        self._split = split
        self._batches = ready.batches[split]
        self._total = sum(len(targets) for _, targets in self._batches)
        self._parameters: Weights = {name: ready.weights[name] for name, _ in ready.model.named_parameters()}
        self._like: Weights = {
            name: tensor for name, tensor in self._parameters.items() if of is None or name in of
        }
        first = next(iter(self._like.values()))
        self.n = sum(tensor.numel() for tensor in self._like.values())
        self.dtype = first.dtype
        self.device = first.device
        self._kept_bytes = kept_bytes
        self._room: int | None = None  # batches whose graphs are kept, once it is known
        self._kept: dict[int, _Product] = {}
        self._versions: list[int] = []
        without_traceback(ready, self._try)

    def __call__(self, vector: Tensor) -> Tensor:
        """The matrix times ``vector``, (n,), both of the operator's dtype and device."""
        for count in _counts.get():
            count.taken += 1
        if self._versions != self._present_versions():
            self.refresh()
        along = list(unflatten(vector, self._like).values())
        product = torch.zeros_like(vector)
        for index, (_, targets) in enumerate(self._batches):
            parts = self._product(index)(along)
            flat = torch.cat([part.reshape(-1) for part in parts])
            product.add_(flat, alpha=len(targets) / self._total)
        return product

    def refresh(self) -> None:
        """Drop the graphs that are kept; a product does so by itself where weights have changed since."""
        self._kept.clear()
        self._ready.settle()
        self._versions = self._present_versions()

    def _present_versions(self) -> list[int]:
        return [tensor._version for tensor in self._ready.weights.values()]  # counts writes in place

    def _product(self, index: int) -> _Product:
        if index in self._kept:
            return self._kept[index]
        if self._room is None:
            self._room = self._kept_bytes // max(self._bytes_of_a_graph(), 1)
        product = self._linearize(index)
        if len(self._kept) < self._room:
            self._kept[index] = product
        return product

    def _bytes_of_a_graph(self) -> int:
        """Memory that the graph of the first batch, the largest, holds: that of the tensors it has saved."""
        storages: dict[int, int] = {}

        def saved(tensor: Tensor) -> Tensor:
            storages[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(saved, lambda tensor: tensor):
            graph = self._linearize(
                0
            )  # held while it is counted, so that no memory is used, and counted, twice
        del graph
        return sum(storages.values())

    def _linearize(self, index: int) -> _Product:
        inputs, targets = self._batches[index]
        leaves = self._leaves()
        with self._differentiable():
            outputs = outputs_of(self._ready, leaves, inputs)
            return self._of_batch(outputs, targets, [leaves[name] for name in self._like])

    def _leaves(self) -> Weights:
        """All parameters, those that derivatives are not taken by as constants."""
        return {
            name: tensor.detach().requires_grad_(name in self._like)
            for name, tensor in self._parameters.items()
        }

    @contextmanager
    def _differentiable(self) -> Iterator[None]:
        """Whatever is computed in the block can be differentiated twice, at little cost."""
        with ExitStack() as stack:
            stack.enter_context(differentiable())
            stack.enter_context(affine_batch_norm(self._ready.model))
            stack.enter_context(exact_spectral_norm(self._ready.model))
            stack.enter_context(exact_weight_norm(self._ready.model))
            stack.enter_context(sdpa_kernel(SDPBackend.MATH))  # the fused kernels of attention cannot
            yield

    @abstractmethod
    def _of_batch(self, outputs: Tensor, targets: Tensor, leaves: list[Tensor]) -> _Product:
        """Products with the matrix of the mean loss over a batch, given its ``outputs`` as a graph."""

    @abstractmethod
    def _by_difference(self, along: Weights, step: float) -> float:
        """The quadratic form of ``along``, by a difference of first derivatives; of a split of one batch."""

    def _try(self) -> None:
        """Raise ValueError unless torch can differentiate twice; RuntimeError where it says itself that it cannot.

        What torch knows of its own operations is right, but for weight norm's, which is another here
        (`lossatlas.weight_norm`). A backward pass that somebody wrote may be right and yet be computed from detached
        values, whose derivative is another, so that is held against a difference.
        """
        check_gradient(self._ready, self._split, list(self._like))
        inputs, targets = (tensor[:_TRIED] for tensor in self._batches[0])
        few = self._on(replace(self._ready, batches={self._split: [(inputs, targets)]}))
        few._product(0)(list(self._like.values()))
        with self._differentiable():
            loss = self._ready.loss(outputs_of(self._ready, self._leaves(), inputs), targets)
        if not (names := custom_functions(loss)):
            return
        for both in (self._gradients, self._products):
            if not agree_along(self._ready, self._split, list(self._like), both):
                raise ValueError(
                    f"{type(self._ready.model).__name__} has no second derivatives that torch could compute: by a "
                    f"difference they are others, so the backward pass of {', '.join(names)} cannot be differentiated"
                )

    def over(self, batches: Batches) -> "_OfProblem":
        """The same matrix of the mean loss over other examples, such as a minibatch, at the present weights."""
        other = self._on(replace(self._ready, batches={self._split: batches}))
        other._total = sum(len(targets) for _, targets in batches)
        other._room = self._room  # examples of one size have graphs of one size
        return other

    def _on(self, few: PreparedProblem) -> "_OfProblem":
        """The same operator of a few examples, at the weights of ``few``."""
        other = copy(self)
        other._ready, other._batches = few, few.batches[self._split]
        other._parameters = {name: few.weights[name] for name in self._parameters}
        other._like = {name: few.weights[name] for name in self._like}
        other._kept, other._room = {}, 0
        return other

    def _gradients(self, few: PreparedProblem, along: Weights, step: float) -> Both:
        loss, gradient = loss_and_gradient(few, self._split)
        ahead, back = moved_along(few, along, step, lambda: loss_and_gradient(few, self._split)[0])
        return inner_product(along, gradient), (ahead - back) / (2 * step), loss

    def _products(self, few: PreparedProblem, along: Weights, step: float) -> Both:
        operator = self._on(few)
        product = operator._product(0)(list(along.values()))
        slope = inner_product(along, loss_and_gradient(few, self._split)[1])
        found = inner_product(along, dict(zip(along, product, strict=True)))
        return found, operator._by_difference(along, step), slope


class Hessian(_OfProblem):
    """Hessian operator: second derivatives of the mean loss over ``split``, at the present weights of ``ready``.

    The gradient is differentiated along the vector (Pearlmutter 1994). Where an activation has a kink its second
    derivative is that of torch: zero for a ReLU.

    Parameters
    ----------
    ready : PreparedProblem
        As `prepared` makes it.
    split : str
        Part of the data over which the loss is averaged.
    of : collection of str, optional
        Names of the parameters by which derivatives are taken, the others being constants; None: all.
    kept_bytes : int, default 2**31
        Memory for graphs that are kept between products; the result does not depend on it.

    Raises
    ------
    ValueError
        If ``ready`` takes other statistics of batch norm than the weights have, if these are in half precision, and
        where torch has no second derivatives of the network, or wrong ones.

    Examples
    --------
    >>> from lossatlas.landscape.measuring.prepared import prepared
    >>> from lossatlas.landscape.problem import Problem
    >>> x = torch.tensor([[1.0, 0.0], [0.0, 3.0]])
    >>> problem = Problem(torch.nn.Linear(2, 1, bias=False), torch.nn.MSELoss(), {"train": (x, torch.zeros(2, 1))})
    >>> with prepared(problem) as ready:
    ...     Hessian(ready, "train")(torch.tensor([1.0, 1.0]))  # 2 X'X / 2
    tensor([1., 9.])
    """

    def _of_batch(self, outputs: Tensor, targets: Tensor, leaves: list[Tensor]) -> _Product:
        gradient = _derivative([self._ready.loss(outputs, targets)], leaves, create_graph=True)
        return lambda along: _derivative(gradient, leaves, along)

    def _by_difference(self, along: Weights, step: float) -> float:
        def slope() -> float:
            return inner_product(along, loss_and_gradient(self._ready, self._split)[1])

        ahead, back = moved_along(self._ready, along, step, slope)
        return (ahead - back) / (2 * step)


class GaussNewton(_OfProblem):
    """The generalised Gauss-Newton matrix J' L J of the mean loss over ``split`` (Schraudolph 2002).

    J is the derivative of the outputs by the parameters, L that of the loss, twice, by the outputs. It is
    positive semidefinite for a loss that is convex in the outputs.

    >>> from lossatlas.landscape.measuring.prepared import prepared
    >>> from lossatlas.landscape.problem import Problem
    >>> x = torch.tensor([[1.0, 0.0], [0.0, 3.0]])
    >>> problem = Problem(torch.nn.Linear(2, 1, bias=False), torch.nn.MSELoss(), {"train": (x, torch.zeros(2, 1))})
    >>> with prepared(problem) as ready:
    ...     GaussNewton(ready, "train")(torch.tensor([1.0, 1.0]))
    tensor([1., 9.])
    """

    def _of_batch(self, outputs: Tensor, targets: Tensor, leaves: list[Tensor]) -> _Product:
        leaf = outputs.detach().requires_grad_()
        slope = _derivative([self._ready.loss(leaf, targets)], [leaf], create_graph=True)
        dual = torch.zeros_like(outputs, requires_grad=True)
        pulled = _derivative([outputs], leaves, [dual], create_graph=True)  # J' u, linear in u

        def product(along: Sequence[Tensor]) -> Sequence[Tensor]:
            pushed = _derivative(pulled, [dual], along)  # J v, as the derivative of <J' u, v> by u
            return _derivative([outputs], leaves, _derivative(slope, [leaf], pushed))

        return product

    def _by_difference(self, along: Weights, step: float) -> float:
        [(inputs, targets)] = self._batches

        def outputs() -> Tensor:
            with torch.no_grad():
                return outputs_of(self._ready, self._parameters, inputs)

        def slope(at: Tensor) -> Tensor:
            leaf = at.detach().requires_grad_()
            with self._differentiable():
                return _derivative([self._ready.loss(leaf, targets)], [leaf])[0]

        here = outputs()
        ahead, back = moved_along(self._ready, along, step, outputs)
        pushed = (ahead - back) / (2 * step)  # J v
        bent = (slope(here + step * pushed) - slope(here - step * pushed)) / (2 * step)  # L J v
        return inner(pushed.reshape(-1), bent.reshape(-1))


def _derivative(
    outputs: Sequence[Tensor],
    inputs: Sequence[Tensor],
    along: Sequence[Tensor] | None = None,
    *,
    create_graph: bool = False,
) -> Sequence[Tensor]:
    """Derivative of the sum of ``outputs``, each times its ``along``, by ``inputs``; the graph is kept.

    Zero where an output is constant or does not depend on an input, for which torch raises errors.
    """
    chosen = [index for index, output in enumerate(outputs) if output.requires_grad]
    if not chosen:
        return [torch.zeros_like(tensor) for tensor in inputs]
    return torch.autograd.grad(
        [outputs[index] for index in chosen],
        inputs,
        None if along is None else [along[index] for index in chosen],
        retain_graph=True,
        create_graph=create_graph,
        allow_unused=True,
        materialize_grads=True,
    )


MATRICES: dict[str, type[_OfProblem]] = {"hessian": Hessian, "gauss_newton": GaussNewton}
"""The matrices of second derivatives by name."""


def matrix_of(
    ready: PreparedProblem,
    split: str,
    matrix: str,
    parameters: Parameters = None,
    convention: str = "lossatlas",
    **options: Any,
) -> _OfProblem:
    """The operator that ``matrix`` names, on ``split``, by the `parameters_chosen`. ValueError for an unknown name.

    >>> matrix_of(None, "train", "fisher")
    Traceback (most recent call last):
    ValueError: unknown matrix 'fisher', expected one of hessian, gauss_newton
    """
    kind = chosen("matrix", matrix, MATRICES)
    of = parameters_chosen(dict(ready.model.named_parameters()), parameters, convention)
    return kind(ready, split, of=of, **options)


def probe(operator: SymmetricOperator, seed: int, index: int, stream: str = "probe") -> Tensor:
    """Rademacher probe: a vector (n,) of independent signs, each +1 or -1 with equal probability.

    A pure function of ``seed``, ``index`` and ``stream``: the same whichever probes came before, on every
    device.

    >>> class Identity:
    ...     n, dtype, device = 4, torch.float32, torch.device("cpu")
    >>> probe(Identity, 0, 2).abs()
    tensor([1., 1., 1., 1.])
    """
    rng = generator(seed, stream, index)
    signs = torch.randint(2, (operator.n,), generator=rng, dtype=torch.int8).mul_(2).sub_(1)
    return signs.to(operator.device, operator.dtype)


def inner(first: Tensor, second: Tensor) -> float:
    """Inner product of two vectors, (n,) each, added up in float64.

    >>> inner(torch.tensor([1.0, 2.0]), torch.tensor([3.0, 4.0]))
    11.0
    """
    return torch.dot(first.double(), second.double()).item()
