import numpy as np
import pytest
import torch
from sklearn.metrics import brier_score_loss, log_loss, zero_one_loss
from torch import Tensor

from lossatlas.landscape.ensembles.scores import brier, calibration_error, error, nll


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


def test_a_probability_that_rounding_lifts_above_one_is_not_taken_for_a_logit() -> None:
    """Else torchmetrics would take a softmax of probabilities, and the confidence were 0.73."""
    logs = torch.tensor([[1e-15, -700.0]], dtype=torch.float64).repeat(3, 1)
    assert logs.exp().max() > 1
    assert calibration_error(logs, torch.zeros(3, dtype=torch.int64)) == 0


def test_a_calibration_that_is_not_known_is_nan(predicted: tuple[Tensor, Tensor]) -> None:
    logs, targets = predicted
    logs[3, 1] = torch.nan
    assert np.isnan(calibration_error(logs, targets))
    assert np.isnan(brier(logs, targets))
