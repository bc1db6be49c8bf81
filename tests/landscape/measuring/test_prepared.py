import pytest
import torch
from torch import Tensor, nn

from lossatlas.landscape import Engine, Problem
from lossatlas.landscape.measuring.prepared import prepared


@pytest.mark.parametrize("batch_size", [37, 36, 16, 5, 1])
def test_the_result_does_not_depend_on_the_batch_size(problem: Problem, batch_size: int) -> None:
    """37 = 2 * 16 + 5: a mean of batch means would be off in the second digit."""
    problem.model.eval()
    expected = []
    for inputs, targets in problem.data.values():
        outputs = problem.model(inputs)
        expected.append(nn.functional.cross_entropy(outputs.double(), targets).item())
        expected.append((outputs.argmax(1) != targets).double().mean().item())
    with prepared(problem, engine=Engine(batch_size=batch_size)) as ready:
        assert ready.measure() == pytest.approx(expected, rel=1e-6)


def test_a_mean_of_batch_means_would_be_noticed(problem: Problem) -> None:
    """The short batch differs enough for the test above to fail if it had the weight of a full one."""
    with prepared(problem, splits=["train"], engine=Engine(batch_size=16)) as ready:
        mean = ready.measure()[0]
        outputs = [(ready.model(inputs), targets) for inputs, targets in ready.batches["train"]]
    wrong = sum(nn.functional.cross_entropy(*pair).item() for pair in outputs) / len(outputs)
    assert abs(wrong / mean - 1) > 1e-3


def test_dropout_and_batch_norm_are_in_evaluation_mode(problem: Problem) -> None:
    problem.model.train()
    with prepared(problem) as ready:
        assert ready.measure() == ready.measure()
        assert ready.model[1].running_mean.equal(problem.model[1].running_mean)
    assert problem.model.training


def test_splits_come_in_the_order_asked_for(problem: Problem) -> None:
    with prepared(problem) as ready:
        train_first = ready.measure()
    with prepared(problem, splits=["test", "train"]) as ready:
        assert ready.measure() == train_first[2:] + train_first[:2]


def test_error_of_dense_prediction_counts_every_pixel(rng: torch.Generator) -> None:
    inputs = torch.randn(6, 2, 4, 4, generator=rng)
    targets = torch.randint(3, (6, 4, 4), generator=rng)
    problem = Problem(nn.Conv2d(2, 3, 1), nn.functional.cross_entropy, {"train": (inputs, targets)})
    with prepared(problem, engine=Engine(batch_size=4)) as ready:
        error = ready.measure()[1]
    assert error == (problem.model(inputs).argmax(1) != targets).double().mean().item()


def test_regression_has_no_error(regression: Problem) -> None:
    with prepared(regression) as ready:
        assert [metric.name for metric in ready.metrics] == ["loss"]


def _loss_sum(outputs: Tensor, targets: Tensor) -> Tensor:
    return nn.functional.cross_entropy(outputs, targets, reduction="sum")


def _loss_each(outputs: Tensor, targets: Tensor) -> Tensor:
    return nn.functional.cross_entropy(outputs, targets, reduction="none")


@pytest.mark.parametrize(
    ("loss", "message"),
    [
        (_loss_sum, "the loss must be a mean over the batch, got another value for the same examples twice"),
        (_loss_each, r"the loss must be a mean over the batch, got a tensor of shape \(16,\)"),
    ],
)
def test_a_loss_that_is_not_a_mean_is_refused(problem: Problem, loss: object, message: str) -> None:
    wrong = Problem(problem.model, loss, problem.data)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=message), prepared(wrong):
        pass


def test_a_batch_size_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match="batch_size must be >= 1, got 0"):
        Engine(batch_size=0)


def test_what_is_not_in_the_subsample_is_not_looked_at() -> None:
    """Of words or pixels a loss over all targets costs more than what is measured."""
    seen: list[int] = []

    def loss(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        seen.append(len(targets))
        return nn.functional.cross_entropy(outputs.movedim(-1, 1), targets)

    words = torch.randint(0, 3, (400, 5))
    problem = Problem(nn.Embedding(3, 3), loss, {"train": (words, words)})
    with prepared(problem, engine=Engine(subsample=8)) as ready:
        ready.measure()
    assert max(seen) <= 2 * (16 + 2)
