"""Two ways to the gradient of a loss and of a distance penalty: in closed form, and through autograd."""

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn

from lossatlas.optim.distancing import Centre, DistanceForce, Layout
from lossatlas.optim.distancing.flattening import unflatten

Backward = Callable[[Tensor], None]
"""From the loss of a batch to gradients of the parameters, the penalty's included."""


def closed_form(
    force: DistanceForce, layout: Layout, parameters: Sequence[nn.Parameter], centres: Sequence[Centre]
) -> Backward:
    """The loss backwards, and then ``force`` added, for all tensors at once."""

    def backward(loss: Tensor) -> None:
        loss.backward()
        if centres:
            pushed = force(layout, parameters, centres)
            gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
            torch._foreach_add_(gradients, pushed.gradient)

    return backward


def autograd(
    force: DistanceForce, layout: Layout, parameters: Sequence[nn.Parameter], centres: Sequence[Centre]
) -> Backward:
    """The loss with the penalty that the force comes from, backwards: a loop over tensors, as the formula reads.

    ``force``: of the whole network and along the line from the centre; any other is no gradient of this penalty.
    """
    points = [unflatten(centre.point, parameters) for centre in centres]

    def backward(loss: Tensor) -> None:
        penalty = torch.zeros_like(loss)
        for centre, point in zip(centres, points, strict=True):
            distance = torch.zeros_like(loss)
            for parameter, held in zip(parameters, point, strict=True):
                distance = distance + (parameter - held).square().sum()
            penalty = penalty + force.kernel.value(centre.rate[0] * distance)
        shares = len(centres) if force.divided and centres else 1
        (loss + force.push.sign * force.strength / shares * penalty).backward()

    return backward


Way = Callable[[DistanceForce, Layout, Sequence[nn.Parameter], Sequence[Centre]], Backward]

WAYS: Mapping[str, Way] = {"closed_form": closed_form, "autograd": autograd}
