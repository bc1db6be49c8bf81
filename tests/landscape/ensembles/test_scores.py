import numpy as np
import pytest
import torch
from sklearn.metrics import brier_score_loss, log_loss, zero_one_loss
from torch import Tensor
from torchmetrics.functional.classification import multiclass_calibration_error

from lossatlas.landscape.ensembles.scores import (
    brier,
    calibration_error,
    error,
    expected_calibration_error,
    nll,
)


@pytest.fixture
def predicted(rng: torch.Generator) -> tuple[Tensor, Tensor]:
    """Logarithms of the probabilities of 200 examples of four classes, and their targets."""
    logits = torch.randn(200, 4, generator=rng, dtype=torch.float64)
    return logits.log_softmax(-1), torch.randint(4, (200,), generator=rng)


def test_error_likelihood_and_brier_score_are_scikit_learns(predicted: tuple[Tensor, Tensor]) -> None:
    logs, targets = predicted
    probabilities, labels = logs.exp().numpy(), range(4)
    assert error(logs, targets) == pytest.approx(zero_one_loss(targets, probabilities.argmax(1)), rel=1e-12)
    assert nll(logs, targets) == pytest.approx(log_loss(targets, probabilities, labels=labels), rel=1e-12)
    theirs = brier_score_loss(targets, probabilities, labels=labels, scale_by_half=False)
    assert brier(logs, targets) == pytest.approx(theirs, rel=1e-12)


def test_the_likelihood_is_not_taken_of_a_softmax_of_probabilities() -> None:
    """A known fault of existing code: 1.16 in place of 2.25 for a class that is given 0.105."""
    probabilities = torch.tensor([[0.105, 0.895]], dtype=torch.float64)
    target = torch.tensor([0])
    assert nll(probabilities.log(), target) == pytest.approx(2.254, abs=1e-3)
    assert torch.nn.functional.cross_entropy(probabilities, target).item() == pytest.approx(1.164, abs=1e-3)


def test_the_calibration_error_is_the_mean_gap_of_the_bins(predicted: tuple[Tensor, Tensor]) -> None:
    logs, targets = predicted
    confidence = logs.exp().amax(1).numpy()
    right = (logs.argmax(1) == targets).numpy()
    bins = np.ceil(confidence * 10).astype(int)  # bin k holds ((k - 1) / 10, k / 10]
    gaps = [
        (bins == k).mean() * abs(right[bins == k].mean() - confidence[bins == k].mean())
        for k in np.unique(bins)
    ]
    assert calibration_error(logs, targets, bins=10) == pytest.approx(sum(gaps), abs=1e-6)


def test_the_calibration_error_is_torchmetrics_where_no_confidence_lies_between_two_bins(
    predicted: tuple[Tensor, Tensor],
) -> None:
    logs, targets = predicted
    theirs = multiclass_calibration_error(logs.exp(), targets, num_classes=4, n_bins=15, norm="l1")
    assert calibration_error(logs, targets) == pytest.approx(theirs.item(), abs=1e-6)


def test_a_confidence_of_one_lies_in_the_last_bin() -> None:
    """With 19 of confidence 0.95, of which 18 are right, and one of 1 that is wrong: |18 - 19.05| / 20."""
    logs = torch.tensor([[0.95, 0.05]] * 19 + [[1.0, 0.0]], dtype=torch.float64).log()
    targets = torch.tensor([0] * 18 + [1, 1])
    assert calibration_error(logs, targets, bins=10) == pytest.approx(1.05 / 20, rel=1e-9)
    theirs = multiclass_calibration_error(logs.exp(), targets, num_classes=2, n_bins=10, norm="l1").item()
    assert theirs == pytest.approx((0.05 + 1) / 20, rel=1e-5)  # the same here, where both gaps have one sign
    targets = torch.tensor([0] * 19 + [1])
    assert calibration_error(logs, targets, bins=10) == pytest.approx(abs(19 - 19.05) / 20, rel=1e-9)
    theirs = multiclass_calibration_error(logs.exp(), targets, num_classes=2, n_bins=10, norm="l1").item()
    assert theirs == pytest.approx((0.95 + 1) / 20, rel=1e-5)  # in a bin of its own


def test_confidences_between_two_bins_lie_in_the_lower(rng: torch.Generator) -> None:
    right = torch.rand(4, generator=rng) < 0.5
    halves = torch.tensor([0.25, 0.5, 0.75, 1.0])
    found = expected_calibration_error(halves, right, bins=4).item()
    assert found == pytest.approx(float((right.double() - halves).abs().mean()), rel=1e-12)
    pooled = expected_calibration_error(halves, right, bins=2).item()
    gaps = (right.double() - halves).reshape(2, 2).sum(1).abs().sum() / 4
    assert pooled == pytest.approx(float(gaps), rel=1e-12)


def test_a_probability_that_rounding_lifts_above_one_is_one() -> None:
    logs = torch.tensor([[1e-15, -700.0]], dtype=torch.float64).repeat(3, 1)
    assert logs.exp().max() > 1
    assert calibration_error(logs, torch.zeros(3, dtype=torch.int64)) == pytest.approx(0, abs=1e-12)


def test_a_calibration_that_is_not_known_is_nan(predicted: tuple[Tensor, Tensor]) -> None:
    logs, targets = predicted
    logs[3, 1] = torch.nan
    assert np.isnan(calibration_error(logs, targets))
    assert np.isnan(brier(logs, targets))
