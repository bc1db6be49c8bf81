import itertools
import math
from typing import Any

import pytest
import torch
from scipy.integrate import solve_ivp
from torch import Tensor, nn

from lossatlas.optim.distancing import (
    RBF,
    Away,
    Cauchy,
    Distance,
    DistanceForce,
    EachCheckpoint,
    InverseWidth,
    Kernel,
    Laplace,
    LastCheckpoint,
    Layout,
    MeanOfCheckpoints,
    Merging,
    Nothing,
    Push,
    Pushed,
    RandomDirection,
    Sigma,
    Tanh,
    Toward,
    Travelled,
    Width,
)

Points = list[list[Tensor]]
DISTANCES = [
    Distance(),
    Distance(biases=False, normalization=False),
    Distance(relative=True),
    Distance(per_layer=True),
    Distance(relative=True, per_layer=True),
]


def of(
    kernel: Kernel | None = None, width: Width | None = None, strength: float = 1.0, **parts: Any
) -> DistanceForce:
    """A force whose parts are the defaults but for those that are given."""
    defaults = {"distance": Distance(), "merging": EachCheckpoint(), "push": Away()}
    return DistanceForce(kernel or RBF(), width or Sigma(2.0), strength, **{**defaults, **parts})


def network() -> nn.Module:
    return nn.Sequential(nn.Conv2d(1, 3, 2), nn.BatchNorm2d(3), nn.Linear(4, 3))


def walk(layout: Layout, module: nn.Module, dtype: torch.dtype, checkpoints: int = 3) -> Points:
    """Initialisation, checkpoints and the present point on a random walk of steps of norm 1 or so."""
    random = torch.Generator().manual_seed(1)
    parameters = dict(module.named_parameters())
    sizes = [parameters[name].shape for name in layout.names]
    steps = [
        [0.2 * torch.randn(size, generator=random, dtype=dtype) for size in sizes]
        for _ in range(checkpoints + 2)
    ]
    return [
        [torch.stack(parts).sum(0) + 1 for parts in zip(*steps[: n + 1], strict=True)]
        for n in range(len(steps))
    ]


def only(size: int, here: float) -> tuple[Layout, list[Tensor]]:
    """A point at the squared distance ``here`` from 0, in float64."""
    layout = Distance().layout(nn.Linear(size, 1, bias=False))
    return layout, [torch.full((1, size), math.sqrt(here / size), dtype=torch.float64)]


def from_zero(force: DistanceForce, size: int, squared: float) -> Pushed:
    layout, here = only(size, squared)
    centre = [torch.zeros_like(here[0])]
    return force(layout, here, force.centres(layout, [centre], centre))


def norm(tensors: list[Tensor]) -> float:
    return float(torch.cat([tensor.flatten() for tensor in tensors]).norm())


def by_autograd(force: DistanceForce, layout: Layout, points: Points) -> tuple[list[Tensor], Tensor]:
    """Gradient of the penalty as it is printed, one layer, centre and parameter after another; and the distances."""
    initial, *checkpoints, here = points
    parameters = [tensor.clone().requires_grad_() for tensor in here]
    centres = force.merging(checkpoints)
    penalty, distances = torch.zeros((), dtype=here[0].dtype), []
    for centre, group in itertools.product(centres, range(len(layout.groups))):
        mine = [index for index, of_group in enumerate(layout.group_of) if of_group == group]
        squared = sum((parameters[i] - centre[i]).pow(2).sum() for i in mine)
        travelled = sum((initial[i] - centre[i]).pow(2).sum() for i in mine)
        if force.distance.relative:
            size = sum(centre[i].pow(2).sum() for i in mine)
            squared, travelled = squared / size, travelled / size
        value = force.kernel.value(force.width.precision(travelled.reshape(1))[0] * squared)
        share = len(centres) if force.divided else 1
        penalty = penalty + force.strength / share / len(layout.groups) * value
        distances.append(squared.detach())
    sign = {Away: 1, Toward: -1, Nothing: 0}[type(force.push)]
    gradient = torch.autograd.grad(sign * penalty, parameters)
    return list(gradient), torch.stack(distances).view(len(centres), -1)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])
@pytest.mark.parametrize("push", [Away(), Toward(), Nothing()], ids=lambda push: type(push).__name__)
@pytest.mark.parametrize(
    "merging",
    [EachCheckpoint(), MeanOfCheckpoints(), LastCheckpoint()],
    ids=lambda merging: type(merging).__name__,
)
@pytest.mark.parametrize(
    "kernel", [RBF(), Laplace(), Cauchy(), Tanh()], ids=lambda kernel: type(kernel).__name__
)
def test_the_closed_form_is_what_autograd_gives(
    kernel: Kernel, merging: Merging, push: Push, dtype: torch.dtype
) -> None:
    module = network()
    for distance, width, divided in itertools.product(DISTANCES, (Sigma(1.2), Travelled(0.7)), (True, False)):
        force = of(kernel, width, 3.0, distance=distance, merging=merging, push=push, divided=divided)
        layout = distance.layout(module)
        points = walk(layout, module, dtype)
        initial, *checkpoints, here = points
        ours = force(layout, here, force.centres(layout, checkpoints, initial))
        gradient, distances = by_autograd(force, layout, points)
        tolerance = {"rtol": 1e-6, "atol": 1e-6} if dtype == torch.float32 else {"rtol": 1e-12, "atol": 1e-12}
        scale = max(norm(gradient), 1e-3)
        for one, other in zip(ours.gradient, gradient, strict=True):
            torch.testing.assert_close(one / scale, other / scale, **tolerance)
        torch.testing.assert_close(ours.squared_distances, distances, **tolerance)


