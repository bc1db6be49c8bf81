"""Weights from anybody's files, whatever they are called there, and never by running code."""

import argparse
import functools
import os
from collections import deque
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_model, save_file, save_model
from torch import Tensor, nn

from lossatlas.runs.store.store import StoreError
from lossatlas.runs.store.weight_files import load_weights, place_of_weights


@pytest.fixture
def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))


def prefixed(prefix: str, state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {prefix + name: tensor for name, tensor in state.items()}


def same(found: dict[str, Tensor], expected: dict[str, Tensor]) -> bool:
    """Names in their order, and tensors to the bit."""
    return list(found) == list(expected) and all(
        torch.equal(found[name], expected[name]) for name in expected
    )


@pytest.mark.parametrize("prefix", ["", "model.", "module.", "model._orig_mod.", "0.", "0.0."])
@pytest.mark.parametrize("key", [None, "state_dict", "model_state_dict", "model", "net"])
def test_the_tensors_are_found_under_any_common_prefix(
    tmp_path: Path, network: nn.Module, prefix: str, key: str | None
) -> None:
    state = prefixed(prefix, network.state_dict())
    path = tmp_path / "saved.pt"
    torch.save(state if key is None else {key: state, "epoch": 3}, path)
    assert same(load_weights(path, network.state_dict()), network.state_dict())


def test_the_tensors_are_found_at_any_depth(tmp_path: Path, network: nn.Module) -> None:
    state = network.state_dict()
    for number, content in enumerate(
        (
            {"model": {"state_dict": state}, "epoch": 3},
            {"net": state, "acc": 93.1, "epoch": 12},
            {"models": [state], "mean": torch.zeros(3)},
            {"optimizer": {"state": {0: {"exp_avg": torch.ones(4, 3)}}}, "a": {"b": {"c": state}}},
        )
    ):
        torch.save(content, path := tmp_path / f"{number}.pth")
        assert same(load_weights(path, state), state)


def test_names_that_wrappers_have_changed_in_their_midst_are_found(
    tmp_path: Path, network: nn.Module
) -> None:
    """As where blocks of a network are compiled, and not the whole."""
    network[0] = torch.compile(network[0])
    compiled = network.state_dict()
    assert "0._orig_mod.weight" in compiled
    network[0] = network[0]._orig_mod
    torch.save(compiled, tmp_path / "compiled.pt")
    assert same(load_weights(tmp_path / "compiled.pt", network.state_dict()), network.state_dict())
    torch.save(network.state_dict(), tmp_path / "plain.pt")
    assert same(load_weights(tmp_path / "plain.pt", compiled), compiled)


@pytest.mark.parametrize(
    "beside",
    [
        {"best": np.float64(0.93), "confusion": np.eye(2)},
        {"args": argparse.Namespace(lr=0.1, epochs=3)},
        {"folder": Path("runs"), "optimizer": functools.partial(torch.optim.Adam, lr=0.1)},
        {"hyper_parameters": {"net": nn.Linear(2, 2), "loss": nn.CrossEntropyLoss()}},
    ],
    ids=["numpy", "Namespace", "partial", "modules"],
)
def test_objects_beside_the_weights_do_not_keep_from_reading_them(
    tmp_path: Path, network: nn.Module, beside: dict[str, Any]
) -> None:
    torch.save({"state_dict": network.state_dict(), **beside}, tmp_path / "saved.pt")
    assert same(load_weights(tmp_path / "saved.pt", network.state_dict()), network.state_dict())


class Hostile:
    """Makes a folder when it is unpickled, if code of a file is run."""

    def __init__(self, make: Any, folder: Path) -> None:
        self.call = make, (str(folder),)

    def __reduce__(self) -> Any:
        return self.call


@pytest.mark.parametrize("make", [os.mkdir, os.makedirs, Path])
def test_no_code_of_a_file_is_run(tmp_path: Path, network: nn.Module, make: Any) -> None:
    made = tmp_path / "made"
    torch.save({"net": network.state_dict(), "x": Hostile(make, made)}, tmp_path / "saved.pt")
    if make is Path:
        assert same(load_weights(tmp_path / "saved.pt", network.state_dict()), network.state_dict())
    else:
        with pytest.raises(
            StoreError, match=r"without running code of the file \(it needs (posix\.mkdir|os\.makedirs)\)"
        ):
            load_weights(tmp_path / "saved.pt", network.state_dict())
    assert not made.exists()


def test_what_stands_in_the_way_of_reading_is_named(tmp_path: Path, network: nn.Module) -> None:
    state = network.state_dict()
    torch.save({"net": state, "last": deque([1])}, tmp_path / "deque.pt")
    with pytest.raises(
        StoreError, match=r"without running code of the file \(it needs collections\.deque\); save"
    ):
        load_weights(tmp_path / "deque.pt", state)
    old = {"net": state, "best": np.float64(0.9)}
    torch.save(old, tmp_path / "old.pt", _use_new_zipfile_serialization=False)
    with pytest.raises(StoreError, match=r"\(it needs numpy\.\w+\.multiarray\.scalar\)"):
        load_weights(tmp_path / "old.pt", state)
    torch.save({"net": state, "acc": 0.9}, tmp_path / "old.pt", _use_new_zipfile_serialization=False)
    assert same(load_weights(tmp_path / "old.pt", state), state)


# Several networks in a file


def moved(network: nn.Module) -> dict[str, Tensor]:
    return {name: value + 1 for name, value in network.state_dict().items()}


def two(network: nn.Module) -> dict[str, Tensor]:
    return prefixed("net.", network.state_dict()) | prefixed("ema.module.", moved(network))


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize(
    ("content", "places"),
    [
        (lambda net: {"state_dict": two(net)}, ("state_dict.net", "state_dict.ema.module")),
        (two, ("net", "ema.module")),
        (
            lambda net: {"model": prefixed("module.", net.state_dict()), "model_ema": prefixed("1.", two(net))},
            ("model.module", "model_ema.1.ema.module", "model_ema.1.net"),
        ),
        (lambda net: {**net.state_dict(), "ema": prefixed("m.", moved(net))}, (".", "ema.m")),
    ],
    ids=["lightning", "flat", "torchvision", "top"],
)  # fmt: skip
def test_of_several_networks_none_is_taken_in_silence(
    tmp_path: Path, network: nn.Module, content: Any, places: tuple[str, ...], turned: bool
) -> None:
    path, expected = tmp_path / "last.ckpt", network.state_dict()
    saved = content(network)
    saved = dict(reversed(saved.items())) if turned else saved
    saved = {k: dict(reversed(v.items())) if turned and isinstance(v, dict) else v for k, v in saved.items()}
    torch.save(saved, path)
    with pytest.raises(StoreError, match=rf"last\.ckpt holds {len(places)} networks that fit, ") as told:
        load_weights(path, expected)
    assert all(place in str(told.value) for place in places)
    for place in places:
        found = load_weights(path, expected, place)
        assert torch.equal(found["2.bias"], (moved(network) if "ema.m" in place else expected)["2.bias"])
        assert place_of_weights(path, expected, place) == place


def test_a_key_may_be_a_part_of_the_place_and_says_nothing_where_there_is_one_network(
    tmp_path: Path, network: nn.Module
) -> None:
    path, expected = tmp_path / "last.ckpt", network.state_dict()
    torch.save({"state_dict": two(network)}, path)
    assert place_of_weights(path, expected, "state_dict.ema") == "state_dict.ema.module"
    with pytest.raises(StoreError, match="holds 2 networks"):
        load_weights(path, expected, "state_dict")
    with pytest.raises(
        StoreError, match=r"ckpt_key=state_dict\.nett: no network's tensors lie there; did you mean state_d"
    ):
        load_weights(path, expected, "state_dict.nett")
    torch.save({"state_dict": prefixed("net.", expected)}, path)
    assert place_of_weights(path, expected, "state_dict.net") is None
    assert place_of_weights(path, expected, "state_dict") is None


def test_one_network_under_two_names_is_one(tmp_path: Path, network: nn.Module) -> None:
    """As a Lightning module has it that keeps its network and what torch.compile has made of it."""
    state = prefixed("net.", network.state_dict()) | prefixed("compiled._orig_mod.", network.state_dict())
    torch.save({"state_dict": state}, tmp_path / "last.ckpt")
    assert same(load_weights(tmp_path / "last.ckpt", network.state_dict()), network.state_dict())
    state = network.state_dict() | prefixed("_orig_mod.", network.state_dict())
    torch.save({"state_dict": state}, tmp_path / "last.ckpt")
    assert same(
        load_weights(tmp_path / "last.ckpt", network.state_dict(), "state_dict._orig_mod"),
        network.state_dict(),
    )


def test_a_small_network_is_not_taken_for_the_first_of_its_kind_within_a_larger_one(tmp_path: Path) -> None:
    torch.manual_seed(0)
    torch.save(nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3)).state_dict(), tmp_path / "two.pt")
    with pytest.raises(StoreError, match=r"holds 2 networks that fit, 0 and 1: say which, as ckpt_key=0$"):
        load_weights(tmp_path / "two.pt", nn.Linear(3, 3).state_dict())


