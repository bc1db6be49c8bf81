"""What cannot be traced, or would change its meaning, is measured by the network's own forward pass."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations

from lossatlas.landscape import Engine, Problem
from lossatlas.landscape.measuring.prepared import prepared


class Branching(nn.Module):
    """Takes one of two layers by the values of its inputs."""

    def __init__(self) -> None:
        super().__init__()
        self.low, self.high = nn.Linear(4, 3), nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.high(x) if bool(x.sum() > 1e6) else self.low(x)


class Remembering(nn.Module):
    """Multiplies with a number that it takes from a weight while it is traced."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        factor = dict(nn.Module.named_parameters(self))["layer.weight"].detach().abs().sum().item()
        return self.layer(x) * factor


class Shared(nn.Module):
    """One convolution, called twice with two batch norms and once without any."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 2, 3, padding=1)
        self.norms = nn.ModuleList([nn.BatchNorm2d(2), nn.BatchNorm2d(2)])

    def forward(self, x: Tensor) -> Tensor:
        for norm in self.norms:
            x = torch.relu(norm(self.conv(x)))
        return self.conv(x).mean((2, 3))


class Twice(nn.Module):
    """Uses the outputs of a convolution beside their normalised ones, and the input after a ReLU in place."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(2, 2, 3, padding=1), nn.BatchNorm2d(2)

    def forward(self, x: Tensor) -> Tensor:
        h = self.conv(x)
        h = h + torch.relu(self.norm(h))
        k = self.norm(self.conv(h))
        h = nn.functional.relu(h, inplace=True)
        k += h
        return torch.relu(k).mean((2, 3))


class Broadcasting(nn.Module):
    """Adds one image's channel means to a convolution: shapes that differ."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 2, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.conv(x) + x.mean((2, 3), keepdim=True)).mean((2, 3))


def forward_of(model: nn.Module, shape: tuple[int, ...], engine: Engine | None = None) -> str:
    """Name of the forward pass; the loss at other weights is held against the network's own in float64."""
    rng = torch.Generator().manual_seed(0)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0.0, 0.5, generator=rng)
            module.running_var.uniform_(0.5, 2.0, generator=rng)
    inputs, targets = (
        torch.randn(21, *shape, generator=rng),
        torch.randn(21, model(torch.ones(3, *shape)).shape[1]),
    )
    problem = Problem(model, nn.functional.mse_loss, {"train": (inputs, targets)})
    with prepared(problem, engine=engine or Engine(batch_size=8)) as ready:
        for tensor in ready.weights.values():
            if tensor.is_floating_point():
                tensor.mul_(1.3)
        loss = ready.measure()[0]
        with torch.no_grad():
            expected = nn.functional.mse_loss(ready.model(inputs), targets).item()
        name = ready.forward.name
    assert loss == pytest.approx(expected, rel=1e-5)
    return name


def hooked() -> nn.Module:
    model = nn.Sequential(nn.Linear(4, 3), nn.ReLU())
    model[0].register_forward_hook(lambda module, inputs, outputs: 2 * outputs)
    return model


@pytest.mark.parametrize(
    "model",
    [Branching(), Remembering(), hooked()],
    ids=["control flow", "a constant of the weights", "hooks"],
)
def test_what_cannot_be_traced_is_measured_as_it_is(model: nn.Module) -> None:
    assert forward_of(model, (4,)) == "module"


@pytest.mark.parametrize("model", [Shared(), Twice(), Broadcasting()], ids=lambda model: type(model).__name__)
def test_what_is_used_twice_is_right(model: nn.Module) -> None:
    assert forward_of(model, (2, 6, 6)) in ("fused", "module")


@pytest.mark.parametrize("wrap", [parametrizations.weight_norm, parametrizations.orthogonal])
def test_parametrized_weights_are_right(wrap: object) -> None:
    model = nn.Sequential(wrap(nn.Linear(4, 4)), nn.ReLU(), nn.Linear(4, 3))  # type: ignore[operator]
    assert forward_of(model, (4,)) in ("fused", "module")


def test_shared_modules_are_fused_each_time() -> None:
    assert forward_of(Shared(), (2, 6, 6)) == "fused"


@pytest.mark.parametrize(
    ("layer", "norm", "shape"),
    [
        (nn.Conv1d(2, 3, 3), nn.BatchNorm1d(3), (2, 9)),
        (
            nn.Conv2d(2, 4, 3, groups=2, stride=2, dilation=2, bias=False),
            nn.BatchNorm2d(4, affine=False),
            (2, 9, 9),
        ),
        (nn.Conv2d(2, 3, 3, padding="same", padding_mode="reflect"), nn.BatchNorm2d(3), (2, 6, 6)),
        (nn.Conv3d(1, 2, 2), nn.BatchNorm3d(2), (1, 4, 4, 4)),
        (nn.Linear(4, 5), nn.BatchNorm1d(5), (4,)),
        (nn.Linear(4, 5), nn.BatchNorm1d(3), (3, 4)),  # normalises the second axis, not the layer's outputs
    ],
)
def test_every_kind_of_layer_takes_its_batch_norm(
    layer: nn.Module, norm: nn.Module, shape: tuple[int, ...]
) -> None:
    assert forward_of(nn.Sequential(layer, norm, nn.ReLU(), nn.Flatten()), shape) == "fused"


def test_fusing_can_be_turned_off() -> None:
    assert forward_of(nn.Sequential(nn.Linear(4, 3)), (4,), Engine(fuse=False)) == "module"


def test_the_pass_can_be_used_with_and_without_gradients(problem: Problem) -> None:
    with prepared(problem) as ready:
        inputs = problem.data["train"][0]
        ready.forward.refresh()
        outputs = ready.forward(inputs)
        with torch.inference_mode():
            ready.forward.refresh()
            assert ready.forward(inputs).equal(outputs)


def test_trying_leaves_the_weights_as_they_were(problem: Problem) -> None:
    before = {name: tensor.clone() for name, tensor in problem.model.state_dict().items()}
    with prepared(problem) as ready:
        assert ready.forward.name == "fused"
        assert all(ready.weights[name].equal(tensor) for name, tensor in before.items())
