"""Second-order optimizers: Newton and saddle-free Newton, by the whole Hessian, Krylov spaces or conjugate gradients.

They take a step of ``step(closure, objective)``. The closure evaluates the loss and its gradients, as any optimizer's
does; the objective gives the loss once more, to be differentiated by the parameters as often as wished, and the outputs
that it was made of, or None where those are not known.
"""

from abc import abstractmethod
from collections.abc import Callable, Iterable, Sequence
from math import isfinite
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.optim import Optimizer

from lossatlas.optim.quadratic_models import conjugate_gradients, damped_step, lanczos, trust_region_step
from lossatlas.optim.weight_decay import check_choice, check_rates
from lossatlas.seeds import generator

Objective = Callable[[], tuple[Tensor, Tensor | None]]
"""Gives the loss at the present parameters, a scalar with its graph, and the network's outputs."""

Matrix = Literal["gauss_newton", "hessian"]
"""Of the model of `HessianFree`."""

Preconditioner = Literal["none", "fisher"]
"""Of the conjugate gradients of `HessianFree`."""

Model = tuple[float, float]
"""Slope g'p and curvature p'Bp of a quadratic model along a step p."""

_Product = Callable[[Tensor], Tensor]

_POOR, _GOOD = 0.25, 0.75
"""Shares of the predicted gain (Martens 2010, section 4.1; Nocedal & Wright 2006, chapter 4)."""

_SOFTENED = 0.75  # power of the preconditioner's diagonal (Martens 2010, section 4.7)
_GIB = 2**30
_AT_ONCE = 64  # products with the Hessian in one pass, in memory of so many gradients of the batch


class SecondOrder(Optimizer):
    """Optimizer that minimises, at each step, a quadratic model of the loss.

    A step is the rate times the minimiser of g'p + p'Bp / 2, whose matrix B a subclass gives. ``damping`` is added to
    its diagonal; ``trust_radius`` bounds the length of p. With ``adapt`` they follow the reduction ratio, the loss's
    gain over the model's: below 1/4 the damping grows by half and the radius shrinks to a quarter, above 3/4 the
    damping falls by a third, and the radius doubles if p was as long; a step that loses is taken back. The loss of the
    next step's batch plays no part. Groups have rates of their own, and share all else, which is that of the first.
    """

    keeps_statistics = True  # `lossatlas.optim.stepping.keeps_statistics`

    def __init__(
        self,
        params: Iterable[Any],
        *,
        lr: float,
        damping: float,
        trust_radius: float | None,
        adapt: bool,
        **settings: Any,
    ) -> None:
        check_rates(lr=lr, damping=damping)
        if trust_radius is not None and not trust_radius > 0:
            raise ValueError(f"trust_radius must be positive, or null for none, got {trust_radius}")
        if adapt and trust_radius is None and not damping > 0:
            raise ValueError(
                "adapt=true needs a trust_radius or a damping above 0 to begin from, got neither"
            )
        defaults = {
            "lr": lr,
            "damping": damping,
            "trust_radius": trust_radius,
            "adapt": adapt,
            **settings,
        }
        super().__init__(params, defaults)

    @property
    def parameters(self) -> list[Tensor]:
        """Those that it moves."""
        return [p for group in self.param_groups for p in group["params"] if p.requires_grad]

    @torch.no_grad()
    def step(self, closure: Callable[[], Any], objective: Objective) -> Any:  # type: ignore[override]
        """Take a step; what ``closure`` gives is returned."""
        with torch.enable_grad():
            returned = closure()
        group = self.param_groups[0]
        parameters = self.parameters
        gradient = torch.cat(
            [torch.zeros_like(p).flatten() if p.grad is None else p.grad.flatten() for p in parameters]
        )
        with torch.enable_grad():
            loss, step, model = self.minimiser(objective, parameters, gradient)
        before = [parameter.clone() for parameter in parameters]
        pieces = step.to(gradient).split([parameter.numel() for parameter in parameters])
        rates = [group["lr"] for group in self.param_groups for p in group["params"] if p.requires_grad]
        for parameter, piece, rate in zip(parameters, pieces, rates, strict=True):
            parameter.add_(piece.view_as(parameter), alpha=rate)
        if group["adapt"]:
            with torch.enable_grad():
                after = float(_twice_differentiable(objective)[0].detach())
            if not self._adapt(loss - after, model, float(torch.linalg.vector_norm(step))):
                torch._foreach_copy_(parameters, before)
                for parameter in parameters:
                    self.state[parameter].pop("last", None)  # no step to begin the next from
        return returned

    @abstractmethod
    def minimiser(
        self, objective: Objective, parameters: Sequence[Tensor], gradient: Tensor
    ) -> tuple[float, Tensor, Model]:
        """Loss at the present parameters, the step p, (n,), and the model's g'p and p'Bp."""

    def _adapt(self, gained: float, model: Model, length: float) -> bool:
        """Adapt damping or radius to the gains that were had and predicted; whether the step stands.

        Predicted is the gain of the rate times p, which is what was gone; the radius bounds p itself.
        """
        group = self.param_groups[0]
        (slope, curvature), rate = model, group["lr"]
        if rate == 0 or length == 0:  # nothing was tried
            return True
        predicted = -(rate * slope + rate**2 * curvature / 2)
        ratio = gained / predicted if predicted > 0 else -1.0
        if not ratio >= _POOR:  # NaN too
            if group["trust_radius"] is None:
                group["damping"] *= 3 / 2
            else:
                group["trust_radius"] = (length if isfinite(length) else group["trust_radius"]) / 4
        elif ratio > _GOOD:
            if group["trust_radius"] is None:
                group["damping"] *= 2 / 3
            elif length >= 0.99 * group["trust_radius"]:
                group["trust_radius"] *= 2
        return ratio > 0

    def _step(self, values: Tensor, gradient: Tensor, eps: float) -> tuple[Tensor, Model]:
        """Step for B of these eigenvalues and gradient in their basis, and the model of it without damping.

        ``eps`` is the rounding of what B was computed in.
        """
        group = self.param_groups[0]
        damping, radius = group["damping"], group["trust_radius"]
        if radius is None:
            step = damped_step(values, gradient, damping, eps)
        else:
            step = trust_region_step(values, gradient, radius, damping)
        return step, (float(gradient @ step), float((values * step) @ step))


