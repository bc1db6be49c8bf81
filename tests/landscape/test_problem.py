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
