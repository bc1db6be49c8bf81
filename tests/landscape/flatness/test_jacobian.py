import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from lossatlas.landscape import Engine, Problem, jacobian
from lossatlas.landscape.flatness.jacobian import singular_values


def test_each_example_has_the_values_that_it_has_alone(problem: Problem) -> None:
    dataset = jacobian(problem, examples=20, seed=3)
    assert dataset.singular_value.dims == ("split", "example", "rank")
    problem.model.eval()
    for split, (inputs, _) in problem.data.items():
        of_split = dataset.sel(split=split)
        there = of_split["index"].values >= 0
        assert there.sum() == min(20, len(inputs))
        chosen = of_split["index"].values[there]
        assert len(set(chosen)) == len(chosen)
        expected = [singular_values(problem.model, inputs[i : i + 1])[0] for i in chosen]
        np.testing.assert_allclose(of_split.singular_value[there], expected, rtol=1e-4)
        assert np.isnan(of_split.singular_value[~there]).all()


def test_means_and_condition_are_numpys(problem: Problem) -> None:
    dataset = jacobian(problem, examples=20)
    values = dataset.singular_value.values
    np.testing.assert_allclose(dataset.mean_square, np.nanmean(values**2, (1, 2)), rtol=1e-12)
    np.testing.assert_allclose(dataset.mean_log, np.nanmean(np.log(values), (1, 2)), rtol=1e-12)
    np.testing.assert_allclose(dataset.condition, values[..., 0] / values[..., -1], rtol=1e-12)


def test_a_network_that_is_an_isometry_is_seen_to_be_one() -> None:
    model = nn.Sequential(*(nn.Linear(4, 4) for _ in range(3)))
    for layer in model:
        nn.init.orthogonal_(layer.weight)  # type: ignore[arg-type]
    problem = Problem(model, nn.MSELoss(), {"train": (torch.randn(9, 4), torch.randn(9, 4))})
    dataset = jacobian(problem)
    np.testing.assert_allclose(dataset.mean_square, 1, rtol=1e-5)
    np.testing.assert_allclose(dataset.mean_log, 0, atol=1e-5)
    np.testing.assert_allclose(dataset.condition, 1, rtol=1e-5)


def test_a_network_that_loses_a_dimension_has_a_mean_logarithm_of_minus_infinity() -> None:
    model = nn.Linear(2, 2)
    model.weight.data.copy_(torch.diag(torch.tensor([2.0, 0.0])))
    problem = Problem(model, nn.MSELoss(), {"train": (torch.ones(3, 2), torch.ones(3, 2))})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        dataset = jacobian(problem)
    assert dataset.mean_log.item() == -np.inf
    assert (dataset.condition == np.inf).all()
    assert dataset.mean_square.item() == 2.0


def test_the_choice_of_examples_depends_on_the_seed_alone(problem: Problem) -> None:
    """Neither the batches nor the number of examples asked for change which come first."""
    whole = jacobian(problem, examples=20, splits=["train"], seed=1)
    batched = jacobian(problem, examples=20, splits=["train"], seed=1, engine=Engine(batch_size=7))
    np.testing.assert_array_equal(whole["index"], batched["index"])
    np.testing.assert_allclose(whole.singular_value, batched.singular_value, rtol=1e-5)
    other = jacobian(problem, examples=20, splits=["train"], seed=2)
    assert set(whole["index"].values[0]) != set(other["index"].values[0])
    fewer = jacobian(problem, examples=5, splits=["train"], seed=1)
    assert set(fewer["index"].values[0]) < set(whole["index"].values[0])


def test_an_interrupted_survey_goes_on_with_the_next_chunk(
    problem: Problem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = jacobian(problem, examples=20)
    monkeypatch.setattr(sys.modules[jacobian.__module__], "_ENTRIES", 6 * 3 * 128)  # chunks of six
    journal = tmp_path / "jacobian.journal"

    def stop(done: int, total: int) -> None:
        assert total == 2 * 4
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        jacobian(problem, examples=20, journal=journal, progress=stop)
    resumed = jacobian(problem, examples=20, journal=journal)
    np.testing.assert_allclose(resumed.singular_value, whole.singular_value, rtol=1e-5)
    assert resumed.identical(jacobian(problem, examples=20))


def test_bad_input_is_refused(problem: Problem) -> None:
    with pytest.raises(ValueError, match="examples must be >= 1, got 0"):
        jacobian(problem, examples=0)
    with pytest.raises(ValueError, match="unknown split 'valid', the data has train, test"):
        jacobian(problem, splits=["valid"])
    words = Problem(
        nn.Sequential(nn.Embedding(5, 4), nn.Flatten(), nn.Linear(8, 2)),
        nn.CrossEntropyLoss(),
        {"train": (torch.zeros(3, 2, dtype=torch.int64), torch.zeros(3, dtype=torch.int64))},
    )
    with pytest.raises(ValueError, match=r"the inputs of split 'train' are torch\.int64, which has no deriv"):
        jacobian(words)
    convolution = nn.Sequential(nn.Conv2d(1, 1, 3), nn.Flatten())
    data = {
        split: (torch.zeros(2, 1, size, size), torch.zeros(2, (size - 2) ** 2))
        for split, size in (("train", 4), ("test", 5))
    }
    with pytest.raises(ValueError, match=r"different numbers of outputs .*\(4, 16\).*\(9, 25\)"):
        jacobian(Problem(convolution, nn.MSELoss(), data))
