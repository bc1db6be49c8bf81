"""Data that is given as a DataLoader, or as something that is none."""

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, IterableDataset, TensorDataset

from lossatlas.landscape import Engine, Problem, line
from lossatlas.landscape.problem import gathered

CPU = torch.device("cpu")
X = torch.arange(22.0).reshape(11, 2)
Y = torch.arange(11) % 3


class Stream(IterableDataset[tuple[Tensor, Tensor]]):
    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        yield from zip(X, Y, strict=True)


class Noisy(TensorDataset):
    """Augmented: other inputs each time."""

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        x, y = super().__getitem__(index)
        return x + torch.randn(2), y


@pytest.mark.parametrize(
    "source",
    [
        (X, Y),
        [X, Y],
        DataLoader(TensorDataset(X, Y), batch_size=4),
        DataLoader(TensorDataset(X, Y), batch_size=4, num_workers=1),
        DataLoader(Stream(), batch_size=4),
        DataLoader(TensorDataset(X, Y), batch_size=11),
        [(X[:5], Y[:5]), [X[5:], Y[5:]]],
        iter([(X[:5], Y[:5]), (X[5:], Y[5:])]),
    ],
    ids=["pair", "list", "short-last", "workers", "stream", "one-batch", "batches", "iterator"],
)
def test_whatever_gives_the_data_a_split_is_two_tensors(source: Any) -> None:
    inputs, targets = gathered(source, "train", CPU)
    assert inputs.equal(X)
    assert targets.equal(Y)


def test_a_shuffled_loader_keeps_inputs_and_targets_together() -> None:
    inputs, targets = gathered(DataLoader(TensorDataset(X, Y), batch_size=4, shuffle=True), "train", CPU)
    order = (inputs[:, 0] / 2).long()
    assert sorted(order.tolist()) == list(range(11))
    assert targets.equal(Y[order])


def test_all_points_see_the_same_examples_of_a_loader_that_augments() -> None:
    model = nn.Linear(2, 3)
    loader = DataLoader(Noisy(X, Y), batch_size=4, shuffle=True)
    problem = Problem(model, nn.functional.cross_entropy, {"train": loader})
    first, second = (line(problem, directions=1, points=3, engine=Engine(batch_size=2)) for _ in range(2))
    assert first.identical(second)


def test_a_loader_leaves_the_random_state_as_it_was() -> None:
    """So that a survey in the middle of a training does not change what follows."""
    torch.manual_seed(0)
    expected = torch.randn(3)
    torch.manual_seed(0)
    gathered(DataLoader(Noisy(X, Y), batch_size=4, shuffle=True), "train", CPU)
    assert torch.randn(3).equal(expected)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (3, r"split 'train' must be \(inputs, targets\) or batches of them, got int"),
        (None, "or batches of them, got NoneType"),
        ([], "split 'train' has no batches"),
        ([{"x": X, "y": Y}], "split 'train' gives batches of dict, expected pairs of tensors"),
        ([(X, Y, Y)], r"gives batches of tuple \(Tensor, Tensor, Tensor\), expected pairs of tensors"),
        ([(X, [Y])], r"gives batches of tuple \(Tensor, list\), expected pairs of tensors"),
        ((X.numpy(), Y.numpy()), "gives batches of ndarray, expected pairs of tensors"),
        ({"x": X, "y": Y}, "gives batches of str, expected pairs of tensors"),
        (
            [(X, Y), (X[:, :1], Y)],
            "split 'train' has batches that do not fit together: Sizes of tensors must match",
        ),
        (TensorDataset(X, Y), "is a TensorDataset of single examples: wrap it in a DataLoader"),
        (DataLoader(TensorDataset(X, Y), batch_size=None), "has batches that do not fit together: zero-dim"),
    ],
)
def test_what_is_no_data_is_refused(source: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        gathered(source, "train", CPU)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_what_a_loader_gives_goes_to_the_device_of_the_network() -> None:
    loader = DataLoader(TensorDataset(X, Y), batch_size=4, pin_memory=True)
    problem = Problem(nn.Linear(2, 3).cuda(), nn.functional.cross_entropy, {"train": loader})
    on_cpu = Problem(nn.Linear(2, 3), nn.functional.cross_entropy, {"train": loader})
    on_cpu.model.load_state_dict(problem.model.state_dict())
    assert line(problem, points=3).loss.values == pytest.approx(line(on_cpu, points=3).loss.values, rel=1e-5)