# Tied weights


class Tied(nn.Module):
    """An embedding whose weight is the last layer's as well; the layer comes first among the names."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(4, 10)
        self.embedding = nn.Embedding(10, 4)
        self.head.weight = self.embedding.weight


@pytest.mark.parametrize("prefix", ["", "net."])
@pytest.mark.parametrize("dropped", ["head.weight", "embedding.weight"])
def test_a_tied_tensor_may_be_there_under_one_of_its_names(tmp_path: Path, prefix: str, dropped: str) -> None:
    network, path = Tied(), tmp_path / "tied.pt"
    state = {name: tensor for name, tensor in network.state_dict().items() if name != dropped}
    torch.save(prefixed(prefix, state), path)
    assert same(load_weights(path, network.state_dict()), network.state_dict())


def test_safetensors_of_a_tied_network_are_read_as_by_safetensors_itself(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network, theirs, ours = Tied(), Tied(), Tied()
    save_model(network, str(path := tmp_path / "model.safetensors"))
    load_model(theirs, str(path))
    ours.load_state_dict(load_weights(path, ours.state_dict()))
    assert ours.head.weight is ours.embedding.weight
    assert same(ours.state_dict(), theirs.state_dict())


def test_tied_names_of_which_the_tensors_differ_are_another_networks(tmp_path: Path) -> None:
    network = Tied()
    torch.save({**network.state_dict(), "embedding.weight": torch.zeros(10, 4)}, tmp_path / "untied.pt")
    with pytest.raises(
        StoreError, match=r"head\.weight and embedding\.weight, which are one tensor here, differ there$"
    ):
        load_weights(tmp_path / "untied.pt", network.state_dict())


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
        ({"x": torch.ones(1)}, r"lacks 0\.weight; it has x$"),
        ({}, "holds no state dict; expected one saved as"),
        ({"epoch": 3, "acc": 0.9}, "holds no state dict, but epoch and acc; expected one saved as"),
        (
            {"net": nn.Linear(1, 1)},
            r"holds no state dict, but net \(torch\.nn\.modules\.linear\.Linear\); expected",
        ),
        ({"net": {"0.weight": torch.ones(4, 3)}, "epoch": 3}, r"weights, under net: it lacks 0\.bias$"),
        ([1, 2], "holds a list, expected a state dict$"),
        (
            nn.Linear(1, 1),
            r"holds a torch\.nn\.modules\.linear\.Linear, not a state dict that can be read without running code",
        ),
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
    for content in (
        b"no weights at all",
        b"root of all weights\n",
        b"sgd, 0.1\n",
        b"Results of May\n",
        b"",
        b"\x80",
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(StoreError, match=f"{name}: not a "):
            load_weights(tmp_path / name, network.state_dict())
    torch.save(network.state_dict(), path := tmp_path / "cut.pt")
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(StoreError, match=r"cut\.pt: not a "):
        load_weights(path, network.state_dict())
    with pytest.raises(StoreError, match=f"{tmp_path}: a folder, expected a file of weights$"):
        load_weights(tmp_path, network.state_dict())
