from pathlib import Path

import numpy as np
import pytest
import torch
import xarray as xr
from torch import nn

from lossatlas.landscape import Engine, Problem, gradient_noise


def each_gradient(problem: Problem) -> np.ndarray:
    """Of every example by itself, (N, weights)."""
    inputs, targets = problem.data["train"]
    rows = []
    for i in range(len(targets)):
        loss = problem.loss(problem.model.eval()(inputs[i : i + 1]), targets[i : i + 1])
        parts = torch.autograd.grad(loss, list(problem.model.parameters()))
        rows.append(torch.cat([part.ravel() for part in parts]).double().numpy())
    return np.array(rows)


@pytest.fixture(scope="module")
def wide() -> Problem:
    """Linear regression on 200 examples, in float64."""
    rng = torch.Generator().manual_seed(0)
    model = nn.Linear(5, 2).double()
    for parameter in model.parameters():
        parameter.data.normal_(0.0, 0.4, generator=rng)
    x = torch.randn(200, 5, generator=rng, dtype=torch.float64)
    return Problem(model, nn.functional.mse_loss, {"train": (x, torch.randn(200, 2, generator=rng).double())})


@pytest.fixture(scope="module")
def surveyed(wide: Problem) -> xr.Dataset:
    return gradient_noise(wide, sizes=[1, 8, 64, 199, 200, 999], draws=60)


def test_minibatches_of_one_and_of_all_but_one_have_the_gradients_of_examples(
    wide: Problem, surveyed: xr.Dataset
) -> None:
    each = each_gradient(wide)
    whole = each.mean(0)
    np.testing.assert_allclose(surveyed.gradient_norm, np.linalg.norm(whole), rtol=1e-9)
    squares, away = (each**2).sum(1), ((each - whole) ** 2).sum(1)
    for found in surveyed.squared_norm.sel(size=1).values:
        assert np.isclose(squares, found, rtol=1e-9).any()
    for found in surveyed.squared_distance.sel(size=199).values:
        assert np.isclose(away / 199**2, found, rtol=1e-6).any()
    assert len(np.unique(surveyed.squared_norm.sel(size=1))) > 40


def test_the_noise_is_what_the_covariance_of_the_gradients_makes_it(
    wide: Problem, surveyed: xr.Dataset
) -> None:
    each = each_gradient(wide)
    trace = np.cov(each.T).trace()
    expected = np.sqrt(trace * (1 / surveyed["size"][:4] - 1 / 200))
    away = (surveyed.noise[:4] - expected) / surveyed.noise_standard_error[:4]
    assert (abs(away) < 4).all()
    assert (surveyed.noise_standard_error[:4] < 0.2 * expected).all()
    assert abs(surveyed.exponent + 0.5) < 4 * surveyed.exponent_standard_error < 0.2
    square = (each.mean(0) ** 2).sum() - trace / 200
    for name, exact in (("fitted_covariance_trace", trace), ("fitted_noise_scale", trace / square)):
        assert abs(surveyed[name] - exact) < 4 * surveyed[f"{name}_standard_error"] < 0.7 * exact
    scale = surveyed.sel(size=8)
    assert abs(scale.noise_scale - trace / square) < 4 * scale.noise_scale_standard_error


def test_a_size_beyond_the_split_is_the_split_which_has_no_noise(surveyed: xr.Dataset) -> None:
    for size in (200, 999):
        assert (surveyed.squared_distance.sel(size=size) == 0).all()
        assert surveyed.noise.sel(size=size) == surveyed.noise_fit.sel(size=size) == 0
        assert np.isnan(surveyed.noise_scale.sel(size=size))


def test_batches_are_no_part_of_it_and_larger_minibatches_hold_the_smaller(problem: Problem) -> None:
    options = {"sizes": [2, 9, 30], "draws": 4, "seed": 3}
    whole = gradient_noise(problem, **options)
    for size in (4, 7):
        batched = gradient_noise(problem, **options, engine=Engine(batch_size=size))
        np.testing.assert_allclose(batched.squared_norm, whole.squared_norm, rtol=1e-4)
    alone = gradient_noise(problem, sizes=[9], draws=4, seed=3)  # without the smaller on the way
    np.testing.assert_allclose(alone.squared_norm[:, 0], whole.squared_norm.sel(size=9), rtol=1e-4)
    other = gradient_noise(problem, **options | {"seed": 4})
    assert not np.isclose(other.squared_norm, whole.squared_norm, rtol=1e-3).any()


