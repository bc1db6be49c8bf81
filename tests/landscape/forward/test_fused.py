"""The fused forward pass against the network's own in float64, for our networks and for strangers'."""

import copy
from collections.abc import Callable

import pytest
import torch
import torchvision
from torch import Tensor, nn

from lossatlas.landscape import Engine, Problem, parameters, random_direction
from lossatlas.landscape.measuring.prepared import prepared
from lossatlas.models import MLP, VGG, ResNet
from lossatlas.weight_space import weights_digest

VGG9: list[int | str] = [1, 1, "M", 2, 2, "M", 4, 4, 4, "M"]
DIGITS, SMALL = (1, 8, 8), (3, 16, 16)

OURS: dict[str, tuple[Callable[[], nn.Module], tuple[int, int, int]]] = {
    "ResNet-20": (lambda: ResNet(20, width=8, input_shape=DIGITS, classes=10), DIGITS),
    "ResNet-20, colours": (lambda: ResNet(20, width=8, input_shape=SMALL, classes=10), SMALL),
    "option A": (lambda: ResNet(20, width=8, shortcut="A", input_shape=SMALL, classes=10), SMALL),
    "no shortcuts": (lambda: ResNet(20, width=8, skip=False, input_shape=SMALL, classes=10), SMALL),
    "VGG-9": (lambda: VGG(VGG9, [4], width=8, input_shape=DIGITS, classes=10), DIGITS),
    "VGG, no batch norm": (
        lambda: VGG(VGG9, [4], width=8, batch_norm=False, dropout=0.5, input_shape=DIGITS, classes=10),
        DIGITS,
    ),
    "MLP": (lambda: MLP([64, 64], input_shape=DIGITS, classes=10), DIGITS),
    "MLP, batch norm": (lambda: MLP([64, 64], batch_norm=True, input_shape=SMALL, classes=10), SMALL),
}


def small_vgg() -> nn.Module:
    """VGG-11 of torchvision without its 120 million weights between images of 7x7 and the classes."""
    return nn.Sequential(torchvision.models.vgg11_bn().features, nn.Flatten(), nn.Linear(512, 10))


STRANGERS: dict[str, Callable[[], nn.Module]] = {
    "resnet18": lambda: torchvision.models.resnet18(num_classes=10),
    "mobilenet_v3_small": lambda: torchvision.models.mobilenet_v3_small(num_classes=10),
    "vgg11_bn": small_vgg,
    "densenet121": lambda: torchvision.models.densenet121(num_classes=10),
}


def with_statistics(model: nn.Module, inputs: Tensor) -> nn.Module:
    """Weights that pass a signal, batch-norm statistics of the data, and scales and shifts of their own."""
    rng = torch.Generator().manual_seed(1)
    for parameter in model.parameters():
        if parameter.ndim > 1:
            parameter.data.mul_(6**0.5)  # from torch's default to He's
    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.weight.data.uniform_(0.5, 1.5, generator=rng)
            module.bias.data.normal_(0.0, 0.2, generator=rng)
    with torch.no_grad():
        model.train()(inputs)
    return model.eval()


def problem_of(make: Callable[[], nn.Module], shape: tuple[int, int, int], n: int = 40) -> Problem:
    torch.manual_seed(0)
    model = make()
    inputs, targets = torch.randn(n, *shape), torch.randint(10, (n,))
    return Problem(with_statistics(model, inputs), nn.functional.cross_entropy, {"train": (inputs, targets)})


def losses_along(problem: Problem, engine: Engine) -> tuple[str, Tensor]:
    """Losses at five points of a line of filter-normalised direction, and the kind of forward pass."""
    centre = parameters(problem.model)
    along = {name: tensor.float() for name, tensor in centre.items()}
    direction = random_direction(along, seed=3)
    with prepared(problem, engine=engine) as ready:
        losses = []
        for alpha in (-1.0, -0.5, 0.0, 0.5, 1.0):
            for name, tensor in centre.items():
                moved = (
                    tensor.float() + alpha * direction[name]
                )  # the same float32 weights in either precision
                ready.weights[name].copy_(moved)
            losses.append(ready.measure()[0])
    return ready.forward.name, torch.tensor(losses, dtype=torch.float64)


