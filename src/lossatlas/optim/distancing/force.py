"""The force of kernels around earlier weights, in closed form: what it adds to the gradients of a step."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from lossatlas.optim.distancing.distance import Distance, Layout
from lossatlas.optim.distancing.kernels import Kernel
from lossatlas.optim.distancing.merging import Merging, Point
from lossatlas.optim.distancing.pushes import Push
from lossatlas.optim.distancing.widths import Width


@dataclass(frozen=True, eq=False)
class Centre:
    """A point that pushes, with what does not change while it does."""

    point: list[Tensor]  # one for each counted parameter
    precision: Tensor  # (groups,)
    unit: Tensor  # (groups,), in which squared distances are taken: 1, or the point's squared norm
    direction: list[Tensor] | None  # of the push, of norm 1 in each group; None: away from the point


@dataclass(frozen=True, eq=False)
class Pushed:
    """What `DistanceForce` gives at a point."""

    gradient: list[Tensor]  # of the penalty, one for each counted parameter: to be added to the loss's
    squared_distances: Tensor  # (centres, groups), over the centre's squared norm if they are relative
    kernels: Tensor  # (centres, groups)


class DistanceForce:
    """The gradient of strength / K times the sum of f(a D) over K centres, D the squared distance from a centre.

    The penalty of the distance-kernel thesis (von Bachmann 2021) with a kernel f and a width, which gives a. Its
    gradient in closed form is the sum of (strength / K) 2 a f'(a D) (theta - theta_c). Not ``divided``, as in equation
    2.8 of its draft of 2020, K is 1. With a ``distance`` per layer, f(a D) is the mean over the layers' own. ``push``
    turns the force, and ``seed`` is that of directions that it draws. ValueError unless the strength is positive.

    >>> from lossatlas.optim.distancing import Away, EachCheckpoint, RBF, Sigma
    >>> parts = {"distance": Distance(), "merging": EachCheckpoint(), "push": Away()}
    >>> force = DistanceForce(RBF(), Sigma(1.0), strength=2.0, **parts)
    >>> layout = Distance().layout(torch.nn.Linear(2, 1, bias=False))
    >>> centres = force.centres(layout, [[torch.zeros(1, 2)]], [torch.zeros(1, 2)])
    >>> force(layout, [torch.tensor([[1.0, 1.0]])], centres)  # D = 2, exp(-1) = 0.3679
    Pushed(gradient=[tensor([[-0.7358, -0.7358]])], squared_distances=tensor([[2.0000]]), kernels=tensor([[0.3679]]))
    """

    def __init__(
        self,
        kernel: Kernel,
        width: Width,
        strength: float,
        *,
        divided: bool = True,
        distance: Distance,
        merging: Merging,
        push: Push,
        seed: int = 0,
    ) -> None:
        if not strength > 0:
            raise ValueError(f"strength must be positive, got {strength}")
        self.kernel, self.width, self.strength, self.divided = kernel, width, strength, divided
        self.distance, self.merging, self.push, self.seed = distance, merging, push, seed

    @torch.no_grad()
    def centres(self, layout: Layout, checkpoints: Sequence[Point], initial: Point) -> list[Centre]:
        """The centres of ``checkpoints``, oldest first, each a tensor for each counted parameter.

        ``initial``: the parameters at the initialisation. ValueError for a relative distance from a centre of norm 0,
        and as the width raises it.
        """
        points = self.merging(checkpoints)
        first = len(checkpoints) - len(points)
        return [self._centre(layout, points[i], initial, first + i) for i in range(len(points))]

    def _centre(self, layout: Layout, point: Point, initial: Point, number: int) -> Centre:
        norms = layout.squared_norms(point)
        unit = norms if self.distance.relative else torch.ones_like(norms)
        if not bool((unit > 0).all()):
            names = [name for name, norm in zip(layout.groups, norms.tolist(), strict=True) if norm == 0]
            raise ValueError(
                f"a relative distance needs a centre that is not 0, got 0 in {', '.join(names) or 'all'}"
            )
        travelled = layout.squared_norms(torch._foreach_sub(list(point), list(initial))) / unit
        direction = self.push.direction(layout, point, seed=self.seed, number=number)
        return Centre(list(point), self.width.precision(travelled), unit, direction)

    @torch.no_grad()
    def __call__(self, layout: Layout, parameters: Sequence[Tensor], centres: Sequence[Centre]) -> Pushed:
        """The gradient of the penalty at ``parameters``, with the distances and kernels that it has on the way."""
        here = [parameter.detach() for parameter in parameters]
        gradient: list[Tensor] = []
        measured = []
        for centre in centres:
            offsets = torch._foreach_sub(here, centre.point)
            squares = layout.squared_norms(offsets)
            distances = squares / centre.unit
            x = centre.precision * distances
            measured.append((distances, self.kernel.value(x)))
            if self.push.sign:
                slopes = 2 * centre.precision / centre.unit * self.kernel.derivative(x)
                factors = self._scale(len(centres)) / len(layout.groups) * slopes
                _accumulate(gradient, layout, offsets, factors, squares, centre.direction)
        if not gradient:
            gradient = [torch.zeros_like(tensor) for tensor in here]
        if not measured:
            none = torch.empty(0, len(layout.groups), device=here[0].device)
            return Pushed(gradient, none, none)
        distances, kernels = map(torch.stack, zip(*measured, strict=True))
        return Pushed(gradient, distances, kernels)

    def _scale(self, centres: int) -> float:
        return self.push.sign * self.strength / (centres if self.divided else 1)


def _accumulate(
    gradient: list[Tensor],
    layout: Layout,
    offsets: list[Tensor],
    factors: Tensor,
    squares: Tensor,
    direction: list[Tensor] | None,
) -> None:
    """Add ``factors`` (groups,) times ``offsets``, or as much of ``direction``, to ``gradient``; uses ``offsets`` up."""
    if direction is not None:
        factors = factors * squares.sqrt()
        torch._foreach_copy_(offsets, direction)
    if len(layout.groups) == 1:
        torch._foreach_mul_(offsets, factors[0])
    else:
        torch._foreach_mul_(offsets, layout.by_group(factors))
    if gradient:
        torch._foreach_add_(gradient, offsets)
    else:
        gradient.extend(offsets)
