"""Distance penalty in closed form: the force of kernels around earlier weights, added to the gradients of a step."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from lossatlas.optim.distancing.distance import Distance, Layout, Slices, flatten, unflatten
from lossatlas.optim.distancing.kernels import Kernel
from lossatlas.optim.distancing.merging import Merging, Point
from lossatlas.optim.distancing.pushes import Push
from lossatlas.optim.distancing.widths import Width
from lossatlas.optim.schedules import check_positive


@dataclass(frozen=True, eq=False)
class Centre:
    """Centre of a kernel, an earlier point that repels, with what does not change while it does."""

    point: Tensor  # (n,), the counted parameters one after another
    unit: Tensor  # (groups,), in which squared distances are taken: 1, or the point's squared norm
    rate: Tensor  # (groups,), x of the kernel over the squared distance: the precision, in that unit
    direction: Tensor | None  # (n,), of the push, of norm 1 in each group; None: away from the point


@dataclass(frozen=True, eq=False)
class Pushed:
    """What `DistanceForce` gives at a point."""

    gradient: list[Tensor]  # of the penalty, one for each counted parameter: to be added to the loss's
    squared_distances: Tensor  # (centres, groups), over the centre's squared norm if they are relative
    kernels: Tensor  # (centres, groups)


class DistanceForce:
    """Distance penalty: the gradient of strength / K times the sum of f(a D) over K centres, D the squared distance.

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
        check_positive("strength", strength)
        self.kernel, self.width, self.strength, self.divided = kernel, width, strength, divided
        self.distance, self.merging, self.push, self.seed = distance, merging, push, seed
        self._memory: Tensor | None = None  # (2, n)

    @torch.no_grad()
    def centres(self, layout: Layout, checkpoints: Sequence[Point], initial: Point) -> list[Centre]:
        """The centres of ``checkpoints``, oldest first, each a tensor for each counted parameter.

        ``initial``: the parameters at the initialisation. ValueError for a relative distance from a centre of norm 0,
        and as the width raises it.
        """
        points = self.merging(checkpoints)
        slices = Slices.of(layout, initial)
        start = flatten(initial)
        first = len(checkpoints) - len(points)  # one centre of several has the newest one's number
        return [
            self._centre(flatten(point), start, layout, slices, first + index)
            for index, point in enumerate(points)
        ]

    def _centre(self, point: Tensor, start: Tensor, layout: Layout, slices: Slices, number: int) -> Centre:
        norms = slices.squared_norms(point)
        unit = norms if self.distance.relative else torch.ones_like(norms)
        if not bool((unit > 0).all()):
            where = [name for name, norm in zip(layout.groups, norms.tolist(), strict=True) if norm == 0]
            raise ValueError(
                "relative=True needs a checkpoint that is not 0, which it is in "
                f"{', '.join(filter(None, where)) or 'all that is counted'}; count more, or have relative=False"
            )
        travelled = slices.squared_norms(point - start) / unit
        direction = self.push.direction(point, slices, seed=self.seed, number=number)
        return Centre(point, unit, self.width.precision(travelled) / unit, direction)

    @torch.no_grad()
    def __call__(self, layout: Layout, parameters: Sequence[Tensor], centres: Sequence[Centre]) -> Pushed:
        """The gradient of the penalty at ``parameters``, with the distances and kernels that it has on the way."""
        if not centres:
            none = parameters[0].new_empty(0, len(layout.groups))
            return Pushed([torch.zeros_like(parameter) for parameter in parameters], none, none)
        slices = Slices.of(layout, parameters)
        here = flatten(parameters)
        offset, others = self._two_like(here) if len(centres) > 1 else (here, here)
        squares = []
        for number, centre in enumerate(centres, start=1):
            last = number == len(centres)
            offset = torch.sub(here, centre.point, out=here if last else offset)
            squares.append(slices.squared_norms(offset))
            vector, factors = self._term(offset, squares[-1], centre, len(centres))
            factors = slices.expand(factors)
            if last:
                torch.mul(vector, factors, out=here)
            elif number == 1:
                torch.mul(vector, factors, out=others)
            else:
                others.addcmul_(vector, factors)
        gradient = here.add_(others) if len(centres) > 1 else here
        measured = torch.stack(squares)  # (centres, groups)
        distances = measured / torch.stack([centre.unit for centre in centres])
        kernels = self.kernel.value(measured * torch.stack([centre.rate for centre in centres]))
        return Pushed(unflatten(gradient, parameters), distances, kernels)

    def _term(self, offset: Tensor, squares: Tensor, centre: Centre, centres: int) -> tuple[Tensor, Tensor]:
        """What ``centre`` adds to the gradient: a vector (n,), and its factors (groups,)."""
        strength = self.push.sign * self.strength / (centres if self.divided else 1)
        slopes = self.kernel.derivative(centre.rate * squares)
        factors = slopes * centre.rate * (2 * strength / len(squares))
        if centre.direction is None:
            return offset, factors
        return centre.direction, factors * squares.sqrt()

    def _two_like(self, vector: Tensor) -> tuple[Tensor, Tensor]:
        """Two vectors to work in, kept from call to call: to clear new memory takes the system as long as the work."""
        held = self._memory
        if held is None or held[0].shape != vector.shape or held[0].dtype != vector.dtype:
            held = vector.new_empty(2, len(vector))
        self._memory = held.to(vector.device)
        return self._memory[0], self._memory[1]
