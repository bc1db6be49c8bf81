from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard

from lossatlas.landscape import Problem, interpolation


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


def test_a_network_whose_parameters_are_spread_over_ranks_is_refused(tmp_path: Path) -> None:
    dist.init_process_group("gloo", init_method=f"file://{tmp_path}/store", rank=0, world_size=1)
    try:
        sharded = fully_shard(nn.Linear(3, 2), mesh=init_device_mesh("cpu", (1,)))
        with pytest.raises(ValueError, match="the parameters of FSDPLinear are spread over ranks"):
            Problem(sharded, nn.MSELoss(), {"train": (torch.zeros(5, 3), torch.zeros(5, 2))})
    finally:
        dist.destroy_process_group()


def test_of_a_network_that_fabric_has_set_up_it_is_the_network_itself() -> None:
    """Its names are then those of its state dict."""
    model = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
    wrapped = Fabric(accelerator="cpu", devices=1).setup(model)
    problem = Problem(wrapped, nn.MSELoss(), {"train": (torch.zeros(5, 3), torch.zeros(5, 2))})
    assert problem.model is model
    other = {name: tensor.clone() for name, tensor in wrapped.state_dict().items()}
    assert interpolation(problem, other=other, points=3).sizes["alpha"] == 3
