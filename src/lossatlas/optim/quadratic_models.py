"""Minimisers of quadratic models of a loss: damped, within a trust region, exactly or by conjugate gradients."""

from collections.abc import Callable

import torch
from scipy.optimize import brentq
from torch import Tensor


def damped_step(values: Tensor, gradient: Tensor, damping: float, eps: float | None = None) -> Tensor:
    """Stationary point of g'p + p'(B + damping I)p / 2, for B diagonal: minus the gradient over the curvatures.

    Directions whose curvature is none beyond rounding are left as they are, as the pseudo-inverse does.

    Parameters
    ----------
    values : Tensor
        Eigenvalues of B, (n,).
    gradient : Tensor
        g in the basis of its eigenvectors, (n,).
    damping : float
        Added to the eigenvalues.
    eps : float, optional
        Rounding of B's entries, a share of them; by default that of the eigenvalues' dtype.

    Returns
    -------
    Tensor
        p in that basis, (n,).

    Examples
    --------
    >>> damped_step(torch.tensor([2.0, -4.0, 0.0]), torch.tensor([2.0, 2.0, 5.0]), damping=0.0)
    tensor([-1.0000,  0.5000,  0.0000])
    """
    curvatures = values + damping
    rounding = torch.finfo(values.dtype).eps if eps is None else eps
    least = rounding * len(values) * float(values.abs().max())
    return torch.where(curvatures.abs() > least, -gradient / curvatures, 0.0)


def trust_region_step(values: Tensor, gradient: Tensor, radius: float, damping: float = 0.0) -> Tensor:
    """Minimiser of g'p + p'(B + damping I)p / 2 over all p of norm up to the radius, for B diagonal.

    It is -(B + shift)^-1 g for the one shift that makes B + shift positive semi-definite and p as long as the radius,
    or for the damping where that is enough (Moré & Sorensen 1983; Nocedal & Wright 2006, theorem 4.1). In the hard
    case, where g has no part along the lowest curvature, p goes along it as far as the radius allows.

    Parameters
    ----------
    values, gradient, damping : Tensor, Tensor and float, default 0.0
        As of `damped_step`.
    radius : float
        Positive.

    Returns
    -------
    Tensor
        p in the basis of the eigenvectors, (n,).

    Examples
    --------
    >>> trust_region_step(torch.tensor([1.0, 1.0]), torch.tensor([3.0, 4.0]), radius=1.0)
    tensor([-0.6000, -0.8000])
    >>> trust_region_step(torch.tensor([1.0, -1.0]), torch.tensor([0.0, 0.0]), radius=2.0).abs()
    tensor([0., 2.])
    """
    b, g = values.double() + damping, gradient.double()
    if float(b.min()) > 0 and float(torch.linalg.vector_norm(g / b)) <= radius:
        return (-g / b).to(values)
    least = max(0.0, -float(b.min()))
    above = b + least  # the shift is counted from where B is positive semi-definite
    flat = above == 0
    steep = float(torch.linalg.vector_norm(g[flat]))

    def step(shift: float) -> Tensor:
        return torch.where(flat & (g == 0), 0.0, -g / (above + shift))

    if not steep and float(torch.linalg.vector_norm(rest := step(0.0))) <= radius:
        if least:  # the hard case
            rest[int(flat.nonzero()[0])] = (radius**2 - float(rest.square().sum())) ** 0.5
        return rest.to(values)

    def excess(shift: float) -> float:
        return 1 / radius - 1 / float(torch.linalg.vector_norm(step(shift)))

    lower, upper = steep / radius, float(torch.linalg.vector_norm(g)) / radius
    if excess(lower) <= 0:  # by rounding; all of the gradient is along the lowest curvature
        return step(lower).to(values)
    shift = brentq(excess, lower, upper * (1 + 1e-9), xtol=1e-300, rtol=1e-14)
    return step(shift).to(values)


