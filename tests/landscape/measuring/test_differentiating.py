"""Weights by which torch has no derivative count as what they are, or are refused; checkpoints change nothing."""

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint, checkpoint_sequential

from lossatlas.landscape import (
    GradientDirections,
    HessianDirections,
    Problem,
    convexity,
    eigenvalues,
    gradient_noise,
    jacobian,
    line,
    lipschitz,
    sam_sharpness,
    sharpness,
    signal_propagation,
    spectrum,
    trace,
)
from lossatlas.landscape.measuring.differentiating import differentiable
from lossatlas.landscape.survey import Survey

BY_DERIVATIVES = {
    "eigenvalues": eigenvalues,
    "eigenvalues of Gauss-Newton": partial(eigenvalues, matrix="gauss_newton"),
    "trace": partial(trace, probes=5, sketch=2),
    "spectrum": partial(spectrum, probes=1, steps=5),
    "convexity": partial(convexity, points=2),
    "along eigenvectors": partial(line, along=HessianDirections(), points=3),
    "sharpness": sharpness,
    "sam_sharpness": sam_sharpness,
    "lipschitz": lipschitz,
    "signal_propagation": signal_propagation,
    "gradient_noise": partial(gradient_noise, sizes=[1, 5], draws=2),
    "along the gradient": partial(line, along=GradientDirections(), points=3),
}


class Blocks(nn.Module):
    """Two blocks, the first of which comes before any weight; ``run`` computes each."""

    def __init__(self, run: Callable[[nn.Module, Tensor], Tensor]) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first = nn.Sequential(nn.Linear(5, 8), nn.BatchNorm1d(8), nn.Tanh())
        self.second = nn.Sequential(nn.Linear(8, 8), nn.Tanh())
        self.head = nn.Linear(8, 3)
        self.run = run

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.run(self.second, self.run(self.first, x)))


def of(model: nn.Module) -> Problem:
    x = torch.randn(60, 5, generator=torch.Generator().manual_seed(1))
    y = (x[:, 0] > 0).long() + (x[:, 1] > 0.5).long()
    return Problem(model, nn.functional.cross_entropy, {"train": (x, y)})


CHECKPOINTS: dict[str, Callable[[nn.Module, Tensor], Tensor]] = {
    "reentrant": partial(checkpoint, use_reentrant=True),
    "not reentrant": partial(checkpoint, use_reentrant=False),
    "sequential": lambda block, x: checkpoint_sequential(block, 2, x, use_reentrant=True),
}


@pytest.mark.parametrize("kind", CHECKPOINTS)
@pytest.mark.parametrize("survey", [*BY_DERIVATIVES.values(), jacobian], ids=[*BY_DERIVATIVES, "jacobian"])
def test_a_network_with_checkpoints_has_the_numbers_of_one_without(kind: str, survey: Survey) -> None:
    """A reentrant one had no derivative by its block's weights: the smallest eigenvalue was 0."""
    with_checkpoints = survey(of(Blocks(CHECKPOINTS[kind])))
    assert with_checkpoints.identical(survey(of(Blocks(lambda block, x: block(x)))))


def test_checkpoints_are_as_before_afterwards() -> None:
    saved = []

    class Recorded(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            saved.append(torch.is_grad_enabled())
            return x.tanh()

    x = torch.ones(3, requires_grad=True)
    with differentiable():
        checkpoint(Recorded(), x, use_reentrant=True).sum().backward()
    assert saved == [True]  # once: nothing is computed anew
    saved.clear()
    checkpoint(Recorded(), x, use_reentrant=True).sum().backward()
    assert saved == [False, True]


def without_gradients(block: nn.Module, x: Tensor) -> Tensor:
    with torch.no_grad():
        return block(x)


@pytest.mark.parametrize("run", [without_gradients, lambda block, x: block(x).detach()])
@pytest.mark.parametrize("survey", BY_DERIVATIVES.values(), ids=BY_DERIVATIVES)
def test_weights_that_a_network_uses_without_derivatives_are_no_flat_ones(
    run: Callable[[nn.Module, Tensor], Tensor], survey: Survey
) -> None:
    said = (
        "the outputs of Blocks change with its parameter 'first.0.weight', but torch has no derivative by it"
    )
    with pytest.raises(ValueError, match=said):
        survey(of(Blocks(run)))


def test_a_parameter_that_decides_without_a_slope_counts_as_flat() -> None:
    """The derivative of a choice is zero almost everywhere, as torch has it."""

    class Gated(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.gate = nn.Linear(5, 2)
            self.experts = nn.ModuleList(nn.Linear(5, 3) for _ in range(2))

        def forward(self, x: Tensor) -> Tensor:
            first = self.gate(x).argmax(1, keepdim=True) == 0
            return torch.where(first, self.experts[0](x), self.experts[1](x))

    torch.manual_seed(0)
    found = eigenvalues(of(Gated()), tolerance=1e-3)
    assert found.converged
    assert float(found.eigenvalue.sel(end="largest", rank=1)) > 0.1
    assert np.isclose(float(found.eigenvalue.sel(end="smallest", rank=1)), 0, atol=1e-5)


def test_the_network_is_as_before_where_a_survey_is_refused() -> None:
    model = Blocks(without_gradients)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with pytest.raises(ValueError, match="torch has no derivative by it"):
        eigenvalues(of(model))
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
