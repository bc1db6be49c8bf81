import numpy as np
import pytest
import torch
from scipy.special import softmax
from torch import Tensor

from lossatlas.landscape.ensembles.diversity import (
    agreement,
    both_wrong,
    correlation,
    disagreement,
    error_products,
)
from lossatlas.landscape.ensembles.scores import brier, error


@pytest.fixture
def logits(rng: torch.Generator) -> Tensor:
    """Of five networks for 60 examples of three classes."""
    return torch.randn(5, 60, 3, generator=rng)


def test_the_correlation_is_numpys_of_all_probabilities_of_two_networks(logits: Tensor) -> None:
    flat = softmax(logits.double().numpy(), axis=-1).reshape(5, -1)
    found = correlation(logits)
    np.testing.assert_allclose(found, np.corrcoef(flat), rtol=1e-12)
    np.testing.assert_allclose(found.diagonal(), 1, rtol=1e-14)


def test_the_correlation_is_not_that_of_the_logits() -> None:
    """Outputs that differ by a constant for each example are the same probabilities."""
    logits = torch.randn(1, 30, 3, dtype=torch.float64)
    shifted = logits + torch.randn(1, 30, 1, dtype=torch.float64)
    np.testing.assert_allclose(correlation(torch.cat([logits, shifted])), 1, rtol=1e-12)


def test_disagreement_and_agreement_count_classes(logits: Tensor) -> None:
    classes = logits.argmax(-1).numpy()
    found = disagreement(logits).numpy()
    for i in range(5):
        for j in range(5):
            assert found[i, j] == np.mean(classes[i] != classes[j])
    assert agreement(logits) == sum(len(set(of_example)) == 1 for of_example in classes.T.tolist())


def test_a_network_agrees_with_itself(logits: Tensor) -> None:
    assert agreement(logits[:1]) == 60
    assert disagreement(logits[:1]).tolist() == [[0.0]]
    assert correlation(logits[:1]).tolist() == [[1.0]]


def test_pairs_of_wrong_answers_are_counted_and_a_network_with_itself_is_its_error(logits: Tensor) -> None:
    targets = torch.arange(60) % 3
    wrong = (logits.argmax(-1) != targets).numpy()
    found = both_wrong(logits, targets).numpy()
    for i in range(5):
        assert found[i, i] == pytest.approx(error(logits[i], targets))
        for j in range(5):
            assert found[i, j] == pytest.approx(np.mean(wrong[i] & wrong[j]))


def test_products_of_errors_are_numpys_and_a_networks_own_is_its_brier_score(logits: Tensor) -> None:
    targets = torch.arange(60) % 3
    errors = softmax(logits.double().numpy(), axis=-1) - np.eye(3)[targets.numpy()]
    found = error_products(logits, targets)
    np.testing.assert_allclose(found, np.einsum("inc,jnc->ij", errors, errors) / 60, rtol=1e-12)
    own = [brier(of_one.double().log_softmax(-1), targets) for of_one in logits]
    np.testing.assert_allclose(found.diagonal(), own, rtol=1e-12)
