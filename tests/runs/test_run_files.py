"""A checkpoint is read as it was written, or not at all, and never run."""

import os
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch

from lossatlas.runs.run_files import WholeCheckpointIO


@pytest.fixture
def state() -> dict[str, Any]:
    numbers = torch.randn(1000, generator=torch.Generator().manual_seed(0))
    return {"state_dict": {"weight": numbers, "count": torch.tensor(3)}, "epoch": 7, "rates": [0.1, 0.01]}


def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    plain = one["epoch"] == other["epoch"] and one["rates"] == other["rates"]
    tensors, others = one["state_dict"], other["state_dict"]
    return plain and all(torch.equal(tensors[name], others[name]) for name in ("weight", "count"))


def test_a_checkpoint_comes_back_as_it_was_saved_and_torch_can_read_it_too(
    tmp_path: Path, state: dict[str, Any]
) -> None:
    io, path = WholeCheckpointIO(), tmp_path / "checkpoint.ckpt"
    io.save_checkpoint(state, path)
    assert same(io.load_checkpoint(path), state)
    assert same(torch.load(path, weights_only=True), state)
    io.remove_checkpoint(path)
    assert not path.exists()


def test_a_save_that_fails_leaves_the_old_checkpoint(tmp_path: Path, state: dict[str, Any]) -> None:
    io, path = WholeCheckpointIO(), tmp_path / "checkpoint.ckpt"
    io.save_checkpoint(state, path)
    with pytest.raises((AttributeError, pickle.PicklingError)):
        io.save_checkpoint({"not": lambda: "picklable"}, path)
    assert same(io.load_checkpoint(path), state)
    assert list(tmp_path.iterdir()) == [path]


def test_no_single_wrong_bit_changes_what_is_read(tmp_path: Path, state: dict[str, Any]) -> None:
    """Read as saved, where the bit means nothing, or refused. torch alone reads wrong numbers without a word."""
    io, path = WholeCheckpointIO(), tmp_path / "checkpoint.ckpt"
    io.save_checkpoint(state, path)
    good, refused, misread_by_torch = path.read_bytes(), 0, 0
    for place in range(0, len(good), 23):
        path.write_bytes(good[:place] + bytes([good[place] ^ 1]) + good[place + 1 :])
        try:
            assert same(io.load_checkpoint(path), state)
        except AssertionError:
            raise
        except Exception:
            refused += 1
            misread_by_torch += 1000 < place < 4000 and not same(torch.load(path, weights_only=True), state)
    assert refused > len(good) / 23 / 2
    assert misread_by_torch > 100


@pytest.mark.parametrize("length", [0, 1, 100, 0.5, 0.99])
def test_a_truncated_checkpoint_is_refused(tmp_path: Path, state: dict[str, Any], length: float) -> None:
    io, path = WholeCheckpointIO(), tmp_path / "checkpoint.ckpt"
    io.save_checkpoint(state, path)
    content = path.read_bytes()
    path.write_bytes(content[: int(length * len(content)) if isinstance(length, float) else length])
    with pytest.raises(Exception, match="not a zip file"):
        io.load_checkpoint(path)


class Malice:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, ("was-run",)


def test_a_checkpoint_is_never_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "checkpoint.ckpt"
    torch.save({"state_dict": Malice()}, path)
    with pytest.raises(pickle.UnpicklingError, match="Weights only load failed"):
        WholeCheckpointIO().load_checkpoint(path, weights_only=False)
    assert not (tmp_path / "was-run").exists()