class _Spectral(SecondOrder):
    """By eigenvalues and eigenvectors of the Hessian, all of them or those on a Krylov space of the gradient."""

    too_large: str  # what to do for more parameters than the limit

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add a group; ValueError if there are too many parameters for their Hessian then."""
        super().add_param_group(param_group)
        limit = self.defaults["limit"]
        n = sum(parameter.numel() for parameter in self.parameters)
        if limit is not None and n > limit:
            hessian = 8 * n * n / _GIB
            raise ValueError(
                f"{type(self).__name__} takes the whole Hessian: of {n:,} parameters it has {hessian:.3g} GiB, three "
                f"times that with its eigenvectors and room to find them; expected at most limit={limit:,} parameters: "
                f"{self.too_large}"
            )

    def _spectrum(self, objective: Objective, parameters: Sequence[Tensor], gradient: Tensor) -> Any:
        """Loss, eigenvalues (k,), ascending, and eigenvectors (n, k)."""
        group = self.param_groups[0]
        subspace = group.get("subspace")
        loss, products = products_with_hessian(objective, parameters)
        if subspace is None:
            hessian = products(torch.eye(len(gradient), dtype=gradient.dtype, device=gradient.device))
            return loss, *torch.linalg.eigh((hessian + hessian.T).double() / 2)
        if not float(torch.linalg.vector_norm(gradient)):
            return loss, gradient[:0], gradient[:, None][:, :0]  # there is no space
        return loss, *lanczos(lambda v: products(v[None])[0], gradient, subspace)

    def minimiser(
        self, objective: Objective, parameters: Sequence[Tensor], gradient: Tensor
    ) -> tuple[float, Tensor, Model]:
        loss, values, vectors = self._spectrum(objective, parameters, gradient)
        if not len(values):
            return loss, torch.zeros_like(gradient), (0.0, 0.0)
        if not values.isfinite().all():
            return loss, torch.full_like(gradient, torch.nan), (0.0, 0.0)
        coordinates, model = self._step(
            self._curvatures(values), vectors.T @ gradient.to(vectors), torch.finfo(gradient.dtype).eps
        )
        return loss, vectors @ coordinates, model

    @abstractmethod
    def _curvatures(self, values: Tensor) -> Tensor:
        """Eigenvalues of the model's matrix, given those of the Hessian."""


