"""What is measured at a point, against numpy and scikit-learn."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score, log_loss, mean_absolute_error, recall_score
from torch import Tensor, nn

from lossatlas.landscape import Engine, Problem, interpolation, line, surface
from lossatlas.landscape.measuring.losses import example_losses
from lossatlas.landscape.measuring.metrics import ClassError, ClassLoss, Error, Mean, Metric
from lossatlas.landscape.measuring.prepared import prepared
from lossatlas.landscape.measuring.targets import ClassTargets

N, CLASSES = 53, 5


@pytest.fixture
def scores(rng: torch.Generator) -> tuple[Tensor, Tensor]:
    """Outputs, and targets among which the class 3 does not occur."""
    targets = torch.randint(CLASSES - 1, (N,), generator=rng)
    targets[targets == 3] = 4
    return 3 * torch.randn(N, CLASSES, generator=rng), targets


def _over_uneven_batches(metric: Metric, outputs: Tensor, targets: Tensor) -> np.ndarray:
    batches = zip(outputs.split([20, 1, 32]), targets.split([20, 1, 32]), strict=True)
    return metric.finish(torch.stack([metric.sums(*batch) for batch in batches]).sum(0)).numpy()


def test_loss_and_error_are_those_of_scikit_learn(scores: tuple[Tensor, Tensor]) -> None:
    outputs, targets = scores
    probabilities = outputs.double().softmax(1).numpy()
    loss = _over_uneven_batches(Mean("loss", nn.functional.cross_entropy, ""), outputs, targets)
    assert loss == pytest.approx([log_loss(targets, probabilities, labels=range(CLASSES))], rel=1e-6)
    error = _over_uneven_batches(Error(ClassTargets(1)), outputs, targets)
    assert error == [1 - accuracy_score(targets, outputs.argmax(1))]


def test_values_by_class_are_those_of_scikit_learn(scores: tuple[Tensor, Tensor]) -> None:
    outputs, targets = scores
    probabilities = outputs.double().softmax(1).numpy()
    losses = _over_uneven_batches(ClassLoss(CLASSES, nn.functional.cross_entropy), outputs, targets)
    errors = _over_uneven_batches(ClassError(CLASSES), outputs, targets)
    recalls = recall_score(
        targets, outputs.argmax(1), average=None, labels=range(CLASSES), zero_division=np.nan
    )
    assert errors == pytest.approx(1 - recalls, nan_ok=True)
    for index in range(CLASSES):
        of_class = targets.numpy() == index
        if of_class.any():
            expected = log_loss(targets[of_class], probabilities[of_class], labels=range(CLASSES))
            assert losses[index] == pytest.approx(expected, rel=1e-6)
        else:
            assert np.isnan(losses[index])
            assert np.isnan(errors[index])


def test_sums_are_in_float64() -> None:
    """10^8 examples of loss 0.1, one of 10^8: in float32 the sum would not hear of small batches any more."""
    mean = Mean("loss", lambda outputs, targets: outputs.mean(), "")
    total = mean.sums(torch.tensor([[1e8]]), torch.zeros(1))
    for _ in range(1000):
        total += mean.sums(torch.full((2, 1), 0.25), torch.zeros(2))
    assert mean.finish(total).item() == (1e8 + 500) / 2001


def _by_values(outputs: Tensor, targets: Tensor) -> Tensor:
    """A loss that vmap cannot follow: it decides by the values."""
    return (outputs[:, 0] - targets).square().mean() if float(outputs.sum()) > 0 else outputs.abs().mean()


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (nn.functional.cross_entropy, lambda o, t: nn.functional.cross_entropy(o, t, reduction="none")),
        (nn.MultiMarginLoss(), lambda o, t: nn.functional.multi_margin_loss(o, t, reduction="none")),
        (_by_values, lambda o, t: torch.where(o.sum(1) > 0, (o[:, 0] - t).square(), o.abs().mean(1))),
    ],
)
@pytest.mark.filterwarnings("ignore:There is a performance drop")
def test_losses_of_examples_are_those_without_reduction(
    scores: tuple[Tensor, Tensor], function: Callable[..., Tensor], expected: Callable[..., Tensor]
) -> None:
    assert example_losses(function, *scores).numpy() == pytest.approx(expected(*scores).numpy(), rel=1e-5)


def test_metrics_of_the_user_come_from_the_same_pass(problem: Problem, other_network: nn.Module) -> None:
    passes: list[int] = []
    problem.model.register_forward_hook(lambda *_: passes.append(1))

    def confidence(outputs: Tensor, targets: Tensor) -> Tensor:
        return outputs.softmax(1).amax(1).mean()

    def absolute(outputs: Tensor, targets: Tensor) -> Tensor:
        return nn.functional.l1_loss(outputs[:, 0], targets.float())

    richer = Problem(
        problem.model, problem.loss, problem.data, {"confidence": confidence, "absolute": absolute}
    )
    plain = line(problem, directions=1, points=3)
    count = len(passes)
    dataset = line(richer, directions=1, points=3, engine=Engine(batch_size=7))
    assert dataset.loss.values == pytest.approx(plain.loss.values, rel=1e-6)
    assert dataset.confidence.dims == ("direction", "split", "alpha")
    assert count > 0
    centre = dataset.sel(alpha=0.0).isel(direction=0)
    for split, (inputs, targets) in problem.data.items():
        outputs = problem.model.eval()(inputs).detach()
        measured = centre.sel(split=split)
        assert float(measured.confidence) == pytest.approx(outputs.softmax(1).numpy().max(1).mean(), rel=1e-5)
        assert float(measured.absolute) == pytest.approx(
            mean_absolute_error(targets, outputs[:, 0]), rel=1e-5
        )


@pytest.mark.parametrize("survey", ["line", "surface", "interpolation"])
def test_surveys_measure_by_class_when_asked(problem: Problem, other_network: nn.Module, survey: str) -> None:
    """The means over the classes, weighted by their sizes, are the means over all."""
    engine = Engine(per_class=True, batch_size=8)
    dataset = {
        "line": lambda: line(problem, directions=2, points=3, engine=engine),
        "surface": lambda: surface(problem, points=3, engine=engine),
        "interpolation": lambda: interpolation(
            problem, other=other_network.state_dict(), points=3, engine=engine
        ),
    }[survey]()
    assert dataset.class_loss.dims == (*dataset.loss.dims, "class")
    for split, (_, targets) in problem.data.items():
        shares = np.bincount(targets, minlength=3) / len(targets)
        one = dataset.sel(split=split)
        assert (one.class_loss * shares).sum("class").values == pytest.approx(one.loss.values, rel=1e-5)
        assert (one.class_error * shares).sum("class").values == pytest.approx(one.error.values)


def test_the_error_of_words_takes_the_last_axis(rng: torch.Generator) -> None:
    tokens, targets = (torch.randint(7, (9, 4), generator=rng) for _ in range(2))
    model = nn.Sequential(nn.Embedding(7, 5), nn.Linear(5, 7))

    def loss(outputs: Tensor, targets: Tensor) -> Tensor:
        return nn.functional.cross_entropy(outputs.flatten(0, 1), targets.flatten())

    with prepared(Problem(model, loss, {"train": (tokens, targets)})) as ready:
        measured, error = ready.measure()
    outputs = model(tokens).detach()  # (9, 4, 7)
    assert error == (outputs.argmax(2) != targets).double().mean().item()
    assert measured == pytest.approx(nn.functional.cross_entropy(outputs.mT, targets).item(), rel=1e-6)


@pytest.mark.parametrize(
    ("outputs", "targets", "loss"),
    [
        (3, torch.rand(9, 3), nn.BCEWithLogitsLoss()),
        (
            3,
            torch.randint(2, (9, 3)),
            lambda o, t: nn.functional.binary_cross_entropy_with_logits(o, t.float()),
        ),
        (1, torch.arange(9), nn.PoissonNLLLoss(full=False)),
        (1, torch.arange(9) > 4, lambda o, t: nn.functional.mse_loss(o[:, 0], t.float())),
        (2, torch.rand(9, 2).softmax(1), nn.CrossEntropyLoss()),
    ],
    ids=["labels", "whole-number-labels", "counts", "yes-or-no", "probabilities"],
)
@pytest.mark.filterwarnings("ignore:Using a target size")
def test_targets_that_are_no_classes_have_no_error(outputs: int, targets: Tensor, loss: nn.Module) -> None:
    if targets.ndim == 1 and targets.dtype == torch.long:
        targets = targets[:, None]
    problem = Problem(nn.Linear(2, outputs), loss, {"train": (torch.randn(9, 2), targets)})
    with prepared(problem) as ready:
        assert [metric.name for metric in ready.metrics] == ["loss"]


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        (torch.tensor([0, 1, 2, 4]), "per_class needs targets from 0 to 2, split 'train' has 4"),
        (torch.tensor([0, 1, 2, -1]), "per_class needs targets from 0 to 2, split 'train' has -1"),
        (torch.rand(4, 3), r"per_class needs outputs \(N, classes\) and targets \(N,\) that are classes"),
    ],
)
def test_values_by_class_need_classes(targets: Tensor, message: str) -> None:
    problem = Problem(
        nn.Linear(2, 3), lambda outputs, _: outputs.square().mean(), {"train": (torch.ones(4, 2), targets)}
    )
    with pytest.raises(ValueError, match=message), prepared(problem, engine=Engine(per_class=True)):
        pass


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("loss", "a metric cannot be called 'loss', which is measured anyway"),
        ("class_error", "a metric cannot be called 'class_error', which is measured anyway"),
        ("class", "a metric cannot be called 'class', the name of a dimension"),
    ],
)
def test_names_that_are_taken_are_refused(problem: Problem, name: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Problem(problem.model, problem.loss, problem.data, {name: problem.loss})


def test_a_metric_named_as_an_axis_is_refused_before_anything_is_measured(problem: Problem) -> None:
    named = Problem(problem.model, problem.loss, problem.data, {"alpha": problem.loss})
    with pytest.raises(ValueError, match="a metric cannot be called 'alpha', the name of a dimension"):
        line(named, points=3, progress=lambda done, total: pytest.fail("measured"))
