"""The metrics against scikit-learn and the formulas of their papers, however the samples are batched."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sklearn.metrics import log_loss, zero_one_loss
from torch import Tensor
from torchmetrics import Metric

from lossatlas.studies import CalibrationError, ErrorRate, NegativeLogLikelihood

CLASSES, SAMPLES = 5, 203


@pytest.fixture
def logits() -> Tensor:
    """Those of a network that is over-confident and somewhat right."""
    noise = torch.randn(SAMPLES, CLASSES, generator=torch.Generator().manual_seed(0))
    return 3 * noise


@pytest.fixture
def targets(logits: Tensor) -> Tensor:
    noise = torch.randn(SAMPLES, CLASSES, generator=torch.Generator().manual_seed(1))
    return (logits + 3 * noise).argmax(-1)


def softmax(logits: Tensor) -> NDArray[np.float64]:
    exponentials = np.exp(logits.double().numpy() - logits.double().numpy().max(1, keepdims=True))
    return exponentials / exponentials.sum(1, keepdims=True)


def expected_error(logits: Tensor, targets: Tensor) -> float:
    return zero_one_loss(targets.numpy(), logits.argmax(-1).numpy(), normalize=False) / SAMPLES


def expected_nll(logits: Tensor, targets: Tensor) -> float:
    return log_loss(targets.numpy(), softmax(logits), labels=range(CLASSES))


def expected_calibration_error(logits: Tensor, targets: Tensor, bins: int = 15) -> float:
    """Guo et al. 2017, equation 5: sum over the bins of (their share) * |accuracy - confidence|."""
    probabilities = softmax(logits)
    confidence, right = probabilities.max(1), probabilities.argmax(1) == targets.numpy()
    total = 0.0
    for m in range(bins):
        inside = (confidence > m / bins) & (confidence <= (m + 1) / bins)
        if inside.any():
            total += inside.mean() * abs(right[inside].mean() - confidence[inside].mean())
    return float(total)


@pytest.mark.parametrize("batch", [SAMPLES, 64, 7, 1])
@pytest.mark.parametrize(
    ("metric", "expected", "tolerance"),
    [
        (ErrorRate(CLASSES), expected_error, 0),
        (NegativeLogLikelihood(), expected_nll, 1e-12),
        (CalibrationError(CLASSES), expected_calibration_error, 1e-6),
    ],
    ids=["error", "nll", "calibration_error"],
)
def test_a_metric_is_that_of_all_samples_however_they_are_batched(
    logits: Tensor,
    targets: Tensor,
    metric: Metric,
    expected: Callable[[Tensor, Tensor], float],
    tolerance: float,
    batch: int,
) -> None:
    """203 divides by none of the batches, so that a mean of batch means would differ."""
    metric.reset()
    for some, theirs in zip(logits.split(batch), targets.split(batch), strict=True):
        metric.update(some, theirs)
    assert float(metric.compute()) == pytest.approx(expected(logits, targets), rel=tolerance, abs=0)


@pytest.mark.parametrize("bins", [1, 10])
def test_the_number_of_bins_is_that_asked_for(logits: Tensor, targets: Tensor, bins: int) -> None:
    found = float(CalibrationError(CLASSES, bins=bins)(logits, targets))
    assert found == pytest.approx(expected_calibration_error(logits, targets, bins), rel=1e-6)


def test_a_confidence_of_one_lies_in_the_last_bin() -> None:
    """Certain and wrong once, all but certain and right 19 times: |19 - 19 * 0.95 - 1| / 20, in float32."""
    metric = CalibrationError(2, bins=10)
    surely, nearly = torch.tensor([[0.0, 1e3]]), torch.tensor([[0.0, float(np.log(19))]])
    metric.update(torch.cat([nearly.repeat(19, 1), surely]), torch.tensor([1] * 19 + [0]))
    assert float(metric.compute()) == pytest.approx(0.05 / 20, rel=1e-4)


def test_logits_beyond_the_range_of_probabilities_have_a_finite_nll() -> None:
    """-log softmax of a logit 1,000 below the other is 1,000: float32 probabilities would give infinity."""
    metric = NegativeLogLikelihood()
    assert float(metric(torch.tensor([[0.0, 1000.0]]), torch.tensor([0]))) == 1000.0


def test_confidences_that_look_like_logits_are_not_taken_for_them() -> None:
    """Logits within [0, 1] are logits too: softmax of (1, 0) is (0.731, 0.269)."""
    metric = CalibrationError(2)
    found = float(metric(torch.tensor([[1.0, 0.0]] * 3), torch.tensor([0, 0, 0])))
    assert found == pytest.approx(1 / (1 + np.e), rel=1e-6)


def test_a_tie_counts_as_the_first_of_the_largest_logits() -> None:
    assert float(ErrorRate(3)(torch.tensor([[1.0, 1.0, 0.0]] * 2), torch.tensor([0, 1]))) == 0.5
