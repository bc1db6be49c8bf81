import copy
from typing import Any

import numpy as np
import pytest
import torch
import xarray as xr
from torch import nn

from lossatlas.landscape import Engine, Problem, path
from lossatlas.landscape.ensembles.tempering import temperature


def probabilities(network: nn.Module, inputs: torch.Tensor) -> np.ndarray:
    with torch.no_grad():
        return network.double().eval()(inputs.double()).softmax(-1).numpy()


def between(network: nn.Module, other: nn.Module, t: float) -> nn.Module:
    middle = copy.deepcopy(network)
    state, end = network.state_dict(), other.state_dict()
    middle.load_state_dict(
        {
            name: torch.lerp(tensor, end[name], t) if tensor.is_floating_point() else tensor
            for name, tensor in state.items()
        }
    )
    return middle


def test_probabilities_are_averaged_and_not_logits(problem: Problem, other_network: nn.Module) -> None:
    """In numpy, of networks that are put together by hand."""
    dataset = path(problem, through=[other_network.state_dict()], points=3, ensemble=True)
    for split, (inputs, targets) in problem.data.items():
        found = [probabilities(between(problem.model, other_network, t), inputs) for t in (0.0, 0.5, 1.0)]
        right = (np.arange(len(targets)), targets.numpy())
        for k, t in enumerate((0.0, 0.5, 1.0)):
            here = dataset.sel(split=split, t=t)
            pair, growing = (found[0] + found[k]) / 2, np.mean(found[: k + 1], axis=0)
            for name, mean in (("pair", pair), ("growing", growing)):
                assert float(here[f"{name}_nll"]) == pytest.approx(-np.log(mean[right]).mean(), rel=1e-4)
                assert float(here[f"{name}_error"]) == (mean.argmax(1) != targets.numpy()).mean()


def ends_in_softmax(problem: Problem) -> Problem:
    """The problem with a softmax in the network, and a loss of its logarithm."""

    def loss(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return nn.functional.nll_loss(outputs.log(), targets)

    return Problem(nn.Sequential(problem.model, nn.Softmax(1)), loss, problem.data)


def test_a_network_that_ends_in_softmax_has_the_same_ensembles(
    problem: Problem, other_network: nn.Module
) -> None:
    plain = path(problem, through=[other_network.state_dict()], points=3, ensemble=True)
    other = nn.Sequential(other_network, nn.Softmax(1)).state_dict()
    found = path(ends_in_softmax(problem), through=[other], points=3, ensemble=True)
    for name in ("loss", "error", "nll", "pair_nll", "growing_nll", "pair_error", "growing_error"):
        np.testing.assert_allclose(found[name], plain[name], rtol=1e-4)


def test_at_the_start_an_ensemble_is_the_network_itself(problem: Problem, other_network: nn.Module) -> None:
    dataset = path(problem, through=[other_network.state_dict()], points=3, ensemble=True)
    for name in ("error", "nll"):
        for which in ("pair", "growing"):
            np.testing.assert_allclose(
                dataset[f"{which}_{name}"].sel(t=0.0), dataset[name].sel(t=0.0), rtol=1e-5
            )


def test_statistics_are_those_of_each_point_where_they_are_recomputed(
    problem: Problem, other_network: nn.Module
) -> None:
    """With statistics of a pass at each point: the end of the path then has those of the other network there."""
    engine = Engine(evaluation="recompute")
    dataset = path(problem, through=[other_network.state_dict()], points=2, ensemble=True, engine=engine)
    turned = Problem(copy.deepcopy(other_network), problem.loss, problem.data)
    back = path(turned, through=[problem.model.state_dict()], points=2, ensemble=True, engine=engine)
    for name in ("pair_nll", "growing_nll"):
        np.testing.assert_allclose(dataset[name].sel(t=1.0), back[name].sel(t=1.0), rtol=1e-6)
    assert not np.allclose(dataset.pair_nll.sel(t=0.0), back.pair_nll.sel(t=0.0))


@pytest.mark.parametrize("tempering", [{}, {"temper_on": "train"}], ids=["plain", "tempered"])
def test_an_interrupted_survey_goes_on_with_the_same_bits(
    problem: Problem, other_network: nn.Module, tmp_path: object, tempering: dict[str, str]
) -> None:
    class Enough(Exception):  # noqa: N818
        pass

    def stop(done: int, total: int) -> None:
        assert total == 10
        if done == 8:  # of 5 points, each gone through twice
            raise Enough

    other, journal = other_network.state_dict(), f"{tmp_path}/path.journal"
    options = {"through": [other], "points": 5, "ensemble": True, **tempering}
    with pytest.raises(Enough):
        path(problem, journal=journal, progress=stop, **options)
    heard: list[int] = []
    resumed = path(problem, journal=journal, progress=lambda done, total: heard.append(done), **options)
    assert heard == [5, 8, 9, 10]
    assert resumed.identical(path(problem, **options))


def test_points_are_tempered_on_a_split_before_they_are_averaged(
    problem: Problem, other_network: nn.Module
) -> None:
    """In numpy, of networks that are put together by hand."""
    other = [other_network.state_dict()]
    dataset = path(problem, through=other, points=3, ensemble=True, temper_on="train", splits=["test"])
    plain = path(problem, through=other, points=3, ensemble=True, splits=["test"])
    xr.testing.assert_equal(dataset[list(plain)], plain)
    networks = [between(problem.model, other_network, t) for t in (0.0, 0.5, 1.0)]

    def found(network: nn.Module, split: str, temperature: float) -> np.ndarray:
        tempered = probabilities(network, problem.data[split][0]) ** (1 / temperature)
        return tempered / tempered.sum(-1, keepdims=True)

    def nll_of(mean: np.ndarray, split: str) -> float:
        targets = problem.data[split][1].numpy()
        return -np.log(mean[np.arange(len(targets)), targets]).mean()

    temperatures = dataset.temperature.values
    targets = problem.data["train"][1]
    for network, best in zip(networks, temperatures, strict=True):
        logs = torch.from_numpy(probabilities(network, problem.data["train"][0])).log()
        assert best == pytest.approx(temperature(logs, targets), rel=1e-3)
    each = [found(network, "test", best) for network, best in zip(networks, temperatures, strict=True)]
    for k in range(3):
        here, mean = dataset.isel(t=k, split=0), np.mean(each[: k + 1], axis=0)
        assert float(here.tempered_nll) == pytest.approx(nll_of(mean, "test"), rel=1e-4)
        assert float(here.tempered_error) == (mean.argmax(1) != problem.data["test"][1].numpy()).mean()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"temper_on": "train"}, "temper_on is of ensembles, and ensemble is false"),
        (
            {"temper_on": "test", "ensemble": True},
            "temper_on: members are never tempered on the split 'test'",
        ),
        (
            {"temper_on": "valid", "ensemble": True},
            "temper_on: the data has no split 'valid' .* it has train, test",
        ),
    ],
)
def test_a_split_that_tempers_is_one_that_the_data_has_and_nobody_is_judged_on(
    problem: Problem, other_network: nn.Module, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        path(problem, through=[other_network.state_dict()], points=3, **options)


def test_without_classes_there_is_no_ensemble(regression: Problem) -> None:
    other = {name: tensor + 1 for name, tensor in regression.model.state_dict().items()}
    with pytest.raises(ValueError, match="an ensemble needs targets that are classes"):
        path(regression, through=[other], points=3, ensemble=True)
