"""Of a single softmax layer the geometric mean over all networks that dropout draws is the network with all units."""

from itertools import product

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from lossatlas.landscape import Problem, dropout_ensemble

INPUTS, CLASSES = 6, 3


class EveryMask(nn.Dropout):
    """Dropout that goes through all masks, one at each call in training, the same for every example."""

    def __init__(self) -> None:
        super().__init__(0.5)
        self.masks = [torch.tensor(mask) for mask in product([0.0, 2.0], repeat=INPUTS)]
        self.calls = 0

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return x
        self.calls += 1
        return x * self.masks[(self.calls - 1) % len(self.masks)].to(x.dtype)


def of(*layers: nn.Module, count: int = 40) -> Problem:
    draws = torch.Generator().manual_seed(0)
    model = nn.Sequential(*layers)
    for parameter in model.parameters():
        parameter.data.normal_(0.0, 0.8, generator=draws)
    inputs = torch.randn(count, INPUTS, generator=draws, dtype=torch.float64)
    return Problem(model.double(), nn.CrossEntropyLoss(), {"test": (inputs, torch.arange(count) % CLASSES)})


def test_the_geometric_mean_over_all_masks_of_a_softmax_layer_is_the_network_with_all_units() -> None:
    found = dropout_ensemble(of(EveryMask(), nn.Linear(INPUTS, CLASSES)), samples=2**INPUTS).isel(split=0)
    whole = found.isel(size=-1)
    assert whole.divergence.sel(mean="geometric").item() == pytest.approx(0, abs=1e-12)
    assert whole.nll.sel(mean="geometric").item() == pytest.approx(found.scaled_nll.item(), rel=1e-12)
    assert whole.error.sel(mean="geometric").item() == found.scaled_error.item()
    assert whole.divergence.sel(mean="arithmetic").item() > 1e-3
    assert found.divergence.sel(mean="geometric", size=2 ** (INPUTS - 1)).item() > 1e-3  # half of the masks


def test_of_a_deeper_network_neither_mean_is() -> None:
    layers = (EveryMask(), nn.Linear(INPUTS, 5), nn.ReLU(), nn.Linear(5, CLASSES))
    assert (dropout_ensemble(of(*layers), samples=2**INPUTS).divergence.isel(size=-1) > 1e-3).all()


def test_drawn_networks_of_a_softmax_layer_come_to_it_as_their_number_grows() -> None:
    """Logits' means have variance 1 / n, and the divergence is of second order in them."""
    found = dropout_ensemble(of(nn.Dropout(0.3), nn.Linear(INPUTS, CLASSES), count=400), samples=1600)
    far, near = (
        found.divergence.isel(split=0).sel(mean="geometric", size=size).item() for size in (16, 1600)
    )
    assert 70 < far / near < 140


def test_scores_are_those_of_means_that_are_taken_by_hand() -> None:
    problem = of(EveryMask(), nn.Linear(INPUTS, 5), nn.Tanh(), nn.Linear(5, CLASSES))
    found = dropout_ensemble(problem, samples=3).isel(split=0)
    inputs, targets = problem.data["test"]
    dropout, *rest = problem.model  # type: ignore[misc]
    with torch.no_grad():
        logits = [nn.Sequential(*rest)(inputs * mask) for mask in dropout.masks[:3]]
        scaled = nn.Sequential(*rest)(inputs)
    arithmetic = torch.stack([one.softmax(-1) for one in logits]).mean(0)
    geometric = torch.stack([one.softmax(-1) for one in logits]).log().mean(0).exp()
    geometric = geometric / geometric.sum(-1, keepdim=True)
    q = scaled.softmax(-1)
    for name, p in (("arithmetic", arithmetic), ("geometric", geometric)):
        at = found.sel(mean=name, size=3)
        assert at.error.item() == pytest.approx((p.argmax(-1) != targets).double().mean().item())
        assert at.nll.item() == pytest.approx(-p.gather(1, targets[:, None]).log().mean().item(), rel=1e-9)
        assert at.divergence.item() == pytest.approx((p * (p / q).log()).sum(-1).mean().item(), rel=1e-9)
    errors = [(one.argmax(-1) != targets).double().mean().item() for one in logits]
    np.testing.assert_allclose(found.sample_error, errors)
    assert found.scaled_error.item() == pytest.approx((scaled.argmax(-1) != targets).double().mean().item())


def test_draws_depend_on_the_seed_and_leave_torchs_own_and_the_network_as_they_were() -> None:
    problem = of(nn.Dropout(0.5), nn.Linear(INPUTS, CLASSES))
    problem.model.train()
    before = torch.get_rng_state()
    one, again, other = (dropout_ensemble(problem, samples=4, seed=seed) for seed in (0, 0, 1))
    assert one.equals(again)
    assert not one.equals(other)
    assert torch.equal(torch.get_rng_state(), before)
    assert all(module.training for module in problem.model.modules())


def test_only_dropout_is_in_training() -> None:
    """Batch norm keeps its statistics, in place of those of the batch."""
    norm, dropout, last = nn.BatchNorm1d(INPUTS), EveryMask(), nn.Linear(INPUTS, CLASSES)
    problem = of(norm, dropout, last)
    norm.running_mean.fill_(0.5)  # type: ignore[union-attr]
    found = dropout_ensemble(problem, samples=2).isel(split=0)
    inputs, targets = problem.data["test"]
    with torch.no_grad():
        logits = last(norm.eval()(inputs) * dropout.masks[1])
    assert found.sample_error[1].item() == pytest.approx(
        (logits.argmax(-1) != targets).double().mean().item()
    )


def test_bad_options_and_networks_are_refused() -> None:
    with pytest.raises(ValueError, match="samples must be >= 1, got 0"):
        dropout_ensemble(of(nn.Dropout(0.5), nn.Linear(INPUTS, CLASSES)), samples=0)
    with pytest.raises(
        ValueError, match="Sequential has no layer of dropout, so that there is nothing to draw"
    ):
        dropout_ensemble(of(nn.Linear(INPUTS, CLASSES)))
    words = of(nn.Dropout(0.5), nn.Linear(INPUTS, CLASSES))
    regression = Problem(
        words.model, nn.MSELoss(), {"test": (words.data["test"][0], torch.zeros(40, CLASSES).double())}
    )
    with pytest.raises(ValueError, match="an ensemble needs targets that are classes"):
        dropout_ensemble(regression)
