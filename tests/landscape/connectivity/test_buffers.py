"""Buffers between two networks: running statistics are mixed, spectral norm is settled, others are refused."""

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, relu
from torch.nn.utils import parametrizations, prune, spectral_norm

from lossatlas.landscape import (
    Bezier,
    ControlledCurve,
    GivenDirections,
    Problem,
    RandomDirections,
    TowardsNetworks,
    aligned,
    curve_plane,
    eigenvalues,
    interpolation,
    line,
    parameters,
    path,
    plane,
    sharpness,
    trajectory,
    tunnel,
)
from lossatlas.landscape.curvature.operators import Hessian
from lossatlas.landscape.measuring.gradient import loss_and_gradient
from lossatlas.landscape.measuring.prepared import prepared
from lossatlas.landscape.survey import Survey
from lossatlas.weight_space import flatten, unflatten

Norm = Callable[..., nn.Module]
FORMS = pytest.mark.parametrize("norm", [spectral_norm, parametrizations.spectral_norm], ids=["hook", "new"])
State = dict[str, Tensor]


def of(model: nn.Module) -> Problem:
    x = torch.randn(60, 6, generator=torch.Generator().manual_seed(1))
    return Problem(
        model, nn.functional.cross_entropy, {"train": (x, (x[:, 0] > 0).long() + (x[:, 1] > 1).long())}
    )


def normed(norm: Norm, seed: int) -> nn.Module:
    """A perceptron under spectral norm whose weights have gone away from where the vectors were computed."""
    torch.manual_seed(seed)
    model = nn.Sequential(norm(nn.Linear(6, 16)), nn.ReLU(), norm(nn.Linear(16, 3)))
    for parameter in model.parameters():
        parameter.data.normal_()
    return model


def loss_at(problem: Problem, weights: State) -> float:
    """The loss with weights divided by their largest singular values, from the values alone."""
    h, targets = problem.data["train"]
    tensors = list(weights.values())
    matrices, biases = ([w.double() for w in tensors if w.ndim == n] for n in (2, 1))
    first, second = (w / torch.linalg.svdvals(w)[0] for w in matrices)
    return cross_entropy(relu(h.double() @ first.T + biases[0]) @ second.T + biases[1], targets).item()


def mixed(one: nn.Module, other: nn.Module, share: float) -> State:
    ends = parameters(one), parameters(other)
    return {name: (1 - share) * ends[0][name] + share * ends[1][name] for name in ends[0]}


@FORMS
@pytest.mark.parametrize("statistics", [True, False])
def test_between_two_networks_the_norm_in_use_is_one(norm: Norm, statistics: bool) -> None:
    """Mixed vectors had a norm of 5.5 halfway, and the loss 6.9 in place of 0.94."""
    first, second = normed(norm, 0), normed(norm, 1)
    problem = of(first)
    expected = [loss_at(problem, mixed(first, second, share)) for share in (0.0, 0.25, 0.5, 0.75, 1.0)]
    ways = {
        "interpolation": interpolation(
            problem, other=second.state_dict(), low=0, high=1, points=5, statistics=statistics
        ),
        "path": path(problem, through=[second.state_dict()], points=5, statistics=statistics),
    }
    for dataset in ways.values():
        assert np.allclose(dataset.loss.values.ravel(), expected, rtol=1e-5)
        assert dataset.attrs["spectral_norm"] == "of the weights at each point"
    towards = line(problem, along=TowardsNetworks(second.state_dict(), statistics=statistics), points=3)
    assert np.allclose(towards.loss.values.ravel()[1:], expected[::4], rtol=1e-5)


@FORMS
def test_over_planes_and_along_curves(norm: Norm) -> None:
    first, second, third = (normed(norm, seed) for seed in range(3))
    problem = of(first)
    over = plane(problem, others=[second.state_dict(), third.state_dict()], points=3)
    ends = [loss_at(problem, parameters(model)) for model in (first, second, third)]
    assert np.allclose(over.point_loss.values.ravel(), ends, rtol=1e-4)
    curve = ControlledCurve(Bezier(bends=1), [model.state_dict() for model in (first, third, second)])
    middle = {
        name: (tensor + 2 * parameters(third)[name] + parameters(second)[name]) / 4
        for name, tensor in parameters(first).items()
    }
    along = path(problem, through=curve, points=3).loss.values.ravel()
    assert np.allclose(along, [ends[0], loss_at(problem, middle), ends[1]], rtol=1e-5)


@FORMS
@pytest.mark.parametrize("statistics", [True, False])
def test_along_random_directions(norm: Norm, statistics: bool) -> None:
    model = normed(norm, 0)
    problem = of(model)
    options = {"seed": 3, "ignore": "none", "statistics": statistics}
    (direction,) = RandomDirections(**options).of(problem).take(1)
    assert list(direction) == list(parameters(model))
    losses = line(problem, points=5, directions=1, **options).loss.values.ravel()
    for alpha, loss in zip(np.linspace(-1, 1, 5), losses, strict=True):
        there = {name: w + float(alpha) * direction[name] for name, w in parameters(model).items()}
        assert loss == pytest.approx(loss_at(problem, there), rel=1e-5)


@FORMS
def test_snapshots_have_their_own_norms(norm: Norm) -> None:
    models = [normed(norm, seed) for seed in range(4)]
    problem = of(models[-1])
    way = trajectory(problem, snapshots=[model.state_dict() for model in models], points=2, draws=1)
    expected = [loss_at(problem, parameters(model)) for model in models]
    assert np.allclose(way.path_loss.values.ravel(), expected, rtol=1e-5)


