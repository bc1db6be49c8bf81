"""Martens's preconditioner of conjugate gradients, against values that are known exactly."""

import pytest
import torch
from torch import Tensor, nn

from lossatlas.optim import HessianFree
from lossatlas.optim.quadratic_models import conjugate_gradients
from lossatlas.optim.second_order import fisher_diagonal


@pytest.fixture
def rng() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def test_a_diagonal_matrix_that_preconditions_itself_takes_one_iteration() -> None:
    """Of a condition number of 1e6, on which plain conjugate gradients have not come far after one."""
    b = torch.logspace(0, 6, 20, dtype=torch.float64)
    gradient = torch.linspace(-1, 2, 20, dtype=torch.float64)
    (exact, plain) = (
        conjugate_gradients(lambda v: b * v, gradient, iterations=1, tolerance=0.0, preconditioner=like)
        for like in (b, None)
    )
    torch.testing.assert_close(exact, -gradient / b)
    assert (plain + gradient / b).norm() > 0.5 * (gradient / b).norm()


def test_preconditioned_iterates_are_those_of_the_scaled_problem(rng: torch.Generator) -> None:
    """With p = M^-1/2 y the model has the matrix M^-1/2 B M^-1/2 and the gradient M^-1/2 g."""
    root = torch.randn(6, 6, generator=rng, dtype=torch.float64)
    b, gradient = root @ root.T + torch.eye(6), torch.randn(6, generator=rng, dtype=torch.float64)
    like = torch.rand(6, generator=rng, dtype=torch.float64) + 0.1
    start, scale = torch.randn(6, generator=rng, dtype=torch.float64), like**-0.5
    for iterations in (1, 2, 4):
        found = conjugate_gradients(
            lambda v: b @ v, gradient, start=start, iterations=iterations, tolerance=0.0, preconditioner=like
        )
        expected = scale * conjugate_gradients(
            lambda v: scale * (b @ (scale * v)),
            scale * gradient,
            start=start / scale,
            iterations=iterations,
            tolerance=0.0,
        )
        torch.testing.assert_close(found, expected)


def test_negative_curvature_at_the_start_gives_a_preconditioned_step_down() -> None:
    gradient, like = torch.tensor([2.0, 3.0]), torch.tensor([4.0, 1.0])
    step = conjugate_gradients(lambda v: -v, gradient, iterations=5, tolerance=0.0, preconditioner=like)
    assert step.tolist() == [-0.5, -3.0]


def examples_apart() -> tuple[nn.Module, Tensor, Tensor]:
    """A linear network of which each of three examples sees a column of its own, so that no signs mix."""
    network = nn.Linear(3, 2, bias=False).double()
    inputs = torch.diag(torch.tensor([1.0, 2.0, -3.0], dtype=torch.float64))
    targets = torch.tensor([[1.0, 0.0], [0.0, 2.0], [1.0, 1.0]], dtype=torch.float64)
    return network, inputs, targets


def squared_gradients(network: nn.Module, inputs: Tensor, targets: Tensor) -> Tensor:
    """Mean over the examples of the squared gradients of each one's loss."""
    found = []
    for x, y in zip(inputs, targets, strict=True):
        loss = nn.functional.mse_loss(network(x), y)
        found.append(torch.cat([g.flatten() for g in torch.autograd.grad(loss, list(network.parameters()))]))
    return torch.stack(found).square().mean(0)


@pytest.mark.parametrize("probes", [1, 3])
def test_where_examples_share_no_weight_every_probe_is_exact(probes: int) -> None:
    network, inputs, targets = examples_apart()

    def objective() -> tuple[Tensor, Tensor]:
        outputs = network(inputs)
        return nn.functional.mse_loss(outputs, targets), outputs

    found = fisher_diagonal(objective, list(network.parameters()), probes=probes, step=0)
    torch.testing.assert_close(found, squared_gradients(network, inputs, targets))