def doubled(problem: Problem) -> Problem:
    inputs, targets = problem.data["train"]
    return Problem(copy.deepcopy(problem.model).double(), problem.loss, {"train": (inputs.double(), targets)})


@pytest.mark.parametrize("name", OURS)
def test_our_networks_are_fused_and_as_exact_as_before(name: str) -> None:
    make, shape = OURS[name]
    problem = problem_of(make, shape)
    _, reference = losses_along(doubled(problem), Engine(fuse=False))
    plain_kind, plain = losses_along(problem, Engine(fuse=False))
    kind, fused = losses_along(problem, Engine())
    assert (plain_kind, kind) == ("module", "fused")
    span = reference.max() - reference.min()
    error, plain_error = (abs(losses - reference).max() / span for losses in (fused, plain))
    assert error < 2e-6
    assert error < 2 * plain_error + 3e-7  # the errors are a few units of rounding: one may be lucky


@pytest.mark.slow
@pytest.mark.parametrize("name", STRANGERS)
def test_strangers_networks_are_fused_and_as_exact_as_before(name: str) -> None:
    problem = problem_of(STRANGERS[name], (3, 32, 32), n=24)
    _, reference = losses_along(doubled(problem), Engine(fuse=False))
    _, plain = losses_along(problem, Engine(fuse=False))
    kind, fused = losses_along(problem, Engine())
    assert kind == "fused"
    span = reference.max() - reference.min()
    assert abs(fused - reference).max() < max(2 * abs(plain - reference).max(), 2e-6 * span)


def test_the_fused_pass_does_not_depend_on_the_batch_size() -> None:
    problem = problem_of(*OURS["ResNet-20"], n=37)
    for batch_size in (37, 16, 5, 1):
        with prepared(problem, engine=Engine(batch_size=batch_size)) as ready:
            assert ready.forward.name == "fused"
            loss = ready.measure()[0]
        with torch.no_grad():
            outputs = problem.model(problem.data["train"][0]).double()
        expected = nn.functional.cross_entropy(outputs, problem.data["train"][1]).item()
        assert loss == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("engine", [Engine(), Engine(precision="bfloat16"), Engine(evaluation="recompute")])
def test_the_network_is_left_untouched(engine: Engine) -> None:
    problem = problem_of(*OURS["MLP, batch norm"])
    before = weights_digest(problem.model.state_dict())
    with prepared(problem, engine=engine) as ready:
        ready.measure()
        problem.model(problem.data["train"][0])
    assert weights_digest(problem.model.state_dict()) == before


@pytest.mark.parametrize("variance", [-0.5, 0.0, float("inf"), float("nan")])
def test_odd_variances_come_out_as_they_do_from_the_network(network: nn.Module, variance: float) -> None:
    inputs, targets = torch.randn(9, 2, 8, 8), torch.randint(3, (9,))
    problem = Problem(network, nn.functional.cross_entropy, {"train": (inputs, targets)})
    network.eval()
    with prepared(problem) as ready:
        ready.weights["1.running_var"][2] = variance
        fused = ready.measure()[0]
        with torch.inference_mode():
            expected = nn.functional.cross_entropy(ready.model(inputs), targets).item()
    assert ready.forward.name == "fused"
    assert fused == pytest.approx(expected, rel=1e-4, nan_ok=True)


def test_points_that_move_the_statistics_are_followed(network: nn.Module, other_network: nn.Module) -> None:
    inputs, targets = torch.randn(9, 2, 8, 8), torch.randint(3, (9,))
    problem = Problem(network, nn.functional.cross_entropy, {"train": (inputs, targets)})
    with prepared(problem) as ready:
        for name, tensor in other_network.state_dict().items():
            ready.weights[name].copy_(tensor)
        there = ready.measure()[0]
    expected = nn.functional.cross_entropy(other_network.eval()(inputs), targets).item()
    assert there == pytest.approx(expected, rel=1e-6)