@FORMS
def test_derivatives_are_those_of_the_normed_weights(norm: Norm) -> None:
    """The gradient and a product with the Hessian against differences of the loss from its closed form."""
    model = normed(norm, 0).double()
    single = of(model)
    inputs, targets = single.data["train"]
    problem = Problem(model, nn.functional.cross_entropy, {"train": (inputs.double(), targets)})
    like = parameters(model)
    centre = flatten(like)
    rng = torch.Generator().manual_seed(0)
    along = torch.randn(len(centre), generator=rng, dtype=torch.float64)

    def loss(step: float) -> float:
        return loss_at(problem, unflatten(centre + step * along, like))

    with prepared(problem) as ready:
        found, gradient = loss_and_gradient(ready, "train")
        product = Hessian(ready, "train")(along)
        matrix = next(name for name, tensor in like.items() if tensor.ndim == 2)
        ready.weights[matrix].mul_(1.5)  # the same network: a norm takes the factor away
        assert loss_and_gradient(ready, "train")[0] == pytest.approx(found, rel=1e-10)
    assert found == pytest.approx(loss(0.0), rel=1e-8)
    slope = (loss(1e-5) - loss(-1e-5)) / 2e-5
    assert float(flatten(gradient) @ along) == pytest.approx(slope, rel=1e-6)
    bend = (loss(1e-4) - 2 * loss(0.0) + loss(-1e-4)) / 1e-8
    assert float(product @ along) == pytest.approx(bend, rel=1e-4)


@FORMS
def test_the_network_is_left_with_its_own_vectors(norm: Norm) -> None:
    model = normed(
        norm, 0
    ).eval()  # in training mode a look at the weight takes a step of the power iteration
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    weight = model[0].weight.detach().clone()
    for survey in (partial(line, points=3), eigenvalues, sharpness):
        survey(of(model))
        assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
        assert torch.equal(model[0].weight.detach(), weight)


class Scaled(nn.Module):
    """A layer with a buffer that is no running statistic."""

    def __init__(self, scale: float) -> None:
        super().__init__()
        self.linear = nn.Linear(6, 3)
        self.register_buffer("scale", torch.tensor([float(scale)]))

    def forward(self, x: Tensor) -> Tensor:
        return self.scale * self.linear(x)


def orthogonal(seed: int) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(parametrizations.orthogonal(nn.Linear(6, 3)), nn.Identity())


def pruned(seed: int) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(prune.random_unstructured(nn.Linear(6, 3), "weight", 0.5))


def _curve(problem: Problem, ends: list[State]) -> ControlledCurve:
    return ControlledCurve(Bezier(bends=1), [problem.model.state_dict(), *ends])


_MIXING: dict[str, Callable[[Problem, list[State]], object]] = {
    "interpolation": lambda problem, others: interpolation(problem, other=others, points=3),
    "of alpha 0": lambda problem, others: interpolation(problem, other=others[0], points=3, statistics=False),
    "path": lambda problem, others: path(problem, through=others, points=2),
    "plane": lambda problem, others: plane(problem, others=others, points=2),
    "tunnel": lambda problem, others: tunnel(problem, through=others, positions=2, directions=1),
    "towards": lambda problem, others: line(problem, along=TowardsNetworks(others), points=2),
    "along a curve": lambda problem, others: path(problem, through=_curve(problem, others), points=2),
    "curve_plane": lambda problem, others: curve_plane(problem, curve=_curve(problem, others), points=2),
}


@pytest.mark.parametrize("survey", _MIXING.values(), ids=_MIXING)
@pytest.mark.parametrize(
    ("network", "said"),
    [
        (Scaled, "'scale', a buffer of Scaled that has no meaning between two networks"),
        (orthogonal, "'0.parametrizations.weight.0.base', a buffer of _Orthogonal that has no meaning"),
        (pruned, "'0.weight_mask', a buffer of Linear that has no meaning"),
    ],
)
def test_other_buffers_that_differ_are_refused(
    survey: Survey, network: Callable[[int], nn.Module], said: str
) -> None:
    with pytest.raises(ValueError, match=f"has other values in {said}"):
        survey(of(network(0)), [network(seed).state_dict() for seed in (1, 2)])


@pytest.mark.parametrize("survey", _MIXING.values(), ids=_MIXING)
def test_other_buffers_that_are_the_same_stay(survey: Survey) -> None:
    torch.manual_seed(0)
    survey(of(Scaled(2.0)), [Scaled(2.0).state_dict() for _ in range(2)])


def test_weight_matching_refuses_them_as_well() -> None:
    def masked(seed: int) -> nn.Module:
        torch.manual_seed(seed)
        model = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3))
        model.register_buffer("mask", torch.rand(3))
        return model

    with pytest.raises(ValueError, match="other network has other values in 'mask', a buffer of Sequential"):
        aligned(of(masked(0)), other=masked(1).state_dict())


def test_a_buffer_that_the_user_names_moves() -> None:
    model = Scaled(1.0)
    problem = of(model)
    losses = line(problem, along=GivenDirections({"scale": torch.ones(1)}), points=3).loss.values.ravel()
    inputs, targets = problem.data["train"]
    with torch.no_grad():
        expected = [cross_entropy(scale * model.linear(inputs), targets).item() for scale in (0.0, 1.0, 2.0)]
    assert np.allclose(losses, expected, rtol=1e-6)


def test_random_directions_leave_it_where_it_is() -> None:
    """Also under Li et al.'s convention, where it takes part in the drawing."""
    for convention in ("lossatlas", "li2018"):
        directions = RandomDirections(statistics=True, ignore="none", convention=convention)
        assert list(directions.of(of(Scaled(1.0))).draw(0)) == ["linear.weight", "linear.bias"]