@pytest.mark.parametrize("distance", DISTANCES, ids=str)
def test_a_random_push_has_the_norm_of_the_hill_s_at_the_same_distance_in_every_group(
    distance: Distance,
) -> None:
    module = network()
    layout = distance.layout(module)
    initial, *checkpoints, here = walk(layout, module, torch.float64)
    pushed = [
        force(layout, here, force.centres(layout, checkpoints[:1], initial))
        for force in (of(push=push, distance=distance, seed=3) for push in (Away(), RandomDirection()))
    ]
    hill, random = (
        [
            norm([g for g, k in zip(each.gradient, layout.group_of, strict=True) if k == group])
            for group in range(len(layout.groups))
        ]
        for each in pushed
    )
    assert random == pytest.approx(hill, rel=1e-12)
    assert pushed[0].squared_distances.equal(pushed[1].squared_distances)


def test_a_random_push_keeps_its_direction_which_is_another_for_each_centre_and_seed() -> None:
    layout, here = only(1000, 5.0)
    zero = [torch.zeros_like(here[0])]

    def direction(here: list[Tensor], checkpoints: int, seed: int, merging: Merging) -> Tensor:
        force = of(push=RandomDirection(), seed=seed, merging=merging)
        (gradient,) = force(layout, here, force.centres(layout, [zero] * checkpoints, zero)).gradient
        return gradient.flatten() / gradient.norm()

    first = direction(here, 1, 0, LastCheckpoint())
    further = direction([3 * here[0]], 1, 0, LastCheckpoint())
    torch.testing.assert_close(first, further, rtol=1e-12, atol=1e-12)
    assert abs(first @ here[0].flatten()) < 0.15 * here[0].norm()
    for other in (direction(here, 2, 0, LastCheckpoint()), direction(here, 1, 1, LastCheckpoint())):
        assert abs(first @ other) < 0.15  # 1000 dimensions: 0.03 is one standard deviation


def test_the_force_is_largest_at_sigma_squared_and_as_large_as_derived() -> None:
    """At D = sigma^2, which is sigma'^2 / 2 where the kernel is exp(-D / sigma'^2): s sqrt(2 / (e sigma'^2))."""
    sigma, strength = 3.0, 7.0
    force = of(RBF(), Sigma(sigma), strength)
    squared = torch.linspace(0.5, 30, 591, dtype=torch.float64)  # steps of 0.05
    sizes = torch.tensor([norm(from_zero(force, 50, float(each)).gradient) for each in squared])
    assert squared[sizes.argmax()].item() == pytest.approx(sigma**2)
    assert sizes.max().item() == pytest.approx(strength * math.sqrt(2 / (math.e * 2 * sigma**2)), rel=1e-6)


def test_the_peak_depends_on_width_and_not_on_how_many_parameters_there_are() -> None:
    few, many = (norm(from_zero(of(), size, 4.0).gradient) for size in (2, 2000))
    assert few == pytest.approx(many, rel=1e-12)


def test_the_final_thesis_and_its_draft_are_one_force_in_two_conventions() -> None:
    squared, strength = 700.0, 1.0
    ours = from_zero(of(RBF(), Sigma(math.sqrt(500)), strength), 50, squared)
    theirs = from_zero(of(RBF(), InverseWidth(1 / 1000), strength), 50, squared)
    torch.testing.assert_close(ours.gradient, theirs.gradient, rtol=1e-12, atol=0)
    printed = 2 * strength / 1000 * math.exp(-squared / 1000) * math.sqrt(squared)
    assert norm(ours.gradient) == pytest.approx(printed, rel=1e-12)


@pytest.mark.parametrize("strength", [0.9, 1.1])
@pytest.mark.parametrize("centres", [1, 4])
def test_beside_the_checkpoint_the_hill_beats_weight_decay_that_is_less_than_2_a_s_over_k(
    strength: float, centres: int
) -> None:
    """Weight decay pulls to 0 by weight_decay * theta, which at a checkpoint at 0 is all against the hill."""
    weight_decay, sigma = 0.02, 10.0  # 2 a = 1 / sigma^2 = 0.01, for which s / K is 2 at break-even
    force = of(RBF(), Sigma(sigma), 2 * strength * centres)
    layout, here = only(10, 1e-6)
    checkpoints = [[torch.zeros_like(here[0])]] + [[torch.full_like(here[0], 1e3)]] * (centres - 1)
    (push,) = force(layout, here, force.centres(layout, checkpoints, checkpoints[0])).gradient
    outward = -(push + weight_decay * here[0]) @ here[0].T
    assert (outward.item() > 0) == (strength > 1)


