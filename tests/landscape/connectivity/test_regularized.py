import pytest
import torch
from torch import nn

from lossatlas.landscape import Line, Problem, evaluate, parameters
from lossatlas.landscape.connectivity.regularized import with_regularized_loss
from lossatlas.weight_space import flatten


def test_the_penalty_is_half_the_decay_times_the_sum_of_squares_of_all_parameters(
    problem: Problem, other_network: nn.Module
) -> None:
    """And not the sum of norms, which is what `utils.l2_regularizer` of Garipov et al.'s code adds in a plane."""
    start, end = parameters(problem.model), parameters(other_network)
    grid = Line(start, {name: end[name] - start[name] for name in start}).grid(3)
    dataset = with_regularized_loss(evaluate(problem, grid), problem, grid, 0.02)
    for alpha in (-1.0, 0.0, 1.0):
        here = flatten(start).double() + alpha * (flatten(end) - flatten(start)).double()
        added = dataset.regularized_loss.sel(alpha=alpha) - dataset.loss.sel(alpha=alpha)
        assert added.values == pytest.approx([0.01 * float(here @ here)] * 2, rel=1e-5)
        norms = 0.01 * sum(float(tensor.norm()) for tensor in start.values())
        assert float(added[0]) != pytest.approx(norms, rel=0.1)
    assert dataset.weight_decay == 0.02


def test_it_falls_as_an_optimizers_weight_decay_has_it_fall(regression: Problem) -> None:
    """Torch's SGD with weight decay and no gradient but that of the decay: d w = -rate * weight_decay * w."""
    start, decay, rate = parameters(regression.model), 0.3, 1e-6
    optimizer = torch.optim.SGD(regression.model.parameters(), lr=rate, weight_decay=decay)
    for parameter in regression.model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    step = {name: tensor - start[name] for name, tensor in parameters(regression.model).items()}
    line = Line(start, step).grid(3)
    dataset = with_regularized_loss(evaluate(regression, line), regression, line, decay)
    penalty = (dataset.regularized_loss - dataset.loss).sel(split="train").values
    slope = (penalty[2] - penalty[0]) / 2  # along the step: the gradient's inner product with it
    assert slope == pytest.approx(-float(flatten(step) @ flatten(step)) / rate, rel=1e-3)


def test_statistics_are_not_penalised(problem: Problem) -> None:
    grid = Line(parameters(problem.model), parameters(problem.model)).grid(2)
    before = with_regularized_loss(evaluate(problem, grid), problem, grid, 1.0)
    problem.model[1].running_mean.add_(100.0)
    after = with_regularized_loss(evaluate(problem, grid), problem, grid, 1.0)
    added = [(each.regularized_loss - each.loss).values for each in (before, after)]
    assert added[0] == pytest.approx(added[1], rel=1e-6)


def test_without_a_decay_nothing_is_added_and_a_negative_one_is_refused(problem: Problem) -> None:
    grid = Line(parameters(problem.model), parameters(problem.model)).grid(2)
    dataset = evaluate(problem, grid)
    assert with_regularized_loss(dataset, problem, grid, None) is dataset
    with pytest.raises(ValueError, match="weight_decay must be >= 0, got -1"):
        with_regularized_loss(dataset, problem, grid, -1.0)
