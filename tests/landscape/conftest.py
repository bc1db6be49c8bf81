"""Small problems, most of them with a landscape that is known in closed form."""

import copy
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from lossatlas.landscape import Problem


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture
def rng() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def randomize(model: nn.Module, rng: torch.Generator) -> nn.Module:
    """Give every parameter and batch-norm statistic a value of its own, as training would."""
    for parameter in model.parameters():
        parameter.data.normal_(0.0, 0.4, generator=rng)
    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.weight.data.uniform_(0.5, 1.5, generator=rng)
            module.running_mean.normal_(0.0, 0.5, generator=rng)
            module.running_var.uniform_(0.5, 2.0, generator=rng)
    return model


@pytest.fixture
def randomized(rng: torch.Generator) -> Callable[[nn.Module], nn.Module]:
    """`randomize` with the generator of the test."""
    return lambda model: randomize(model, rng)


def convolutional() -> nn.Sequential:
    """Convolutions, batch norm, pooling and dropout for 8x8 images of two channels and three classes."""
    return nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(4, 6, 3, padding=1, bias=False),
        nn.BatchNorm2d(6),
        nn.ReLU(),
        nn.Flatten(),
        nn.Dropout(0.5),
        nn.Linear(6 * 16, 3),
    )


@pytest.fixture
def network(rng: torch.Generator) -> nn.Module:
    return randomize(convolutional(), rng)


@pytest.fixture
def other_network() -> nn.Module:
    return randomize(convolutional(), torch.Generator().manual_seed(1))


@pytest.fixture
def images(rng: torch.Generator) -> dict[str, tuple[Tensor, Tensor]]:
    """37 training and 11 test images: odd numbers, so that most batches are short."""
    return {
        split: (torch.randn(n, 2, 8, 8, generator=rng), torch.randint(3, (n,), generator=rng))
        for split, n in (("train", 37), ("test", 11))
    }


@pytest.fixture
def problem(network: nn.Module, images: dict[str, tuple[Tensor, Tensor]]) -> Problem:
    return Problem(network, nn.functional.cross_entropy, images)


@pytest.fixture
def regression(rng: torch.Generator) -> Problem:
    """Linear regression in float64 of 2 outputs on 3 inputs: the loss is a quadratic in the weights."""
    model = nn.Linear(3, 2).double()
    x = torch.randn(23, 3, generator=rng, dtype=torch.float64)
    y = torch.randn(23, 2, generator=rng, dtype=torch.float64)
    return Problem(randomize(model, rng), nn.functional.mse_loss, {"train": (x, y)})


@pytest.fixture
def double_problem(problem: Problem) -> Problem:
    """A copy of ``problem`` in float64."""
    data = {split: (inputs.double(), targets) for split, (inputs, targets) in problem.data.items()}
    return Problem(copy.deepcopy(problem.model).double(), problem.loss, data)
