"""Subsamples, and whether their errors are as large as their standard errors say."""

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor, nn

from lossatlas.landscape import Engine, Problem, evaluate, surface
from lossatlas.landscape.measuring.prepared import prepared
from lossatlas.landscape.measuring.subsample import squares, standard_error, subsampled
from lossatlas.landscape.shapes.plane import Plane

Pairs = dict[str, tuple[Tensor, Tensor]]


@pytest.fixture
def population(rng: torch.Generator) -> Problem:
    """Linear regression in float64 on 400 examples, whose losses are squares of normal variables, and on 60."""
    data = {}
    for split, n in (("train", 400), ("test", 60)):
        x = torch.randn(n, 3, generator=rng, dtype=torch.float64)
        y = torch.randn(n, 1, generator=rng, dtype=torch.float64)
        data[split] = (x, y)
    model = nn.Linear(3, 1).double()
    for parameter in model.parameters():
        parameter.data.normal_(generator=rng)
    return Problem(model, nn.functional.mse_loss, data)


def plane(problem: Problem) -> Plane:
    weights = {name: tensor.detach() for name, tensor in problem.model.named_parameters()}
    return Plane.random(weights, seed=3)


def test_the_standard_error_is_that_of_a_mean_of_a_finite_population() -> None:
    values = np.random.default_rng(0).gamma(2.0, size=30)
    halves = [
        squares(torch.tensor(part), torch.tensor(120.0 * len(part) / 30, dtype=torch.float64))
        for part in (values[:21], values[21:])
    ]
    expected = stats.sem(values) * np.sqrt(1 - 30 / 120)
    np.testing.assert_allclose(standard_error(halves[0] + halves[1]), [expected], rtol=1e-12)


def test_all_samples_of_a_small_population_have_the_variance_that_is_stated() -> None:
    """Over all subsets of 3 of 6 the mean of the squared standard errors is the variance of the means, exactly."""
    values = torch.tensor([0.3, 4.0, 1.0, 1.5, 0.0, 9.0], dtype=torch.float64)
    subsets = torch.combinations(torch.arange(6), 3)
    whole = torch.tensor(6.0, dtype=torch.float64)
    stated = torch.cat([standard_error(squares(values[subset], whole)) for subset in subsets]).square().mean()
    true = (values[subsets].mean(dim=1) - values.mean()).square().mean()
    torch.testing.assert_close(stated, true, rtol=1e-12, atol=0.0)


def test_a_single_example_has_no_standard_error_unless_it_is_all() -> None:
    one = torch.tensor([3.0])
    assert standard_error(squares(one, torch.tensor(2.0, dtype=torch.float64))).isnan()
    assert standard_error(squares(one, torch.tensor(1.0, dtype=torch.float64))) == 0


def test_examples_are_drawn_without_replacement_and_equally_often() -> None:
    numbers = torch.arange(40)
    counts = np.zeros(40)
    for seed in range(500):
        drawn, targets = subsampled((numbers, numbers), "train", Engine(subsample=10, subsample_seed=seed))
        assert drawn.equal(targets)
        assert drawn.equal(drawn.unique())
        counts[drawn.numpy()] += 1
    # for draws without replacement the statistic is (1 - 10 / 40) times a chi-square variable
    assert stats.chi2.cdf(((counts - 125) ** 2 / 125).sum() / 0.75, df=39) == pytest.approx(0.5, abs=0.499)


def test_splits_and_seeds_have_examples_of_their_own_and_seed_zero_is_a_seed() -> None:
    numbers = torch.arange(100)
    drawn = {
        (split, seed): tuple(
            subsampled((numbers, numbers), split, Engine(subsample=20, subsample_seed=seed))[0].tolist()
        )
        for split in ("train", "test")
        for seed in (0, 1)
    }
    assert len(set(drawn.values())) == 4


def test_losses_are_those_of_the_drawn_examples(population: Problem) -> None:
    engine = Engine(subsample=30, batch_size=7)
    dataset = evaluate(population, plane(population).grid(3), engine=engine)
    drawn = {split: subsampled(tensors, split, engine) for split, tensors in population.data.items()}
    on_drawn = evaluate(Problem(population.model, population.loss, drawn), plane(population).grid(3))
    np.testing.assert_allclose(dataset.loss, on_drawn.loss, rtol=1e-12)
    assert (dataset.attrs["subsample"], dataset.attrs["subsample_seed"]) == (30, 0)


