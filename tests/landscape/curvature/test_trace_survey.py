"""The trace of networks' Hessians, against dense ones and rivals."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from pyhessian import hessian as pyhessian
from torch import Tensor, nn
from torch.func import functional_call

from lossatlas.landscape import Engine, Problem, parameters, trace
from lossatlas.weight_space import flatten, unflatten


@pytest.fixture
def small(rng: torch.Generator) -> Problem:
    """A network of 43 weights whose Hessian is indefinite."""
    model = nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 3), nn.Tanh(), nn.Linear(3, 1)).double()
    for parameter in model.parameters():
        parameter.data.normal_(0, 0.7, generator=rng)
    x, y = (torch.randn(17, size, generator=rng, dtype=torch.float64) for size in (3, 1))
    return Problem(model, nn.functional.mse_loss, {"train": (x, 3 * y), "test": (y.repeat(1, 3), y)})


def dense_hessian(problem: Problem) -> Tensor:
    """Second derivatives of the loss by the flat vector of weights, by torch.autograd.functional."""
    like = parameters(problem.model)
    x, y = problem.data["train"]

    def loss(flat: Tensor) -> Tensor:
        return problem.loss(functional_call(problem.model, unflatten(flat, like), (x,)), y)

    return torch.autograd.functional.hessian(loss, flatten(like))  # type: ignore[return-value]


def test_a_full_sketch_is_the_trace_of_the_dense_hessian(small: Problem) -> None:
    dataset = trace(small, sketch=100, engine=Engine(batch_size=5))
    assert dataset.trace.item() == pytest.approx(dense_hessian(small).trace().item(), rel=1e-10)
    assert dataset.caught.item() == pytest.approx(dataset.trace.item(), rel=1e-10)
    n = sum(parameter.numel() for parameter in small.model.parameters())
    assert dataset.sketch == n
    assert dataset.products.item() == 2 * n + 10


@pytest.mark.parametrize("sketch", [0, 5])
def test_the_estimate_is_within_its_standard_error(small: Problem, sketch: int) -> None:
    dataset = trace(small, sketch=sketch, probes=200, tolerance=None)
    expected = dense_hessian(small).trace().item()
    assert abs(dataset.trace.item() - expected) < 3 * dataset.standard_error.item()
    assert dataset.standard_error.item() < 0.2 * abs(expected)


def test_the_trace_of_linear_regression_is_that_of_the_gram_matrix(regression: Problem) -> None:
    """Mean over the 23 examples and 2 outputs: H = I_2 (x) [x, 1]'[x, 1] / 23."""
    x = regression.data["train"][0].numpy()
    expected = 2 * (np.c_[x, np.ones(len(x))] ** 2).sum() / len(x)
    for matrix in ("hessian", "gauss_newton"):
        dataset = trace(regression, matrix=matrix, engine=Engine(batch_size=7))
        assert dataset.trace.item() == pytest.approx(expected, rel=1e-10)


def test_the_gauss_newton_matrix_has_the_trace_of_squared_derivatives(small: Problem) -> None:
    """With the squared error of one output, GGN = 2 J'J / N; J by torch.func.jacrev."""
    like = parameters(small.model)
    x, _ = small.data["train"]
    jacobian = torch.func.jacrev(lambda flat: functional_call(small.model, unflatten(flat, like), (x,)))
    expected = 2 * jacobian(flatten(like)).square().sum().item() / len(x)
    assert trace(small, matrix="gauss_newton", sketch=100).trace.item() == pytest.approx(expected, rel=1e-10)


def test_it_stops_once_the_standard_error_is_small_enough(small: Problem) -> None:
    heard: list[tuple[int, int]] = []
    dataset = trace(
        small,
        probes=500,
        sketch=10,
        tolerance=0.05,
        progress=lambda done, total: heard.append((done, total)),
    )
    taken = int(dataset.sample.notnull().sum())
    assert taken % 10 == 0
    assert 10 <= taken < 500
    assert dataset.standard_error.item() <= 0.05 * abs(dataset.trace.item())
    assert dataset.products.item() == 20 + taken
    assert [done for done, _ in heard] == sorted(done for done, _ in heard)
    assert heard[-1] == (taken + 1, 501)
    alone = trace(small, probes=taken, sketch=10, tolerance=None)
    assert alone.trace.item() == dataset.trace.item()


