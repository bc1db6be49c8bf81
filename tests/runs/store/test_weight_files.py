"""Weights from anybody's files, whatever they are called there, and never by running code."""

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from lossatlas.runs.store.store import StoreError
from lossatlas.runs.store.weight_files import load_weights


@pytest.fixture
def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))


def prefixed(prefix: str, state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {prefix + name: tensor for name, tensor in state.items()}


@pytest.mark.parametrize("prefix", ["", "model.", "module.", "model._orig_mod.", "0.", "0.0."])
@pytest.mark.parametrize("key", [None, "state_dict", "model_state_dict", "model"])
def test_the_tensors_are_found_under_any_common_prefix(
    tmp_path: Path, network: nn.Module, prefix: str, key: str | None
) -> None:
    state = prefixed(prefix, network.state_dict())
    path = tmp_path / "saved.pt"
    torch.save(state if key is None else {key: state, "epoch": 3}, path)
    found = load_weights(path, network.state_dict())
    assert list(found) == list(network.state_dict())
    assert all(torch.equal(found[name], tensor) for name, tensor in network.state_dict().items())


def test_what_else_a_checkpoint_holds_is_left_out(tmp_path: Path, network: nn.Module) -> None:
    state = prefixed("net.", network.state_dict()) | {
        "loss.weight": torch.ones(2),
        "ema.0.weight": torch.ones(1),
    }
    torch.save({"state_dict": state, "optimizer_states": [{}]}, tmp_path / "last.ckpt")
    assert list(load_weights(tmp_path / "last.ckpt", network.state_dict())) == list(network.state_dict())


def test_of_two_networks_in_a_file_the_one_that_fits_is_taken(tmp_path: Path, network: nn.Module) -> None:
    state = {"student.0.weight": torch.ones(4, 3)} | prefixed("teacher.", network.state_dict())
    save_file(state, tmp_path / "both.safetensors")
    found = load_weights(tmp_path / "both.safetensors", network.state_dict())
    assert torch.equal(found["2.bias"], network.state_dict()["2.bias"])


def test_counters_of_batches_may_be_missing(tmp_path: Path, network: nn.Module) -> None:
    state = {name: tensor for name, tensor in network.state_dict().items() if "num_batches" not in name}
    save_file(state, tmp_path / "old.safetensors")
    assert int(load_weights(tmp_path / "old.safetensors", network.state_dict())["1.num_batches_tracked"]) == 0


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"0.weight": torch.ones(4, 3)}, r"lacks 0\.bias$"),
        ({"x": torch.ones(1)}, r"lacks 0\.weight$"),
        ({"epoch": 3}, "holds no state dict; expected one saved as"),
        ([1, 2], "holds a list, expected a state dict$"),
        (nn.Linear(1, 1), "not a state dict that can be read without running code of the file"),
    ],
)
def test_what_is_no_state_dict_of_the_network_is_refused(
    tmp_path: Path, network: nn.Module, content: Any, message: str
) -> None:
    torch.save(content, tmp_path / "saved.pt")
    with pytest.raises(StoreError, match=message):
        load_weights(tmp_path / "saved.pt", network.state_dict())


def test_the_first_tensor_of_another_shape_or_name_is_named(tmp_path: Path, network: nn.Module) -> None:
    expected = network.state_dict()
    save_file(expected | {"2.bias": torch.ones(5)}, tmp_path / "shape.safetensors")
    with pytest.raises(StoreError, match=r"2\.bias has shape \(5,\) there, \(2,\) here$"):
        load_weights(tmp_path / "shape.safetensors", expected)
    save_file(expected | {"3.bias": torch.ones(5)}, tmp_path / "more.safetensors")
    with pytest.raises(StoreError, match=r"this network has no 3\.bias$"):
        load_weights(tmp_path / "more.safetensors", expected)


@pytest.mark.parametrize("name", ["x.safetensors", "x.pt", "x.ckpt"])
def test_foreign_bytes_and_missing_files_are_told(tmp_path: Path, network: nn.Module, name: str) -> None:
    with pytest.raises(StoreError, match=f"{name}: no such file$"):
        load_weights(tmp_path / name, network.state_dict())
    (tmp_path / name).write_bytes(b"no weights at all")
    with pytest.raises(StoreError, match=f"{name}: not a "):
        load_weights(tmp_path / name, network.state_dict())
