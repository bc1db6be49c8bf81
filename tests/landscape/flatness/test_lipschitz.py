"""Lipschitz constants along the gradient where they are known in closed form, and with batch norm as in training."""

import copy
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from lossatlas.landscape import Engine, Problem, lipschitz

CURVATURES = torch.tensor([0.5, 1.0, 4.0, 9.0], dtype=torch.float64)
H = CURVATURES.numpy()
W = np.array([0.3, -0.2, 0.1, -0.4])


class Bowl(nn.Module):
    """Half of sum h_i w_i^2, for each input."""

    def __init__(self) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.from_numpy(W.copy()))

    def forward(self, x: Tensor) -> Tensor:
        return (0.5 * CURVATURES * self.w**2).sum() * x


def bowl() -> Problem:
    data = {"train": (torch.ones(7, 1, dtype=torch.float64), torch.zeros(7, dtype=torch.float64))}
    return Problem(Bowl(), lambda out, _: out.mean(), data)


def test_of_a_quadratic_the_gradient_changes_by_the_hessian_whatever_the_rate() -> None:
    rates = [0.01, 0.1, 1.0]
    found = lipschitz(bowl(), rates=rates, engine=Engine(batch_size=3))
    gradient = H * W
    np.testing.assert_allclose(found.gradient_change, [r * np.linalg.norm(H * gradient) for r in rates])
    quotient = np.linalg.norm(H * gradient) / np.linalg.norm(gradient)
    np.testing.assert_allclose(found.gradient_quotient, quotient)
    assert H.min() < quotient <= H.max()  # the constant itself, which it bounds from below
    after = [0.5 * H @ (W - r * gradient) ** 2 for r in rates]
    np.testing.assert_allclose(found.loss, after)
    moved = [r * np.linalg.norm(gradient) for r in rates]
    np.testing.assert_allclose(found.loss_quotient, abs(np.array(after) - 0.5 * H @ W**2) / moved)
    assert found.gradient_norm.item() == pytest.approx(np.linalg.norm(gradient))


def test_over_short_steps_the_loss_changes_by_the_norm_of_the_gradient() -> None:
    found = lipschitz(bowl(), rates=[1e-6])
    assert found.loss_quotient.item() == pytest.approx(found.gradient_norm.item(), rel=1e-4)


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Linear(3, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.5), nn.Linear(8, 3)
    ).double()


def data() -> dict[str, tuple[Tensor, Tensor]]:
    rng = torch.Generator().manual_seed(1)
    return {"train": (torch.randn(24, 3, generator=rng).double() + 2, torch.arange(24) % 3)}


def by_hand(model: nn.Module, inputs: Tensor, targets: Tensor) -> tuple[float, Tensor]:
    loss = nn.functional.cross_entropy(model(inputs), targets)
    gradient = torch.autograd.grad(loss, list(model.parameters()))
    return loss.item(), torch.cat([part.flatten() for part in gradient])


@pytest.mark.parametrize("statistics", ["batch", "running"])
def test_batch_norm_is_as_in_training_or_as_in_evaluation_and_dropout_is_off(statistics: str) -> None:
    model = network()
    before = copy.deepcopy(model.state_dict())
    found = lipschitz(
        Problem(model, nn.CrossEntropyLoss(), data()),
        rates=[0.5],
        statistics=statistics,
        engine=Engine(batch_size=24),
    )
    assert all(before[name].equal(tensor) for name, tensor in model.state_dict().items())

    twin = network().eval()
    twin[1].train(statistics == "batch")
    loss, gradient = by_hand(twin, *data()["train"])
    with torch.no_grad():
        vector = nn.utils.parameters_to_vector(twin.parameters()) - 0.5 * gradient
        nn.utils.vector_to_parameters(vector, twin.parameters())
    if statistics == "running":
        twin[1].load_state_dict({**twin[1].state_dict(), "running_mean": before["1.running_mean"]})
    after, gradient_after = by_hand(twin, *data()["train"])
    assert found.loss_before.item() == pytest.approx(loss, rel=1e-9)
    assert found.loss.item() == pytest.approx(after, rel=1e-9)
    assert found.gradient_change.item() == pytest.approx((gradient_after - gradient).norm().item(), rel=1e-9)


def test_synchronised_batch_norm_is_as_any_other() -> None:
    """Without waiting for processes that are at other points, and off a GPU."""
    problem = Problem(network(), nn.CrossEntropyLoss(), data())
    expected = lipschitz(problem, rates=[0.5])
    synchronised = nn.SyncBatchNorm.convert_sync_batchnorm(network())
    found = lipschitz(Problem(synchronised, nn.CrossEntropyLoss(), data()), rates=[0.5])
    np.testing.assert_array_equal(found.gradient_change, expected.gradient_change)
    assert "forward" not in vars(synchronised[1])


def test_a_network_with_batch_norm_is_no_steeper_for_larger_weights_before_it() -> None:
    """Scaling what is normalised away leaves the loss, and divides its gradient by these weights."""
    one, large = network(), network()
    with torch.no_grad():
        large[0].weight.mul_(10)
        large[0].bias.mul_(10)
    found = [lipschitz(Problem(model, nn.CrossEntropyLoss(), data()), rates=[0.1]) for model in (one, large)]
    assert found[1].loss_before.item() == pytest.approx(found[0].loss_before.item(), rel=1e-4)
    assert found[1].gradient_norm < found[0].gradient_norm


def test_at_rest_there_is_no_direction() -> None:
    problem = bowl()
    with torch.no_grad():
        problem.model.w.zero_()  # type: ignore[union-attr,operator]
    found = lipschitz(problem, rates=[0.1])
    assert found.gradient_norm == 0
    assert np.isnan(found.gradient_quotient).all()
    assert np.isnan(found.loss_quotient).all()


def test_it_goes_on_from_its_journal(tmp_path: Path) -> None:
    journal = tmp_path / "journal"

    def stop(done: int, total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        lipschitz(bowl(), rates=[0.1, 0.2, 0.3], journal=journal, progress=stop)
    resumed = lipschitz(bowl(), rates=[0.1, 0.2, 0.3], journal=journal)
    assert resumed.identical(lipschitz(bowl(), rates=[0.1, 0.2, 0.3]))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rates": []}, r"rates must be positive numbers, got \[\]"),
        ({"rates": [0.1, -1.0]}, r"rates must be positive numbers, got \[0.1, -1.0\]"),
        (
            {"statistics": "bach"},
            r"unknown statistics 'bach', expected one of batch, running \(did you mean batch\?\)",
        ),
    ],
)
def test_what_cannot_be_meant_is_told(options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}"):
        lipschitz(bowl(), **options)  # type: ignore[arg-type]
