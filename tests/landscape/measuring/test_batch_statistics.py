"""Statistics of a pass against torch's update_bn and against numpy."""

import copy

import numpy as np
import pytest
import torch
from torch import nn
from torch.optim.swa_utils import update_bn

from lossatlas.landscape import Engine, Problem, surface
from lossatlas.landscape.measuring.prepared import prepared

RECOMPUTE = Engine(evaluation="recompute", batch_size=37)


def test_one_batch_gives_what_update_bn_gives(problem: Problem) -> None:
    inputs, targets = problem.data["test"]
    twin = copy.deepcopy(problem.model)
    for module in twin.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    update_bn([problem.data["train"][0]], twin)
    with torch.no_grad():
        expected = nn.functional.cross_entropy(twin.eval()(inputs), targets).item()
    with prepared(problem, splits=["test"], engine=RECOMPUTE) as ready:
        assert ready.measure()[0] == pytest.approx(expected, rel=1e-6)


def test_batches_count_as_much_as_they_have_examples() -> None:
    """37 examples in batches of 13, 12 and 12: the mean is the split's, the variance the weighted mean of theirs."""
    torch.manual_seed(0)
    x = torch.randn(37, 2) * 3 + 1
    model = nn.Sequential(nn.BatchNorm1d(2, affine=False), nn.Linear(2, 1))
    problem = Problem(model, nn.functional.mse_loss, {"train": (x, torch.zeros(37, 1))})
    with prepared(problem, engine=Engine(evaluation="recompute", batch_size=16)) as ready:
        assert ready.statistics is not None
        with torch.inference_mode(), ready.statistics.taken():
            mean, variance = (ready.weights[f"0.running_{name}"].numpy().copy() for name in ("mean", "var"))
    parts = [x.numpy()[:13], x.numpy()[13:25], x.numpy()[25:]]
    expected = sum(len(part) * part.var(axis=0, ddof=1) for part in parts) / 37
    np.testing.assert_allclose(mean, x.numpy().mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(variance, expected, rtol=1e-5)


def test_the_points_own_statistics_do_not_matter(problem: Problem) -> None:
    first = surface(problem, points=3, engine=RECOMPUTE)
    for module in problem.model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.add_(1.0)
            module.running_var.mul_(3.0)
    np.testing.assert_allclose(surface(problem, points=3, engine=RECOMPUTE).loss, first.loss, rtol=1e-6)
    assert first.evaluation == "recompute"


def test_scaling_a_convolution_changes_nothing(problem: Problem) -> None:
    """Normalised by the statistics of its own outputs a filter's length is of no account."""
    with prepared(problem, engine=RECOMPUTE) as ready:
        before = ready.measure()
        ready.weights["4.weight"].mul_(7.0)
        assert ready.measure() == pytest.approx(before, rel=1e-4)


def test_statistics_and_modes_are_put_back(problem: Problem) -> None:
    with prepared(problem, engine=RECOMPUTE) as ready:
        before = {name: tensor.clone() for name, tensor in ready.weights.items()}
        ready.measure()
        assert all(ready.weights[name].equal(tensor) for name, tensor in before.items())
        assert not any(module.training for module in ready.model.modules())
        assert ready.model[1].momentum == 0.1


def test_without_batch_norm_nothing_changes(regression: Problem) -> None:
    with prepared(regression) as ready:
        expected = ready.measure()
    with prepared(regression, engine=RECOMPUTE) as ready:
        assert ready.measure() == expected


def test_a_split_to_pass_over_is_needed(problem: Problem) -> None:
    only_test = Problem(problem.model, problem.loss, {"test": problem.data["test"]})
    message = "evaluation 'recompute' takes a pass over a split 'train', the data has test"
    with pytest.raises(ValueError, match=message), prepared(only_test, engine=RECOMPUTE):
        pass


@pytest.mark.parametrize("batch_size", [37, 16])
def test_instance_norm_that_keeps_statistics_has_those_of_the_pass(batch_size: int) -> None:
    """The mean over all examples of each one's mean and unbiased variance, however batched."""
    torch.manual_seed(0)
    x = torch.randn(37, 2, 3, 4) * torch.linspace(1, 3, 37).view(-1, 1, 1, 1) + 1
    model = nn.Sequential(nn.InstanceNorm2d(2, track_running_stats=True), nn.Flatten(), nn.Linear(24, 1))
    problem = Problem(model, nn.functional.mse_loss, {"train": (x, torch.zeros(37, 1))})
    mean = x.double().mean((0, 2, 3), keepdim=True)
    variance = x.double().var((2, 3), keepdim=True).mean(0, keepdim=True)
    with torch.no_grad():
        expected = model[1:].double()((x - mean) / (variance + 1e-5).sqrt()).square().mean().item()
    model.float()
    with prepared(problem, engine=Engine(evaluation="recompute", batch_size=batch_size)) as ready:
        assert ready.measure()[0] == pytest.approx(expected, rel=1e-5)
        assert model[0].running_mean.tolist() == [0.0, 0.0]
    with prepared(problem) as ready:
        assert ready.measure()[0] != pytest.approx(expected, rel=1e-2)


def test_synchronised_batch_norm_is_as_any_other(problem: Problem) -> None:
    """Its own training mode asks the other processes, which are at other points, and wants a GPU."""
    expected = surface(problem, points=3, engine=RECOMPUTE)
    synchronised = nn.SyncBatchNorm.convert_sync_batchnorm(copy.deepcopy(problem.model))
    found = surface(Problem(synchronised, problem.loss, problem.data), points=3, engine=RECOMPUTE)
    np.testing.assert_allclose(found.loss, expected.loss, rtol=1e-6)
    assert "forward" not in vars(synchronised[1])


class Whitening(nn.Module):
    """A normalisation layer of somebody's own."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("running_mean", torch.zeros(2))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x - self.running_mean


class FrozenNorm(Whitening):
    """What is frozen by its name stays."""


def test_statistics_that_no_pass_re_estimates_are_refused() -> None:
    data = {"train": (torch.randn(20, 2), torch.zeros(20, 1))}
    problem = Problem(nn.Sequential(Whitening(), nn.Linear(2, 1)), nn.functional.mse_loss, data)
    message = (
        "no pass over the data re-estimates '0.running_mean': Whitening is neither batch nor instance norm"
    )
    with pytest.raises(ValueError, match=message):
        surface(problem, points=3, engine=RECOMPUTE)
    frozen = Problem(nn.Sequential(FrozenNorm(), problem.model[1]), nn.functional.mse_loss, data)
    assert np.array_equal(surface(frozen, points=3, engine=RECOMPUTE).loss, surface(problem, points=3).loss)
