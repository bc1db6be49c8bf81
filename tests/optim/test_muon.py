"""Muon for matrices, AdamW for the rest: against torch's own two, and against an orthogonal matrix."""

from copy import deepcopy
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from lossatlas.optim import Muon


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(64, 3))


def backward(model: nn.Module, step: int) -> None:
    rng = torch.Generator().manual_seed(step)
    model.zero_grad()
    model(torch.randn(8, 1, 6, 6, generator=rng)).square().mean().backward()


def trained(model: nn.Module, optimizers: list[Any], steps: int = 4) -> dict[str, Tensor]:
    for step in range(steps):
        backward(model, step)
        for optimizer in optimizers:
            optimizer.step()
    return model.state_dict()


def test_without_kernels_it_is_torchs_muon_and_torchs_adamw_side_by_side() -> None:
    ours, theirs = network(), network()
    one = trained(ours, [Muon(ours.parameters(), lr=0.01, kernels=False, weight_decay=0.1)])
    matrices = [p for p in theirs.parameters() if p.ndim == 2]
    rest = [p for p in theirs.parameters() if p.ndim != 2]
    two = trained(
        theirs,
        [
            torch.optim.Muon(matrices, lr=0.01, weight_decay=0.1, adjust_lr_fn="match_rms_adamw"),
            torch.optim.AdamW(rest, lr=0.01, weight_decay=0.1),
        ],
    )
    torch.testing.assert_close(one, two, rtol=0, atol=0)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_kernels_move_as_the_matrices_that_they_are(layout: torch.memory_format) -> None:
    kernel = nn.Parameter(torch.randn(6, 3, 2, 2).to(memory_format=layout))
    matrix = nn.Parameter(kernel.detach().flatten(1).clone())
    ours, theirs = (
        Muon([kernel], lr=0.1),
        torch.optim.Muon([matrix], 0.1, 0.0, adjust_lr_fn="match_rms_adamw"),
    )
    for step in range(3):
        drawn = torch.randn(6, 3, 2, 2, generator=torch.Generator().manual_seed(step))
        kernel.grad, matrix.grad = drawn.to(memory_format=layout), drawn.flatten(1)
        ours.step()
        theirs.step()
    torch.testing.assert_close(kernel.detach().flatten(1), matrix.detach(), rtol=0, atol=0)
    assert kernel.is_contiguous(memory_format=layout)


def test_a_step_has_the_gradients_singular_vectors_and_singular_values_near_one() -> None:
    """U V' of g = U S V'; the five iterations leave singular values of about 0.7 to 1.2 (Jordan et al. 2024)."""
    weight = nn.Parameter(torch.zeros(5, 3))
    gradient = torch.randn(5, 3, generator=torch.Generator().manual_seed(1))
    optimizer = Muon([weight], lr=1.0, adjust_lr_fn="original", nesterov=False)
    weight.grad = gradient
    optimizer.step()
    left, _, right = torch.linalg.svd(gradient, full_matrices=False)
    step = -weight.detach() / (5 / 3) ** 0.5
    inner = left.T @ step @ right.T
    assert (inner.diag() > 0.6).all()
    assert (inner.diag() < 1.3).all()
    assert (inner - inner.diag().diag()).abs().max() < 0.02


def test_it_goes_on_from_its_state_to_the_same_bits() -> None:
    whole = network()
    optimizer = Muon(whole.parameters(), lr=0.01, rest_lr=0.003)
    trained(whole, [optimizer])
    resumed = network()
    resumed.load_state_dict(whole.state_dict())
    other = Muon(resumed.parameters(), lr=0.01, rest_lr=0.003)
    other.load_state_dict(deepcopy(optimizer.state_dict()))
    assert [group["lr"] for group in other.param_groups] == [0.01, 0.003]
    torch.testing.assert_close(trained(resumed, [other]), trained(whole, [optimizer]), rtol=0, atol=0)


def test_a_rate_that_is_set_in_its_groups_is_that_of_its_parts() -> None:
    model = network()
    before = {name: tensor.clone() for name, tensor in model.named_parameters()}
    optimizer = Muon(model.parameters(), lr=0.01)
    for group in optimizer.param_groups:
        group["lr"] = 0.0
    trained(model, [optimizer])
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.named_parameters())


def test_a_network_without_matrices_is_refused() -> None:
    with pytest.raises(
        ValueError, match=r"none of the 2 parameters is one \(shapes \[4\], \[4\]\): type optimizer=adamw"
    ):
        Muon(nn.BatchNorm1d(4).parameters())
    with pytest.raises(ValueError, match=r"none of the 1 parameters is one \(shapes \[4, 1, 2, 2\]\)"):
        Muon([nn.Parameter(torch.zeros(4, 1, 2, 2))], kernels=False)


@pytest.mark.parametrize("others", [0, 1])
def test_a_group_that_is_added_later_goes_to_adamw(others: int) -> None:
    """Whether or not there was anything for AdamW before."""
    weight, gate = nn.Parameter(torch.eye(2)), nn.Parameter(torch.ones(3))
    optimizer = Muon([weight, *(nn.Parameter(torch.ones(2)) for _ in range(others))], lr=0.1)
    optimizer.add_param_group({"params": [gate], "weight_decay": 0.0, "lr": 0.5})
    assert len(optimizer.param_groups) == 2 + others
    weight.grad, gate.grad = torch.ones(2, 2), torch.ones(3)
    other = Muon([weight, *(nn.Parameter(torch.ones(2)) for _ in range(others))], lr=0.1)
    other.add_param_group({"params": [gate], "weight_decay": 0.0, "lr": 0.1})
    other.load_state_dict(optimizer.state_dict())
    other.step()
    assert gate.tolist() == pytest.approx([0.5] * 3)
