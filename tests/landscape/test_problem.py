from typing import Any

import pytest
import torch
from torch import Tensor, nn

from lossatlas.landscape import Problem


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({}, "data has no splits"),
        ({"train": (torch.zeros(3, 2), torch.zeros(2))}, "split 'train' has 3 inputs and 2 targets"),
        ({"train": (torch.zeros(0, 2), torch.zeros(0))}, "split 'train' has 0 inputs and 0 targets"),
        (
            {"train": (torch.zeros(3, 2, device="meta"), torch.zeros(3, device="meta"))},
            "split 'train' has inputs on meta and targets on meta, but the network is on cpu",
        ),
    ],
)
def test_data_that_does_not_fit_is_refused(data: dict[str, tuple[Tensor, Tensor]], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Problem(nn.Linear(2, 1), nn.MSELoss(), data)


def test_a_network_without_parameters_is_refused() -> None:
    with pytest.raises(ValueError, match="ReLU has no parameters"):
        Problem(nn.ReLU(), nn.MSELoss(), {"train": (torch.zeros(3, 2), torch.zeros(3, 2))})


@pytest.mark.parametrize(
    ("splits", "message"),
    [
        (["train", "valid"], "unknown split 'valid', the data has train, test"),
        ([], "splits must be a list of different names"),
        (["train", "train"], "splits must be a list of different names"),
        ("train", "splits must be a list of different names, got 'train'"),
    ],
)
def test_splits_must_be_those_of_the_data(problem: Problem, splits: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        problem.select(splits)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ((torch.zeros(3, 2), torch.zeros(3, 2)), "data is a tuple, expected a mapping such as {'train'"),
        (
            {"train": (torch.zeros(()), torch.zeros(3))},
            "split 'train' has a single number as inputs or targets",
        ),
    ],
)
def test_data_of_another_form_is_refused(data: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Problem(nn.Linear(2, 1), nn.MSELoss(), data)


class Spread(nn.Module):
    """Parameters on the CPU and elsewhere."""

    def __init__(self, elsewhere: Tensor) -> None:
        super().__init__()
        self.here = nn.Parameter(torch.zeros(1))
        self.there = nn.Parameter(elsewhere, requires_grad=False)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (
            nn.Sequential(nn.LazyLinear(2)),
            "Sequential has the parameter '0.weight', whose shape is not known yet: run",
        ),
        (
            nn.Linear(2, 1, device="meta"),
            "Linear has the parameter 'weight' on the device 'meta', where it has no",
        ),
        (
            Spread(torch.zeros(1, dtype=torch.complex64)),
            "Spread has the parameter 'there' of dtype complex64, expected",
        ),
        (
            Spread(torch.zeros(1, dtype=torch.int8)),
            "Spread has the parameter 'there' of dtype int8, expected real",
        ),
    ],
)
def test_parameters_that_cannot_be_moved_are_refused(model: nn.Module, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Problem(model, nn.MSELoss(), {"train": (torch.zeros(3, 2), torch.zeros(3, 1))})


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_network_on_two_devices_is_refused() -> None:
    with pytest.raises(ValueError, match="'there' on cuda:0, and others on cpu: it must be on one device"):
        Problem(
            Spread(torch.zeros(1).cuda()), nn.MSELoss(), {"train": (torch.zeros(3, 1), torch.zeros(3, 1))}
        )