def conjugate_gradients(
    product: Callable[[Tensor], Tensor],
    gradient: Tensor,
    *,
    start: Tensor | None = None,
    radius: float | None = None,
    iterations: int,
    tolerance: float,
    preconditioner: Tensor | None = None,
) -> Tensor:
    """Minimise q(p) = g'p + p'Bp / 2 by products with B alone, until it pays no more (Martens 2010, section 4.4).

    It ends after iteration i if q(p) < 0 and the last k = max(10, i / 10) iterations have brought less than
    ``tolerance`` k of it. On a direction of negative curvature it ends: at the radius along it, or without a radius
    where it is, and if that is the start, a step down the gradient (Steihaug 1983).

    Parameters
    ----------
    product : Callable
        From a vector to B times it, (n,).
    gradient : Tensor
        g, (n,).
    start : Tensor, optional
        p to begin from, within the radius; by default 0.
    radius : float, optional
        Of a trust region, at whose edge it ends.
    iterations : int
        At most so many products.
    tolerance : float
        See above.
    preconditioner : Tensor, optional
        Diagonal, positive, that B is like, (n,); by default ones.

    Returns
    -------
    Tensor
        p, (n,).

    Raises
    ------
    ValueError
        For a start beyond the radius.

    Examples
    --------
    >>> b = torch.tensor([1.0, 10.0])
    >>> conjugate_gradients(lambda v: b * v, torch.tensor([-1.0, -10.0]), iterations=2, tolerance=0.0).round(decimals=4)
    tensor([1., 1.])
    """
    if start is not None and radius is not None and float(torch.linalg.vector_norm(start)) > radius:
        raise ValueError(f"start lies outside of the radius {radius:g}, from where no step leads in")
    step = torch.zeros_like(gradient) if start is None else start.clone()
    residual = gradient + product(step) if start is not None else gradient.clone()
    scaled = residual if preconditioner is None else residual / preconditioner
    direction, courses = -scaled, [_value(gradient, step, residual)]
    square = float(residual @ scaled)
    for number in range(1, iterations + 1):
        if square == 0:
            break
        curved = product(direction)
        curvature = float(direction @ curved)
        if curvature <= 0:
            if radius is not None:
                return _to_edge(step, direction, radius)
            return step if number > 1 else -gradient if preconditioner is None else -gradient / preconditioner
        length = square / curvature
        following = step + length * direction
        if radius is not None and float(torch.linalg.vector_norm(following)) >= radius:
            return _to_edge(step, direction, radius)
        step = following
        residual = residual + length * curved
        scaled = residual if preconditioner is None else residual / preconditioner
        before, square = square, float(residual @ scaled)
        direction = -scaled + (square / before) * direction
        courses.append(_value(gradient, step, residual))
        last = max(10, number // 10)
        if number > last and courses[-1] < 0:
            gained = (courses[-1] - courses[-1 - last]) / courses[-1]
            if gained < last * tolerance:
                break
    return step


def _value(gradient: Tensor, step: Tensor, residual: Tensor) -> float:
    """Value of the model at ``step``, given the residual g + B p there: (g + residual)'p / 2."""
    return float((gradient + residual) @ step) / 2


def _to_edge(step: Tensor, direction: Tensor, radius: float) -> Tensor:
    """Where the ray from ``step``, inside, along ``direction`` leaves the ball of the radius."""
    a, b = float(direction @ direction), float(step @ direction)
    c = float(step @ step) - radius**2
    c = min(c, 0.0)  # by rounding
    return step + ((b * b - a * c) ** 0.5 - b) / a * direction


def lanczos(product: Callable[[Tensor], Tensor], start: Tensor, steps: int) -> tuple[Tensor, Tensor]:
    """Ritz values and vectors of a symmetric matrix on the Krylov space of ``start``.

    Lanczos' iteration with full reorthogonalisation. It ends early where the space is invariant.

    Parameters
    ----------
    product : Callable
        From a vector to the matrix times it, (n,).
    start : Tensor
        (n,), not 0.
    steps : int
        Dimension of the space, at most n.

    Returns
    -------
    tuple of Tensor
        Values (k,), ascending, and vectors (n, k).

    Examples
    --------
    >>> b = torch.tensor([1.0, 2.0, 5.0])
    >>> values, vectors = lanczos(lambda v: b * v, torch.ones(3), steps=3)
    >>> values.round(decimals=3)
    tensor([1., 2., 5.])
    """
    n, basis = len(start), [start / torch.linalg.vector_norm(start)]
    projection = torch.zeros(steps, steps, dtype=torch.float64)
    size = min(steps, n)
    for j in range(size):
        held = torch.stack(basis)  # (j + 1, n)
        rest = product(basis[j])
        length = float(torch.linalg.vector_norm(rest))
        coordinates = held @ rest
        rest = rest - coordinates @ held
        again = held @ rest  # twice is enough to be orthogonal to rounding
        rest = rest - again @ held
        projection[: j + 1, j] = projection[j, : j + 1] = (coordinates + again).double().cpu()
        beta = float(torch.linalg.vector_norm(rest))
        if j + 1 == size or beta <= 10 * torch.finfo(rest.dtype).eps * max(length, 1e-300):
            size = j + 1
            break
        basis.append(rest / beta)
    values, coordinates = torch.linalg.eigh(projection[:size, :size])
    vectors = torch.stack(basis[:size]).T @ coordinates.to(start)
    return values.to(start), vectors