def test_an_interrupted_survey_goes_on(problem: Problem, tmp_path: Path) -> None:
    def stop(done: int, total: int) -> None:
        assert total == 5
        if done == 2:
            raise KeyboardInterrupt

    options = {"sizes": [1, 5], "draws": 5}
    whole = gradient_noise(problem, **options)
    with pytest.raises(KeyboardInterrupt):
        gradient_noise(problem, **options, journal=tmp_path / "noise", progress=stop)
    assert gradient_noise(problem, **options, journal=tmp_path / "noise").identical(whole)


def test_bad_input_is_refused(problem: Problem) -> None:
    with pytest.raises(
        ValueError, match=r"sizes must be different numbers of examples, each >= 1, got \[4, 4\]"
    ):
        gradient_noise(problem, sizes=[4, 4])
    with pytest.raises(ValueError, match=r"each >= 1, got \[0, 4\]"):
        gradient_noise(problem, sizes=[0, 4])
    with pytest.raises(ValueError, match="draws must be >= 2, for a standard error, got 1"):
        gradient_noise(problem, draws=1)
    with pytest.raises(ValueError, match="unknown split 'valid', the data has train, test"):
        gradient_noise(problem, split="valid")


def test_with_replacement_each_example_is_drawn_for_itself(wide: Problem) -> None:
    """Of all numbers, as many as the split has: the mean of N independent draws has the noise of one over sqrt(N)."""
    found = gradient_noise(wide, sizes=[1, 8, 200, 450], draws=200, order="with_replacement")
    each = each_gradient(wide)
    expected = np.sqrt(each.var(0).sum() / found["size"])
    assert (abs(found.noise - expected) < 4 * found.noise_standard_error).all()
    assert (found.noise_standard_error < 0.1 * expected).all()
    trace = np.cov(each.T).trace()
    assert abs(found.fitted_covariance_trace - trace) < 4 * found.fitted_covariance_trace_standard_error
    np.testing.assert_allclose(
        found.noise_fit, np.sqrt(found.fitted_covariance_trace * (1 - 1 / 200) / found["size"])
    )
    assert abs(found.exponent + 0.5) < 4 * found.exponent_standard_error


@pytest.fixture(scope="module")
def by_class() -> Problem:
    """Four classes of ten equal examples each, in no order."""
    rng = torch.Generator().manual_seed(0)
    classes = torch.arange(4).repeat(10)[torch.randperm(40, generator=rng)]
    model = nn.Linear(4, 4).double()
    return Problem(model, nn.functional.cross_entropy, {"train": (torch.eye(4).double()[classes], classes)})


def test_sorted_minibatches_that_fit_into_a_class_are_no_better_than_one_example(by_class: Problem) -> None:
    """A minibatch is a run of the sorted examples, round the end: of one class, or of a class and the next."""
    sizes = [1, 5, 10, 20, 30, 40]
    found = gradient_noise(by_class, sizes=sizes, draws=400, order="sorted")
    each = each_gradient(by_class)[by_class.data["train"][1].argsort(stable=True).numpy()]
    whole = each.mean(0)
    for size in sizes:
        runs = [each[(np.arange(size) + start) % 40].mean(0) for start in range(40)]
        squares = ((np.array(runs) - whole) ** 2).sum(1)
        measured = found.squared_distance.sel(size=size).values
        assert np.isclose(measured[:, None], squares, rtol=1e-6, atol=1e-20).any(1).all()
        assert (
            np.isclose(measured, squares[:, None], rtol=1e-6, atol=1e-20).any(1).all()
        )  # each start was drawn
    known = found[["exponent", "fitted_covariance_trace", "noise_fit", "noise_scale"]]
    assert known.to_array().isnull().all()
    assert found.noise.notnull().all()
    assert found.noise_standard_error.notnull().all()


def test_images_that_are_shuffled_once_are_parts_of_one_order(by_class: Problem) -> None:
    found = gradient_noise(by_class, sizes=[7], draws=300, order="shuffled_once")
    assert len(np.unique(found.squared_distance.round(12))) <= 40
    reshuffled = gradient_noise(by_class, sizes=[7], draws=300)
    assert reshuffled.identical(gradient_noise(by_class, sizes=[7], draws=300, order="reshuffled"))
    assert "order" not in reshuffled.attrs
    assert found.attrs["order"] == "shuffled_once"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"order": "sort"},
            "unknown order 'sort', expected one of reshuffled, shuffled_once, with_replacement, sorted",
        ),
        (
            {"order": "sorted"},
            r"order='sorted' needs examples of one class each, split 'train' has .* \(N, 2\)",
        ),
    ],
)
def test_an_order_that_the_examples_cannot_have_is_refused(
    wide: Problem, options: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        gradient_noise(wide, **options)
