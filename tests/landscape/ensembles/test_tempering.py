import numpy as np
import pytest
import torch
from scipy.special import logsumexp

from lossatlas.landscape.ensembles.tempering import HIGHEST, LOWEST, temperature


def drawn(scale: float, examples: int = 20_000) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits, and classes drawn by their probabilities; the logits are then multiplied by ``scale``."""
    rng = torch.Generator().manual_seed(0)
    logits = 2 * torch.randn(examples, 5, dtype=torch.float64, generator=rng)
    classes = torch.multinomial(logits.softmax(-1), 1, generator=rng).flatten()
    return scale * logits, classes


@pytest.mark.parametrize("scale", [0.25, 1.0, 3.0])
def test_the_scale_of_the_logits_is_found_by_which_classes_were_not_drawn(scale: float) -> None:
    assert temperature(*drawn(scale)) == pytest.approx(scale, rel=0.02)


def test_at_the_best_temperature_the_likelihood_has_no_slope() -> None:
    """Its derivative by 1 / T, the mean of the logits' expectation less the target's, in closed form."""
    given, classes = drawn(3.0, 200)
    best, logits = temperature(given, classes), given.numpy()
    weights = np.exp(logits / best - logsumexp(logits / best, axis=-1, keepdims=True))
    slope = (weights * logits).sum(-1) - logits[np.arange(200), classes]
    assert abs(slope.mean()) < 1e-5 * np.abs(slope).mean()


def test_without_an_error_or_without_a_right_answer_it_ends_at_the_bounds() -> None:
    logits = torch.eye(3, dtype=torch.float64)
    assert temperature(logits, torch.arange(3)) == pytest.approx(LOWEST)
    assert temperature(logits, torch.arange(3).roll(1)) == pytest.approx(HIGHEST)


def test_logits_that_are_no_numbers_have_no_temperature() -> None:
    assert np.isnan(temperature(torch.full((2, 3), torch.nan), torch.zeros(2, dtype=torch.long)))
