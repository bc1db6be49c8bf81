"""What losses of all sorts make of their targets, against what their formulas say."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, multi_margin_loss, nll_loss, one_hot

from lossatlas.landscape import Engine, Problem, line
from lossatlas.landscape.measuring.targets import ClassTargets, class_targets, unlike_pairs

Loss = Callable[[Tensor, Tensor], Tensor]

CLASSES = 4


def words(outputs: Tensor, targets: Tensor) -> Tensor:
    return cross_entropy(outputs.movedim(-1, 1), targets)


def next_word(outputs: Tensor, targets: Tensor) -> Tensor:
    return cross_entropy(outputs[:, :-1].flatten(0, 1), targets[:, 1:].flatten())


def from_the_second(outputs: Tensor, targets: Tensor) -> Tensor:
    return words(outputs[:, 1:], targets[:, 1:])


def focal(outputs: Tensor, targets: Tensor) -> Tensor:
    each = cross_entropy(outputs, targets, reduction="none")
    return ((1 - (-each).exp()) ** 2 * each).mean()


def without_gradient(outputs: Tensor, targets: Tensor) -> Tensor:
    return (outputs.argmax(1) != targets).double().mean()


@pytest.mark.parametrize(
    "loss",
    [
        cross_entropy,
        nn.CrossEntropyLoss(label_smoothing=0.1),
        nn.NLLLoss(),
        focal,
        multi_margin_loss,
        lambda o, t: nll_loss(o.log(), t),
        lambda o, t: (o - one_hot(t, CLASSES)).square().mean(),
        lambda o, t: nn.functional.binary_cross_entropy(o, one_hot(t, CLASSES).float()),
        without_gradient,
    ],
)
def test_losses_of_one_class_an_example_count_all(loss: Loss) -> None:
    found = class_targets(loss, torch.randn(3, CLASSES), [torch.arange(40) % CLASSES, torch.tensor([2])])
    assert found == ClassTargets(1)


@pytest.mark.parametrize(
    "loss",
    [
        lambda o, t: cross_entropy(o, t - 1),  # labels from 1
        lambda o, t: cross_entropy(o[:, :-1], t.clamp(max=CLASSES - 2)),  # the last is no class of its own
        lambda o, t: (o.mean(1) - t).square().mean(),  # counts
    ],
)
def test_targets_that_are_not_the_class_that_is_asked_for_are_no_classes(loss: Loss) -> None:
    assert class_targets(loss, torch.randn(3, CLASSES), [1 + torch.arange(9) % (CLASSES - 1)]) is None


@pytest.mark.parametrize(
    ("loss", "value"),
    [
        (words, -100),
        (lambda o, t: cross_entropy(o.movedim(-1, 1), t, ignore_index=255), 255),
        (lambda o, t: cross_entropy(o.movedim(-1, 1), t, ignore_index=0), 0),
    ],
)
def test_the_values_that_a_loss_ignores_are_found_wherever_they_are(loss: Loss, value: int) -> None:
    targets = 1 + torch.arange(600).reshape(100, 6) % (CLASSES - 1)
    targets[70, 2] = value
    found = class_targets(loss, torch.randn(2, 6, CLASSES), [targets[:20], targets])
    assert found == ClassTargets(-1, (value,))


@pytest.mark.parametrize("loss", [next_word, from_the_second])
def test_targets_that_count_for_another_place_or_not_everywhere_are_no_classes(loss: Loss) -> None:
    targets = torch.randint(CLASSES, (30, 6), generator=torch.Generator().manual_seed(0))
    assert class_targets(loss, torch.randn(2, 6, CLASSES), [targets]) is None


def test_whatever_stands_at_the_end_of_memory_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """In passes of one example each."""
    monkeypatch.setattr("lossatlas.landscape.measuring.targets._ENTRIES", 1)
    targets = 1 + torch.arange(60).reshape(10, 6) % (CLASSES - 1)
    targets[9, 5] = -100
    assert class_targets(words, torch.randn(2, 6, CLASSES), [targets]) == ClassTargets(-1, (-100,))
    (pair, *_) = unlike_pairs(words, torch.randn(2, 6, CLASSES), targets, axis=-1)
    assert pair.numbers == (9, 0)


def _tokens(loss: Loss, targets: Tensor, **splits: Tensor) -> Problem:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Embedding(CLASSES, 8), nn.Linear(8, CLASSES))
    given = {"train": targets, **splits}
    return Problem(model, loss, {split: (of.clamp(0, CLASSES - 1), of) for split, of in given.items()})


@pytest.mark.parametrize("batch_size", [50, 7])
def test_the_error_is_that_of_the_targets_that_count(batch_size: int) -> None:
    """Two of six are ignored in every row, so that each row counts the same."""
    targets = torch.randint(CLASSES, (50, 6), generator=torch.Generator().manual_seed(0))
    targets[:, 1::3] = -100
    problem = _tokens(words, targets)
    wrong = problem.model(problem.data["train"][0]).argmax(-1) != targets
    dataset = line(problem, points=3, directions=1, engine=Engine(batch_size=batch_size))
    assert dataset.error.sel(alpha=0.0).item() == pytest.approx(wrong[targets != -100].double().mean().item())


def test_a_loss_of_shifted_labels_has_no_error() -> None:
    targets = torch.randint(CLASSES, (50, 6), generator=torch.Generator().manual_seed(0))
    dataset = line(_tokens(next_word, targets), points=3, directions=1)
    assert set(dataset.data_vars) == {"loss"}


@pytest.mark.parametrize("nearly", [5, 2])
@pytest.mark.parametrize("split", ["train", "test"])
def test_padded_targets_are_refused_wherever_they_are(split: str, nearly: int) -> None:
    full = torch.randint(CLASSES, (90, 6), generator=torch.Generator().manual_seed(0))
    padded = full.clone()
    padded[60, nearly:] = -100
    problem = _tokens(words, full, **{split: padded})
    with pytest.raises(ValueError, match=r"every example counts the same, got .* ignored targets do that"):
        line(problem, points=3)


@pytest.mark.parametrize("sentinel", [float("nan"), -1.0])
def test_masked_targets_of_a_regressor_are_refused_wherever_they_are(sentinel: float) -> None:
    """A depth map with holes, whose mean is over what is known."""

    def loss(outputs: Tensor, targets: Tensor) -> Tensor:
        known = targets >= 0
        return (outputs[known] - targets[known]).square().mean()

    rng = torch.Generator().manual_seed(0)
    inputs, targets = torch.rand(90, 6, generator=rng), torch.rand(90, 6, generator=rng)
    line(Problem(nn.Linear(6, 6), loss, {"train": (inputs, targets)}), points=3, directions=1)
    targets[77, 4:] = sentinel
    with pytest.raises(ValueError, match=r"examples 77 and .* of split 'train' together"):
        line(Problem(nn.Linear(6, 6), loss, {"train": (inputs, targets)}), points=3)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_targets_and_outputs_that_are_not_finite_are_kept(value: float) -> None:
    """The loss is not finite anywhere, and says so."""
    inputs, targets = torch.randn(40, 3), torch.randn(40, 3)
    spoilt = inputs.index_fill(0, torch.tensor([0, 30]), value)
    for data in ((spoilt, targets), (inputs, spoilt)):
        dataset = line(Problem(nn.Linear(3, 3), nn.MSELoss(), {"train": data}), points=3, directions=1)
        assert dataset.attrs["not_finite"] == 3


def test_a_metric_without_a_gradient_is_looked_at_too() -> None:
    def loss(outputs: Tensor, targets: Tensor) -> Tensor:
        each = cross_entropy(outputs.movedim(-1, 1), targets, reduction="none")
        return (each.sum(1) / (targets != -100).sum(1)).mean()

    def accuracy(outputs: Tensor, targets: Tensor) -> Tensor:
        return (outputs.argmax(-1) == targets)[targets != -100].double().mean()

    targets = torch.randint(CLASSES, (90, 6), generator=torch.Generator().manual_seed(0))
    targets[60:, 5:] = -100
    problem = _tokens(loss, targets)
    with pytest.raises(
        ValueError, match=r"the metric 'accuracy' must be a mean in which every example counts"
    ):
        line(Problem(problem.model, loss, problem.data, {"accuracy": accuracy}), points=3)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int32, torch.int64])
def test_classes_of_any_whole_number_are_taken(dtype: torch.dtype) -> None:
    targets = (torch.arange(40) % CLASSES).to(dtype)
    found = class_targets(lambda o, t: cross_entropy(o, t.long()), torch.zeros(1, CLASSES), [targets])
    assert found == ClassTargets(1)
    assert unlike_pairs(lambda o, t: cross_entropy(o, t.long()), torch.zeros(1, CLASSES), targets, 1) == []


def test_weights_of_classes_are_refused_where_the_first_examples_weigh_the_same() -> None:
    targets = torch.tensor([0] * 20 + [1] * 5 + [2] * 20)
    loss = nn.CrossEntropyLoss(torch.tensor([1.0, 3.0, 1.0]))
    with pytest.raises(ValueError, match="examples 0 and 20 of split 'train' together"):
        line(Problem(nn.Linear(2, 3), loss, {"train": (torch.randn(45, 2), targets)}), points=3)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16, torch.bfloat16])
def test_a_mean_of_the_means_of_sequences_of_all_lengths_is_taken(dtype: torch.dtype) -> None:
    """In which every example counts the same, though not every target does."""

    def loss(outputs: Tensor, targets: Tensor) -> Tensor:
        each = cross_entropy(outputs.movedim(-1, 1), targets, reduction="none")
        return (each.sum(1) / (targets != -100).sum(1)).mean()

    targets = torch.randint(CLASSES, (90, 6), generator=torch.Generator().manual_seed(0))
    targets[60:, 2:] = -100
    problem = _tokens(loss, targets)
    problem.model.to(dtype)
    assert line(problem, points=3, directions=1).loss.notnull().all()