class Newton(_Spectral):
    """Newton's method by the whole Hessian H: w - (H + damping I)^-1 g times the rate.

    Undamped it takes one step to the stationary point of a quadratic, whatever its kind: saddles attract it. Within a
    trust region it minimises the quadratic, and leaves them. The network must be small; see `HessianFree`.

    Parameters
    ----------
    params : iterable
        Parameters.
    lr : float, default 1.0
        Rate, a factor on the step.
    damping : float, default 0.0
        Added to the diagonal of H.
    trust_radius : float, optional
        Largest norm of a step before the rate; None: without bound.
    adapt : bool, default False
        Adapt radius, or else damping, by the reduction ratio; see `SecondOrder`.
    limit : int, default 3000
        Most parameters.

    Raises
    ------
    ValueError
        For more parameters than ``limit``, in one line with the memory that the Hessian would take, and for numbers out
        of their range.

    Examples
    --------
    >>> weight = torch.nn.Parameter(torch.tensor([3.0, 4.0]))
    >>> def loss():
    ...     return (weight.square() @ torch.tensor([1.0, -5.0])), None
    >>> optimizer = Newton([weight])
    >>> optimizer.step(lambda: loss()[0].backward(), loss)
    >>> weight.data  # the saddle
    tensor([0., 0.])
    """

    too_large = "type optimizer=hessian_free"

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1.0,
        damping: float = 0.0,
        trust_radius: float | None = None,
        adapt: bool = False,
        limit: int = 3000,
    ) -> None:
        super().__init__(params, lr=lr, damping=damping, trust_radius=trust_radius, adapt=adapt, limit=limit)

    def _curvatures(self, values: Tensor) -> Tensor:
        return values


class SaddleFreeNewton(_Spectral):
    """Saddle-free Newton (Dauphin et al. 2014, arXiv:1406.2572): w - (|H| + damping I)^-1 g times the rate.

    |H| has the eigenvectors of the Hessian and the absolute values of its eigenvalues, so that directions of negative
    curvature are gone down, as far as curvature allows, and not up. For larger networks the model is that on a Krylov
    space, of ``subspace`` dimensions, that begins with the gradient (their algorithm 1, by Lanczos' iteration).

    Parameters
    ----------
    params : iterable
        Parameters.
    lr, trust_radius, adapt, limit : float, float, bool and int, optional and default 1.0 and False and 3000
        As of `Newton`; the limit does not hold with a subspace.
    damping : float, default 0.001
        Added to the diagonal of |H|; without any, directions that are nearly flat are gone far along.
    subspace : int, optional
        Dimensions of the Krylov space; None: the whole Hessian.

    Raises
    ------
    ValueError
        As `Newton`, and for a subspace of no dimension.

    Examples
    --------
    >>> weight = torch.nn.Parameter(torch.tensor([3.0, 4.0]))
    >>> def loss():
    ...     return (weight.square() @ torch.tensor([1.0, -5.0])), None
    >>> optimizer = SaddleFreeNewton([weight], damping=0.0)
    >>> optimizer.step(lambda: loss()[0].backward(), loss)
    >>> weight.data  # down along the first, away along the second
    tensor([0., 8.])
    """

    too_large = "type optimizer.subspace=50, for Lanczos' iteration"

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1.0,
        damping: float = 1e-3,
        trust_radius: float | None = None,
        adapt: bool = False,
        subspace: int | None = None,
        limit: int = 3000,
    ) -> None:
        if subspace is not None and not subspace >= 1:
            raise ValueError(f"subspace must be >= 1, or null for the whole Hessian, got {subspace}")
        most = limit if subspace is None else None
        settings = {"subspace": subspace, "limit": most}
        super().__init__(params, lr=lr, damping=damping, trust_radius=trust_radius, adapt=adapt, **settings)

    def _curvatures(self, values: Tensor) -> Tensor:
        return values.abs()


