from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from lossatlas.landscape import Problem, weights


def _entries(model: nn.Module) -> np.ndarray:
    return np.concatenate([p.detach().double().numpy().ravel() for p in model.parameters() if p.ndim > 1])


@pytest.mark.parametrize("extent", [None, 0.5])
def test_histogram_is_numpys(problem: Problem, extent: float | None) -> None:
    dataset = weights(problem, bins=20, extent=extent)
    entries = _entries(problem.model)
    limit = extent or np.abs(entries).max()
    counts, edges = np.histogram(entries, bins=20, range=(-limit, limit))
    np.testing.assert_allclose(dataset.density, counts / len(entries) / np.diff(edges), rtol=1e-9)
    np.testing.assert_allclose(dataset.bin, (edges[1:] + edges[:-1]) / 2, atol=1e-12)
    inside = (dataset.density * np.diff(edges)).sum()
    assert float(inside + dataset.outside) == pytest.approx(1)
    assert (float(dataset.outside) > 0.1) == (extent is not None)


def test_norms_and_spread_are_numpys(problem: Problem) -> None:
    dataset = weights(problem)
    arrays = {name: p.detach().double().numpy() for name, p in problem.model.named_parameters()}
    assert dataset.parameter.values.tolist() == list(arrays)
    expected = [np.linalg.norm(array.ravel()) for array in arrays.values()]
    np.testing.assert_allclose(dataset.parameter_norm, expected, rtol=1e-14)
    assert dataset["norm"].item() == pytest.approx(np.linalg.norm(expected), rel=1e-14)
    assert dataset["std"].item() == pytest.approx(_entries(problem.model).std(), rel=1e-12)


def test_bad_options_and_networks_are_refused(problem: Problem) -> None:
    with pytest.raises(ValueError, match="bins must be >= 1, got 0"):
        weights(problem, bins=0)
    with pytest.raises(ValueError, match=r"extent must be finite and > 0, got 0\.0"):
        weights(problem, extent=0.0)
    with pytest.raises(ValueError, match="the network has no parameter of two or more dimensions"):
        weights(Problem(nn.BatchNorm2d(2), problem.loss, problem.data))


@pytest.mark.filterwarnings("ignore:.*weight_norm.*is deprecated")
@pytest.mark.parametrize("make", [nn.utils.weight_norm, nn.utils.parametrizations.weight_norm])
def test_weights_under_weight_norm_of_either_form_are_those_that_act(make: Any, problem: Problem) -> None:
    layer = make(nn.Linear(4, 3))
    lengths = torch.tensor([[3.0], [4.0], [0.0]])
    with torch.no_grad():
        (layer.weight_g if hasattr(layer, "weight_g") else layer.parametrizations.weight.original0).copy_(
            lengths
        )
    dataset = weights(Problem(nn.Sequential(layer), problem.loss, problem.data))
    assert dataset.parameter.values.tolist() == ["0.bias", "0.weight"]
    assert dataset.parameter_norm.sel(parameter="0.weight").item() == pytest.approx(5.0)


def test_the_older_spectral_norms_weights_are_those_that_act(problem: Problem) -> None:
    layer = nn.utils.spectral_norm(nn.Linear(4, 3, bias=False))
    dataset = weights(Problem(nn.Sequential(layer), problem.loss, problem.data))
    exact = layer.weight_orig / torch.linalg.matrix_norm(layer.weight_orig, 2)
    assert dataset.parameter.values.tolist() == ["0.weight"]
    assert dataset["norm"].item() == pytest.approx(exact.norm().item(), rel=1e-5)


def test_small_weights_are_counted_up_to_each_threshold_and_only_if_asked_for(problem: Problem) -> None:
    with torch.no_grad():
        problem.model[0].weight.view(-1)[::2] = 0.0  # type: ignore[index, union-attr, operator]
    size = np.abs(_entries(problem.model))
    thresholds = [0.0, 0.1, 100.0]
    small = weights(problem, thresholds=thresholds).small
    assert small.threshold.values.tolist() == thresholds
    np.testing.assert_allclose(small, [(size <= threshold).mean() for threshold in thresholds])
    assert 0 < small[0] < small[1] < small[2] == 1
    assert "small" not in weights(problem)
    with pytest.raises(ValueError, match=r"thresholds must be >= 0, got \[-1\.0\]"):
        weights(problem, thresholds=[-1.0])
