import numpy as np
import pytest
import torch
from scipy.special import logsumexp, softmax
from torch import Tensor

from lossatlas.landscape.ensembles.averaging import AVERAGES, mean_logits, mean_probabilities

WEIGHTS = [1.0, 0.25, 3.0, 2.0]


@pytest.fixture
def logits(rng: torch.Generator) -> Tensor:
    """Of four members for seven examples of five classes."""
    return 3 * torch.randn(4, 7, 5, generator=rng, dtype=torch.float64)


def test_probabilities_are_averaged_for_every_number_of_members(logits: Tensor) -> None:
    each = softmax(logits.numpy(), axis=-1)
    for size, ensemble in enumerate(mean_probabilities(logits, WEIGHTS), start=1):
        expected = np.average(each[:size], axis=0, weights=WEIGHTS[:size])
        np.testing.assert_allclose(ensemble.exp(), expected, rtol=1e-13)
    assert size == 4


def test_logits_are_averaged_by_name_alone(logits: Tensor) -> None:
    for size, ensemble in enumerate(AVERAGES["logits"](logits, WEIGHTS), start=1):
        expected = softmax(np.average(logits[:size], axis=0, weights=WEIGHTS[:size]), axis=-1)
        np.testing.assert_allclose(ensemble.exp(), expected, rtol=1e-12)


def test_the_two_averages_can_differ_by_half_in_probability() -> None:
    """One member is certain of the first class, the other less so of the second: a known fault of existing code."""
    logits = torch.tensor([[[60.0, 0.0]], [[-20.0, 0.0]]], dtype=torch.float64)
    by_probabilities = list(mean_probabilities(logits, [1.0, 1.0]))[-1].exp()[0, 0]
    by_logits = list(mean_logits(logits, [1.0, 1.0]))[-1].exp()[0, 0]
    assert by_probabilities == pytest.approx(0.5, abs=1e-8)
    assert by_logits == pytest.approx(1.0, abs=1e-8)


def test_classes_that_are_all_but_excluded_keep_their_digits() -> None:
    """exp(-800) is zero in float64; its logarithm is not lost."""
    logits = torch.tensor([[[0.0, -800.0]], [[0.0, -900.0]]], dtype=torch.float64)
    last = list(mean_probabilities(logits, [1.0, 1.0]))[-1]
    assert last[0, 1].item() == pytest.approx(logsumexp([-800.0, -900.0]) - np.log(2), rel=1e-14)


def test_weights_count_by_their_ratios(logits: Tensor) -> None:
    for average in AVERAGES.values():
        once = list(average(logits, WEIGHTS))
        tenfold = list(average(logits, [10 * weight for weight in WEIGHTS]))
        torch.testing.assert_close(once, tenfold, rtol=1e-12, atol=1e-12)