class HessianFree(SecondOrder):
    """Hessian-free optimisation (Martens 2010): Newton steps by conjugate gradients, from products with a matrix alone.

    The matrix is that of Gauss and Newton, which is positive semi-definite, with the second derivatives of penalties;
    or the Hessian, on whose directions of negative curvature the iteration ends (`conjugate_gradients`). Each step
    begins from ``decay`` times the last, and the damping follows the reduction ratio (his sections 4.1 and 4.5). His
    search along the iterates is not there.

    Parameters
    ----------
    params : iterable
        Parameters.
    lr : float, default 1.0
        Rate, a factor on the step.
    matrix : {"gauss_newton", "hessian"}, default "gauss_newton"
        B of the model.
    damping : float, default 1.0
        Added to its diagonal.
    trust_radius : float, optional
        Largest norm of a step before the rate; None: without bound.
    adapt : bool, default True
        Adapt radius, or else damping, by the reduction ratio; see `SecondOrder`.
    iterations : int, default 50
        Products a step, at most.
    tolerance : float, default 0.0005
        Share of the model's gain, per iteration, at which it ends.
    decay : float, default 0.95
        Share of the last step to begin from, in [0, 1]; 0: from nothing.
    preconditioner : {"none", "fisher"}, default "none"
        "fisher": conjugate gradients are preconditioned by (d + damping)^(3/4), where d is the mean over the batch of
        the squared gradients of its examples, the diagonal of the empirical Fisher matrix (his section 4.7). It is
        estimated from ``probes``; penalties and what else does not go through the outputs have no part in it.
    probes : int, default 10
        Backward passes a step of which d is estimated: in each, every example has a random sign, so that products of
        two examples' gradients are zero in the mean.

    Raises
    ------
    ValueError
        For numbers out of their range, and for a preconditioner with a trust region, whose ball would be another.

    Examples
    --------
    >>> weight = torch.nn.Parameter(torch.tensor([3.0, 4.0]))
    >>> def loss():
    ...     return (weight.square() @ torch.tensor([1.0, 5.0])), None
    >>> optimizer = HessianFree([weight], matrix="hessian", damping=0.0, adapt=False)
    >>> optimizer.step(lambda: loss()[0].backward(), loss)
    >>> bool(weight.data.norm() < 1e-5)
    True
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1.0,
        matrix: Matrix = "gauss_newton",
        damping: float = 1.0,
        trust_radius: float | None = None,
        adapt: bool = True,
        iterations: int = 50,
        tolerance: float = 5e-4,
        decay: float = 0.95,
        preconditioner: Preconditioner = "none",
        probes: int = 10,
    ) -> None:
        if not iterations >= 1:
            raise ValueError(f"iterations must be >= 1, got {iterations}")
        check_rates(tolerance=tolerance)
        check_choice("matrix", matrix, Matrix)
        if not 0 <= decay <= 1:
            raise ValueError(f"decay must be in [0, 1], got {decay}")
        check_choice("preconditioner", preconditioner, Preconditioner)
        if not probes >= 1:
            raise ValueError(f"probes must be >= 1, got {probes}")
        if preconditioner != "none" and trust_radius is not None:
            raise ValueError(
                f"preconditioner={preconditioner} minimises within another ball than trust_radius={trust_radius} says: "
                "expected trust_radius=null, with damping in its place, or preconditioner=none"
            )
        settings = {
            "matrix": matrix,
            "iterations": iterations,
            "tolerance": tolerance,
            "decay": decay,
            "preconditioner": preconditioner,
            "probes": probes,
            "steps": 0,
        }
        super().__init__(params, lr=lr, damping=damping, trust_radius=trust_radius, adapt=adapt, **settings)

    def minimiser(  # noqa: D102
        self, objective: Objective, parameters: Sequence[Tensor], gradient: Tensor
    ) -> tuple[float, Tensor, Model]:
        group = self.param_groups[0]
        loss, products = products_with_hessian(
            objective, parameters, gauss_newton=group["matrix"] == "gauss_newton"
        )

        def damped(vector: Tensor) -> Tensor:
            return products(vector[None])[0] + group["damping"] * vector

        step = conjugate_gradients(
            damped,
            gradient,
            start=self._start(parameters, group["decay"]),
            radius=group["trust_radius"],
            iterations=group["iterations"],
            tolerance=group["tolerance"],
            preconditioner=self._preconditioner(objective, parameters),
        )
        group["steps"] += 1
        pieces = step.split([parameter.numel() for parameter in parameters])
        for parameter, piece in zip(parameters, pieces, strict=True):
            self.state[parameter]["last"] = piece.detach().clone().view_as(parameter)
        curved = products(step[None])[0]
        return loss, step, (float(gradient @ step), float(curved @ step))

    def _preconditioner(self, objective: Objective, parameters: Sequence[Tensor]) -> Tensor | None:
        """Diagonal that residuals are divided by, (n,)."""
        group = self.param_groups[0]
        if group["preconditioner"] == "none":
            return None
        diagonal = fisher_diagonal(objective, parameters, probes=group["probes"], step=group["steps"])
        return (diagonal + max(group["damping"], torch.finfo(diagonal.dtype).tiny)) ** _SOFTENED

    def _start(self, parameters: Sequence[Tensor], decay: float) -> Tensor | None:
        if not decay or any("last" not in self.state[parameter] for parameter in parameters):
            return None
        start = decay * torch.cat([self.state[parameter]["last"].flatten() for parameter in parameters])
        radius = self.param_groups[0]["trust_radius"]
        is_outside = radius is not None and float(torch.linalg.vector_norm(start)) >= radius
        return None if is_outside else start  # from which no iteration would come back in


def products_with_hessian(
    objective: Objective, parameters: Sequence[Tensor], *, gauss_newton: bool = False
) -> tuple[float, _Product]:
    """Loss, and the products of its Hessian, or of the Gauss-Newton matrix, with the rows of (k, n): (k, n) too.

    The Gauss-Newton matrix of L(z) is the Hessian of L(z) - c'z, where c is the gradient by the outputs z, held
    constant: what is left is J'(d^2 L / dz^2)J, and the second derivatives of whatever does not go through z.

    Raises
    ------
    ValueError
        For the Gauss-Newton matrix if the objective does not give the outputs.
    """
    loss, outputs = _twice_differentiable(objective)
    value = loss
    if gauss_newton:
        if outputs is None:
            raise ValueError(
                "the Gauss-Newton matrix is of a network's outputs, which this loss does not give: "
                "type optimizer.matrix=hessian"
            )
        (slope,) = torch.autograd.grad(loss, outputs, retain_graph=True)
        value = loss - (slope.detach() * outputs).sum()
    gradients = torch.autograd.grad(value, parameters, create_graph=True, materialize_grads=True)
    flat = torch.cat([gradient.reshape(-1) for gradient in gradients])

    def products(vectors: Tensor) -> Tensor:
        if not flat.requires_grad:  # of a loss that is linear
            return torch.zeros_like(vectors)
        return torch.cat([_pulled_back(flat, parameters, rows) for rows in vectors.split(_AT_ONCE)])

    return float(loss.detach()), products


def fisher_diagonal(objective: Objective, parameters: Sequence[Tensor], *, probes: int, step: int) -> Tensor:
    """Estimate of the diagonal of the empirical Fisher matrix, (n,): the mean of the examples' squared gradients.

    Of a loss that is the mean over the first axis of its outputs. A probe differentiates the outputs with a random
    sign for each example, which the number of the ``step`` seeds.

    Raises
    ------
    ValueError
        If the objective does not give the outputs.
    """
    loss, outputs = _twice_differentiable(objective)
    if outputs is None:
        raise ValueError(
            "the Fisher matrix is of a network's outputs, which this loss does not give: type "
            "optimizer.preconditioner=none"
        )
    (slopes,) = torch.autograd.grad(loss, outputs, retain_graph=True)
    examples = len(slopes)
    draws = generator(step, "preconditioner")
    total = torch.zeros(sum(p.numel() for p in parameters), dtype=slopes.dtype, device=slopes.device)
    for _ in range(probes):
        signs = torch.randint(2, (examples,), generator=draws).to(slopes) * 2 - 1
        signed = slopes * signs.view(-1, *[1] * (slopes.ndim - 1))
        parts = torch.autograd.grad(outputs, parameters, signed, retain_graph=True, materialize_grads=True)
        total += torch.cat([part.reshape(-1) for part in parts]).square()
    return examples * total / probes


def _twice_differentiable(objective: Objective) -> tuple[Tensor, Tensor | None]:
    """The loss by kernels that torch can differentiate twice, which the fused ones of attention are not."""
    with sdpa_kernel(SDPBackend.MATH):
        return objective()


def _pulled_back(flat: Tensor, parameters: Sequence[Tensor], rows: Tensor) -> Tensor:
    """Derivatives by the parameters of ``flat``, (n,), times each of ``rows``: (k, n); several in one pass."""
    several = len(rows) > 1
    parts = torch.autograd.grad(
        flat,
        parameters,
        rows.to(flat) if several else rows[0].to(flat),
        retain_graph=True,
        is_grads_batched=several,
        materialize_grads=True,
    )
    return torch.cat([part.detach().reshape(len(rows), -1) for part in parts], 1)
