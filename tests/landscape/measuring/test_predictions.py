"""How outputs are read, for networks with and without a softmax and losses with and without one."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy, cross_entropy, multi_margin_loss, nll_loss, one_hot

from lossatlas.landscape.measuring.predictions import Predictions, predictions

Loss = Callable[[Tensor, Tensor], Tensor]

LOGITS = torch.randn(20, 3, generator=torch.Generator().manual_seed(0))
TARGETS = [torch.arange(20) % 3, torch.tensor([1])]


def log_of(outputs: Tensor, targets: Tensor) -> Tensor:
    return nll_loss(outputs.log(), targets)


def squared(outputs: Tensor, targets: Tensor) -> Tensor:
    return (outputs - one_hot(targets, 3)).square().mean()


def binary(outputs: Tensor, targets: Tensor) -> Tensor:
    return binary_cross_entropy(outputs, one_hot(targets, 3).to(outputs.dtype))


@pytest.mark.parametrize(
    ("loss", "outputs", "are_probabilities"),
    [
        (cross_entropy, LOGITS, False),
        (nn.CrossEntropyLoss(label_smoothing=0.1), LOGITS, False),
        (multi_margin_loss, LOGITS, False),
        (nll_loss, LOGITS.log_softmax(1), False),
        (log_of, LOGITS.softmax(1), True),
        (squared, LOGITS.softmax(1), True),
        (squared, LOGITS, False),
        (cross_entropy, torch.zeros(20, 3), False),  # of a network that begins at zero
        (cross_entropy, LOGITS.sigmoid(), False),  # small logits, as far as anybody can tell
        (log_of, LOGITS.softmax(1).bfloat16(), True),
    ],
)
def test_the_softmax_is_taken_once(loss: Loss, outputs: Tensor, are_probabilities: bool) -> None:
    found = predictions(loss, outputs, TARGETS)
    assert found == Predictions(1, are_probabilities)
    read = found.logits(outputs).softmax(-1)
    expected = outputs.double() if are_probabilities else LOGITS.double().softmax(1)
    if outputs is not LOGITS and not are_probabilities and loss is cross_entropy:
        expected = outputs.double().softmax(1)
    torch.testing.assert_close(read, expected / expected.sum(1, keepdim=True), rtol=1e-6, atol=1e-6)


def test_a_probability_of_zero_stays_one() -> None:
    certain = torch.tensor([[1.0, 0.0, 0.0]]).repeat(3, 1)
    found = predictions(log_of, certain, [torch.tensor([0, 1, 2])])
    assert found is not None
    assert found.logits(certain).softmax(-1).tolist() == certain.tolist()


@pytest.mark.parametrize(
    ("loss", "outputs", "message"),
    [
        (cross_entropy, LOGITS.softmax(1), "are probabilities, of which the loss takes the softmax again"),
        (binary, LOGITS.sigmoid(), "between 0 and 1 and do not add up to 1, as those of a sigmoid"),
    ],
)
def test_outputs_that_are_no_probabilities_of_one_class_are_refused(
    loss: Loss, outputs: Tensor, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        predictions(loss, outputs, TARGETS)


def test_words_and_pixels_have_their_classes_anywhere() -> None:
    def words(outputs: Tensor, targets: Tensor) -> Tensor:
        return nll_loss(outputs.log().movedim(-1, 1), targets)

    targets = torch.arange(20).reshape(4, 5) % 3
    assert predictions(words, LOGITS.softmax(1).reshape(4, 5, 3), [targets]) == Predictions(-1, True)
    pixels = LOGITS.softmax(1).reshape(4, 5, 3).movedim(-1, 1)
    assert predictions(log_of, pixels, [targets]) == Predictions(1, True)


def test_targets_that_are_ignored_or_shifted_predict_nothing() -> None:
    loss = nn.CrossEntropyLoss(ignore_index=2)
    assert predictions(loss, LOGITS, TARGETS) is None
