"""Attacks on linear classifiers are known in closed form; on others they are held to what an attack may do."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from lossatlas.landscape import Engine, Problem, adversarial

EPSILONS = [0.0, 0.05, 0.3, 2.0]


@pytest.fixture
def linear(rng: torch.Generator) -> Problem:
    """Two classes by the sign of a linear score, of examples most of which are on the right side."""
    model = nn.Linear(6, 2).double()
    inputs = torch.randn(101, 6, generator=rng, dtype=torch.float64)
    with torch.no_grad():
        scores = model(inputs).diff(dim=1)[:, 0] + 0.2 * torch.randn(101, generator=rng, dtype=torch.float64)
    return Problem(model, nn.CrossEntropyLoss(), {"test": (inputs, (scores > 0).long())})


@pytest.mark.parametrize("batch_size", [101, 10, 1])
@pytest.mark.parametrize("attack", ["fgsm", "pgd"])
def test_a_linear_classifier_loses_epsilon_times_the_1_norm_of_its_margin(
    linear: Problem, attack: str, batch_size: int
) -> None:
    """The corner of the box that is worst for one example is worst for all of its class."""
    engine = Engine(batch_size=batch_size)
    found = adversarial(linear, epsilons=EPSILONS, attacks=[attack], engine=engine).sel(
        split="test", attack=attack
    )
    inputs, targets = linear.data["test"]
    with torch.no_grad():
        margins = linear.model(inputs).diff(dim=1)[:, 0] * (2 * targets - 1)
        norm = (linear.model.weight[1] - linear.model.weight[0]).abs().sum()  # type: ignore[index, operator]
    for epsilon in EPSILONS:
        left = margins - epsilon * norm
        at = found.sel(epsilon=epsilon)
        assert at.loss.item() == pytest.approx(functional.softplus(-left).mean().item(), rel=1e-9)
        assert at.error.item() == pytest.approx((left < 0).double().mean().item())


def test_regression_has_a_loss_and_no_error(rng: torch.Generator) -> None:
    """(w x - y)^2 grows to (|w x - y| + epsilon ||w||_1)^2."""
    model, x = nn.Linear(3, 1).double(), torch.randn(7, 3, generator=rng, dtype=torch.float64)
    y = torch.randn(7, 1, generator=rng, dtype=torch.float64)
    found = adversarial(Problem(model, nn.MSELoss(), {"train": (x, y)}), epsilons=[0.1])
    assert set(found.data_vars) == {"loss"}
    with torch.no_grad():
        expected = ((model(x) - y).abs() + 0.1 * model.weight.abs().sum()).square().mean()
    np.testing.assert_allclose(found.loss, expected, rtol=1e-12)


def test_without_a_box_nothing_moves_and_many_steps_find_more_than_one(problem: Problem) -> None:
    found = adversarial(problem, epsilons=[0.0, 0.5])
    problem.model.eval()
    for split, (inputs, targets) in problem.data.items():
        with torch.no_grad():
            plain = problem.loss(problem.model(inputs), targets).item()
        for attack in ("fgsm", "pgd"):
            assert found.loss.sel(split=split, attack=attack, epsilon=0).item() == pytest.approx(
                plain, rel=1e-5
            )
        once, often = (found.loss.sel(split=split, attack=attack, epsilon=0.5) for attack in ("fgsm", "pgd"))
        assert plain < once < often


@pytest.mark.parametrize("epsilon", [0.3, 0.01])
def test_no_input_leaves_its_box_or_its_place_for_less_than_the_whole(epsilon: float) -> None:
    """Within the box a steep slope that turns its sign leads to and fro; the others to the corner."""
    from lossatlas.landscape.flatness.adversarial import projected_gradient

    x = torch.tensor([0.0, 1.0, -1.0])

    def slope(moved: Tensor) -> Tensor:
        return torch.tensor([1.0, 1.0, -1.0]) * torch.where(moved - x > 0.9 * epsilon, -1.0, 1.0)

    moved = projected_gradient(x, slope, epsilon, 7) - x
    assert (moved.abs() <= epsilon + 1e-6).all()
    assert moved[2] == pytest.approx(-epsilon, rel=1e-4)


def test_bad_options_are_refused(problem: Problem) -> None:
    for options, message in (
        ({"epsilons": []}, "epsilons must be numbers >= 0, at least one, got"),
        ({"epsilons": [-0.1]}, "epsilons must be numbers >= 0"),
        ({"epsilons": [float("nan")]}, "epsilons must be numbers >= 0"),
        ({"attacks": ["bim"]}, r"attacks must be different ones of fgsm, pgd, got \['bim'\]"),
        ({"attacks": ["pgd", "pgd"]}, "attacks must be different ones"),
        ({"steps": 0}, "steps must be >= 1, got 0"),
        ({"engine": Engine(evaluation="recompute")}, "needs the engine's evaluation 'eval'"),
    ):
        with pytest.raises(ValueError, match=message):
            adversarial(problem, **options)  # type: ignore[arg-type]
    words = Problem(
        nn.Embedding(5, 2),
        lambda out, y: out.mean(),
        {"train": (torch.zeros(3, dtype=torch.long), torch.zeros(3))},
    )
    with pytest.raises(
        ValueError, match=r"the inputs of split 'train' are torch\.int64, which has no derivative"
    ):
        adversarial(words)