def test_probes_are_the_diagonal_in_the_mean(rng: torch.Generator) -> None:
    """Of weights that all examples share; the penalty in the loss has no part in it."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)).double()
    inputs, targets = (torch.randn(6, d, generator=rng, dtype=torch.float64) for d in (3, 2))

    def objective() -> tuple[Tensor, Tensor]:
        outputs = network(inputs)
        penalty = sum(p.square().sum() for p in network.parameters())
        return nn.functional.mse_loss(outputs, targets) + penalty, outputs

    exact = squared_gradients(network, inputs, targets)
    found = fisher_diagonal(objective, list(network.parameters()), probes=3000, step=1)
    assert ((found - exact).abs() / exact).max() < 0.15  # sqrt(2 / 3000) is 0.026 of each


def test_a_step_of_one_iteration_is_along_the_preconditioned_gradient() -> None:
    """By hand: p = -M^-1 g g'M^-1 g / (g'M^-1 (B + damping) M^-1 g) with M = (d + damping)^(3/4)."""
    network, inputs, targets = examples_apart()
    damping = 0.3

    def objective() -> tuple[Tensor, Tensor]:
        outputs = network(inputs)
        return nn.functional.mse_loss(outputs, targets), outputs

    before = network.weight.detach().clone()
    (gradient,) = torch.autograd.grad(objective()[0], network.weight)
    like = (squared_gradients(network, inputs, targets).view(2, 3) + damping) ** 0.75
    direction = -gradient / like
    curvature = 2 / 6 * inputs.square().sum(0) + damping  # of the mean over 6 entries, by column
    length = (gradient * gradient / like).sum() / (curvature * direction.square()).sum()
    optimizer = HessianFree(
        network.parameters(), damping=damping, adapt=False, iterations=1, preconditioner="fisher"
    )
    optimizer.step(objective()[0].backward, objective)
    torch.testing.assert_close(network.weight.detach() - before, length * direction)


def test_it_goes_on_from_a_state_dict_with_the_signs_that_come_next(rng: torch.Generator) -> None:
    inputs, targets = (torch.randn(8, d, generator=rng, dtype=torch.float64) for d in (3, 2))

    def trained(steps: int, resumed_after: int | None) -> Tensor:
        torch.manual_seed(0)
        network = nn.Linear(3, 2).double()
        optimizer = HessianFree(network.parameters(), iterations=3, preconditioner="fisher", probes=2)

        def objective() -> tuple[Tensor, Tensor]:
            outputs = network(inputs)
            return nn.functional.cross_entropy(outputs, targets.softmax(1)), outputs

        def closure() -> None:
            optimizer.zero_grad()
            objective()[0].backward()

        for step in range(steps):
            if step == resumed_after:
                kept, optimizer = (
                    optimizer.state_dict(),
                    HessianFree(network.parameters(), iterations=3, preconditioner="fisher", probes=2),
                )
                optimizer.load_state_dict(kept)
            optimizer.step(closure, objective)
        return network.weight.detach().clone()

    assert torch.equal(trained(4, None), trained(4, 2))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"preconditioner": "diagonal"}, "unknown preconditioner 'diagonal', expected one of none, fisher"),
        ({"preconditioner": "fisher", "probes": 0}, "probes must be >= 1, got 0"),
        (
            {"preconditioner": "fisher", "trust_radius": 1.0},
            "expected trust_radius=null, with damping in its place",
        ),
    ],
)
def test_bad_settings_are_refused(settings: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        HessianFree([nn.Parameter(torch.zeros(2))], **settings)


def test_a_loss_without_outputs_has_no_fisher_matrix() -> None:
    place = nn.Parameter(torch.ones(2))
    with pytest.raises(
        ValueError, match=r"the Fisher matrix is of a network's outputs, .* optimizer.preconditioner=none"
    ):
        fisher_diagonal(lambda: (place.square().sum(), None), [place], probes=1, step=0)