def test_both_standard_errors_are_those_of_numpy(population: Problem) -> None:
    engine = Engine(subsample=30, batch_size=7)
    shape = plane(population)
    dataset = evaluate(population, shape.grid(3), engine=engine)
    for split, tensors in population.data.items():
        x, y = subsampled(tensors, split, engine)
        factor = np.sqrt(1 - 30 / len(tensors[1]))

        def losses(b: float, a: float, x: Tensor = x, y: Tensor = y) -> np.ndarray:
            weight = (
                shape.centre["weight"] + a * shape.direction_x["weight"] + b * shape.direction_y["weight"]
            )
            return (x @ weight.T + shape.centre["bias"] - y).square().squeeze(1).numpy()

        for point in (dataset.sel(split=split, y=b, x=a) for b in (-1.0, 0.0, 1.0) for a in (-1.0, 0.0, 1.0)):
            here = losses(float(point.y), float(point.x))
            np.testing.assert_allclose(point.loss_standard_error, stats.sem(here) * factor, rtol=1e-9)
            rise = stats.sem(here - losses(0.0, 0.0)) * factor
            np.testing.assert_allclose(point.rise_standard_error, rise, rtol=1e-9, atol=1e-12)


def test_errors_are_as_large_as_stated() -> None:
    """Over 2000 subsamples of 100 the squared error over its stated square has mean 1, by chi-square variables.

    The losses are skewed, as those of a trained network are, and a second one differs little from the first.
    """
    rng = np.random.default_rng(0)
    first = rng.gamma(1.5, size=400)
    losses = torch.tensor(np.stack([first, first + 0.1 * rng.normal(size=400)]))
    errors = []
    for seed in range(2000):
        drawn, _ = subsampled((losses.T, losses.T), "train", Engine(subsample=100, subsample_seed=seed))
        for sample, population in (
            (drawn[:, 0], losses[0]),
            (drawn[:, 1] - drawn[:, 0], losses[1] - losses[0]),
        ):
            stated = standard_error(squares(sample, torch.tensor(400.0, dtype=torch.float64)))
            errors.append(float((sample.mean() - population.mean()) / stated))
    squared = np.array(errors).reshape(-1, 2) ** 2
    assert squared.mean(axis=0) == pytest.approx([1.0, 1.0], abs=0.1)  # the mean of 2000 varies by 0.03
    covered = (squared < stats.norm.ppf(0.975) ** 2).mean(axis=0)
    assert covered == pytest.approx([0.95, 0.95], abs=0.015)


@pytest.mark.parametrize("n", [37, 1000])
def test_a_subsample_of_everything_gives_identical_numbers_and_no_error(problem: Problem, n: int) -> None:
    whole, sampled = surface(problem, points=3), surface(problem, points=3, engine=Engine(subsample=n))
    assert sampled.loss.identical(whole.loss)
    assert sampled.error.identical(whole.error)
    assert not sampled.loss_standard_error.any()
    assert not sampled.rise_standard_error.any()


@pytest.mark.parametrize("evaluation", ["eval", "recompute"])
def test_the_rise_at_the_networks_own_weights_is_certain(problem: Problem, evaluation: str) -> None:
    dataset = surface(problem, points=3, engine=Engine(subsample=9, evaluation=evaluation))
    assert not dataset.rise_standard_error.sel(y=0, x=0).any()
    others = dataset.rise_standard_error.where((dataset.y != 0) | (dataset.x != 0))
    assert float(others.min()) > 0
    assert dataset.rise_standard_error.attrs["units"] == "1"


def test_the_network_is_read_once_a_point_on_no_more_than_the_subsample(problem: Problem) -> None:
    seen: list[int] = []
    problem.model.register_forward_hook(lambda module, inputs, outputs: seen.append(len(inputs[0])))
    with prepared(problem, splits=["train"], engine=Engine(subsample=9, batch_size=5)) as ready:
        seen.clear()
        ready.measure()
    assert seen == [5, 4]


def test_there_is_no_standard_error_without_a_subsample(problem: Problem) -> None:
    assert set(surface(problem, points=3)) == {"loss", "error"}


def test_an_empty_subsample_is_refused() -> None:
    with pytest.raises(ValueError, match="subsample must be >= 1, got 0"):
        Engine(subsample=0)


def test_a_metric_cannot_have_the_name_of_a_standard_error(problem: Problem) -> None:
    named = Problem(problem.model, problem.loss, problem.data, {"rise_standard_error": problem.loss})
    with pytest.raises(ValueError, match="a metric cannot be called 'rise_standard_error', the name of"):
        surface(named, points=3, engine=Engine(subsample=9))