def test_a_loose_tolerance_stops_at_ten_probes_and_none_at_all(small: Problem) -> None:
    assert trace(small, tolerance=10.0).sample.notnull().sum() == 10
    assert trace(small, tolerance=None, probes=25).sample.notnull().all()


class Interruption(Exception):  # noqa: N818
    pass


def _stop_after(points: int) -> Callable[[int, int], None]:
    def progress(done: int, total: int) -> None:
        if done == points:
            raise Interruption

    return progress


def test_an_interrupted_estimate_goes_on_and_more_probes_extend_it(small: Problem, tmp_path: Path) -> None:
    journal = tmp_path / "trace.journal"
    for stop in (4, 17):
        with pytest.raises(Interruption):
            trace(small, tolerance=None, probes=25, journal=journal, progress=_stop_after(stop))
    whole = trace(small, tolerance=None, probes=25)
    assert trace(small, tolerance=None, probes=25, journal=journal).identical(whole)
    before = journal.read_bytes()
    more = trace(small, tolerance=None, probes=30, journal=journal)
    assert journal.read_bytes().startswith(before)
    np.testing.assert_array_equal(more.sample[:25], whole.sample)


def test_other_seeds_matrices_and_splits_are_other_estimates(small: Problem) -> None:
    options: list[dict[str, object]] = [{}, {"seed": 1}, {"matrix": "gauss_newton"}, {"split": "test"}]
    values = [trace(small, sketch=0, probes=2, **option).trace.item() for option in options]  # type: ignore[arg-type]
    assert len(set(values)) == 4


def test_a_network_is_left_as_it_was(problem: Problem) -> None:
    problem.model.train()
    before = flatten(parameters(problem.model)).clone()
    trace(problem, probes=2, sketch=1)
    assert torch.equal(flatten(parameters(problem.model)), before)
    assert all(module.training for module in problem.model.modules())


def test_a_network_whose_loss_is_not_finite_has_a_trace_of_nan(problem: Problem) -> None:
    problem.model[9].weight.data[0] = torch.nan  # type: ignore[index]
    dataset = trace(problem, probes=20, sketch=2)
    assert np.isnan(dataset.trace)
    assert np.isnan(dataset.standard_error)


def test_pyhessian_agrees_on_the_mean_but_stops_at_the_second_probe_of_a_negative_trace() -> None:
    """Its rule divides by the trace, not by its size: a change over a negative number is below any tolerance."""
    model = nn.Linear(4, 1, bias=False)
    x = torch.randn(50, 4, generator=torch.Generator().manual_seed(0)) + 1

    def hill(outputs: Tensor, targets: Tensor) -> Tensor:
        return -nn.functional.mse_loss(outputs, targets)

    y = torch.zeros(50, 1)
    exact = -2 * x.square().sum().item() / 50
    theirs = pyhessian(model, hill, data=(x, y), cuda=False).trace(maxIter=100)
    assert len(theirs) == 2
    ours = trace(Problem(model, hill, {"train": (x, y)}), sketch=0, probes=400, tolerance=0.05)
    assert ours.trace.item() == pytest.approx(exact, abs=4 * ours.standard_error.item())
    assert ours.sample.notnull().sum() > 10


def test_pyhessian_stops_when_its_mean_stands_still_which_says_little_of_its_error(small: Problem) -> None:
    """It asks for a change of 1e-3; ours for a standard error, and holds it."""
    exact = dense_hessian(small).trace().item()
    theirs = []
    rival = pyhessian(small.model, small.loss, data=small.data["train"], cuda=False)
    for seed in range(40):
        torch.manual_seed(seed)
        theirs.append(abs(np.mean(rival.trace()) / exact - 1))
    ours = [
        trace(small, seed=seed, tolerance=0.05, probes=400).trace.item() / exact - 1 for seed in range(10)
    ]
    assert np.quantile(theirs, 0.75) > 0.1
    assert np.sqrt(np.mean(np.square(ours))) < 0.1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"probes": 1}, "probes must be >= 2, for a standard error, got 1"),
        ({"sketch": -1}, "sketch must be >= 0, got -1"),
        ({"tolerance": 0.0}, r"tolerance must be finite and > 0, or None, got 0\.0"),
        ({"matrix": "fisher"}, "unknown matrix 'fisher', expected one of hessian, gauss_newton"),
        ({"split": "valid"}, "unknown split 'valid', the data has train, test"),
    ],
)
def test_a_value_out_of_its_range_is_refused(
    problem: Problem, options: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        trace(problem, **options)  # type: ignore[arg-type]
