import pytest
import torch
from scipy.stats import chisquare

from lossatlas.data import digits
from lossatlas.data.label_noise import with_label_noise

CLEAN = torch.arange(10).repeat(2000)


def test_labels_are_replaced_at_the_rate_that_is_named_by_any_class_with_the_same_probability() -> None:
    noisy = with_label_noise(CLEAN, 0.4, 10)
    wrong = noisy != CLEAN
    assert abs(float(wrong.double().mean()) - 0.4 * 0.9) < 4 * (0.36 * 0.64 / len(CLEAN)) ** 0.5
    offsets = (noisy - CLEAN)[wrong] % 10
    assert chisquare(offsets.bincount(minlength=10)[1:].numpy()).pvalue > 1e-3


def test_only_the_training_split_has_them_and_always_the_same() -> None:
    settings = {"batch_size": 16, "shape": (1, 8, 8), "classes": 10}
    clean, noisy, again = digits(**settings), *(digits(**settings, label_noise=0.3) for _ in range(2))
    assert torch.equal(noisy.splits["train"].targets, again.splits["train"].targets)
    changed = {
        name: int((clean.splits[name].targets != noisy.splits[name].targets).sum()) for name in clean.splits
    }
    assert changed["validation"] == changed["test"] == 0
    assert 220 < changed["train"] < 320
    assert torch.equal(clean.splits["train"].inputs, noisy.splits["train"].inputs)
    assert torch.equal(noisy.batch(0, 0)[0], clean.batch(0, 0)[0])


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_a_share_that_is_none_is_refused(share: float) -> None:
    with pytest.raises(ValueError, match=r"label_noise is a probability and must be in \[0, 1\], got"):
        with_label_noise(CLEAN, share, 10)