def test_against_a_spring_the_distance_at_rest_grows_with_the_logarithm_of_the_strength() -> None:
    """r' = -c r + s w' r exp(-D / sigma'^2) rests at D = sigma'^2 ln(2 s / (c sigma'^2)): const + sigma'^2 ln s.

    The closed form of the flow is integrated by scipy, with the force that the class gives.
    """
    spring, width = 0.05, 4.0  # sigma'^2
    rest = {}
    for strength in (1.0, 10.0, 100.0):
        force = of(RBF(), InverseWidth(1 / width), strength)

        def velocity(_: float, point: Any, force: DistanceForce = force) -> Any:
            layout, _here = only(1, 1.0)
            here = torch.tensor([[point[0]]], dtype=torch.float64)
            zero = [torch.zeros_like(here)]
            (push,) = force(layout, [here], force.centres(layout, [zero], zero)).gradient
            return [-float(push) - spring * point[0]]

        end = solve_ivp(velocity, (0, 300), [0.1], method="LSODA", rtol=1e-8, atol=1e-10).y[0, -1]
        rest[strength] = end**2
    assert rest[1.0] == pytest.approx(width * math.log(2 / (spring * width)), rel=1e-4)
    assert rest[10.0] - rest[1.0] == pytest.approx(width * math.log(10), rel=1e-4)
    assert rest[100.0] - rest[10.0] == pytest.approx(width * math.log(10), rel=1e-4)


def test_a_new_checkpoint_weakens_the_push_of_the_old_one_if_the_strength_is_divided() -> None:
    """The s/K confound: a second centre too far away to push halves the force of the first."""
    layout, here = only(10, 4.0)
    near, far = [torch.zeros_like(here[0])], [torch.full_like(here[0], 100.0)]
    sizes = {
        divided: [
            norm(force(layout, here, force.centres(layout, checkpoints, near)).gradient)
            for force in [of(divided=divided)]
            for checkpoints in ([near], [near, far])
        ]
        for divided in (True, False)
    }
    assert sizes[True][1] == pytest.approx(sizes[True][0] / 2, rel=1e-12)
    assert sizes[False][1] == pytest.approx(sizes[False][0], rel=1e-12)


def test_parameters_in_bfloat16_are_measured_in_float32_and_pushed_in_bfloat16() -> None:
    layout = Distance().layout(nn.Linear(4096, 1, bias=False))
    zero, here = [torch.zeros(1, 4096, dtype=torch.bfloat16)], [torch.ones(1, 4096, dtype=torch.bfloat16)]
    force = of(RBF(), Sigma(64.0))
    pushed = force(layout, here, force.centres(layout, [zero], zero))
    assert pushed.squared_distances.item() == 4096.0
    assert pushed.kernels.item() == pytest.approx(math.exp(-0.5), rel=1e-6)
    assert pushed.gradient[0].dtype == torch.bfloat16


def test_the_parameters_stay_as_they_are_and_no_graph_is_built() -> None:
    module = network()
    layout = Distance().layout(module)
    parameters = list(module.parameters())
    before = [parameter.detach().clone() for parameter in parameters]
    force = of()
    centres = force.centres(layout, [[torch.zeros_like(tensor) for tensor in before]], before)
    first, again = (force(layout, parameters, centres) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(parameters, before, strict=True))
    assert all(torch.equal(a, b) for a, b in zip(first.gradient, again.gradient, strict=True))
    assert not any(gradient.requires_grad for gradient in first.gradient)


@pytest.mark.parametrize("push", [Away(), RandomDirection(), Nothing()], ids=lambda push: type(push).__name__)
def test_without_a_centre_there_is_no_force(push: Push) -> None:
    layout, here = only(3, 1.0)
    pushed = of(push=push)(layout, here, [])
    assert pushed.gradient[0].equal(torch.zeros(1, 3, dtype=torch.float64))
    assert pushed.squared_distances.shape == pushed.kernels.shape == (0, 1)


@pytest.mark.parametrize("strength", [0.0, -1.0, math.nan])
def test_a_strength_that_is_not_positive_is_refused(strength: float) -> None:
    with pytest.raises(ValueError, match=rf"^strength must be positive, got {strength}"):
        of(strength=strength)


def test_a_distance_relative_to_a_norm_of_0_is_refused_with_the_layer_named() -> None:
    module = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    distance = Distance(relative=True, per_layer=True)
    layout = distance.layout(module)
    checkpoint = [torch.ones(2, 2), torch.ones(2), torch.zeros(2), torch.zeros(2)]
    with pytest.raises(
        ValueError, match=r"^relative=True needs a checkpoint that is not 0, which it is in 1; count"
    ):
        of(distance=distance).centres(layout, [checkpoint], checkpoint)
