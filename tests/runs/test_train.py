"""A run against the same training written as a plain loop, and against shorter runs."""

import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from small_runs import EPOCH, RANDOM, Config, manifest_of, small, trained
from torch import Tensor, nn
from torch.optim import SGD, Adam, Optimizer

from lossatlas.runs.build import build_data, build_network
from lossatlas.runs.ensure import ensure
from lossatlas.runs.store.store import Run
from lossatlas.seeds import derive_seed

STEPS = 2 * EPOCH
Rate = Callable[[int], float]  # of a step


def plain_loop(
    config: Config, optimizer: Optimizer, network: nn.Module, rate: Rate, smoothing: float = 0.0
) -> list[float]:
    """Train ``network`` with torch alone; return the loss of each step."""
    data, losses = build_data(config), []
    network.train()
    for step in range(STEPS):
        inputs, targets = data.batch(config["seed"], step)
        torch.manual_seed(derive_seed(config["seed"], "step", step))  # dropout's
        optimizer.param_groups[0]["lr"] = rate(step)
        loss = nn.functional.cross_entropy(network(inputs), targets, label_smoothing=smoothing)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def sgd(nesterov: bool) -> Callable[[nn.Module], Optimizer]:
    return lambda n: SGD(n.parameters(), 0.1, momentum=0.9, nesterov=nesterov, weight_decay=5e-4)


def adam(network: nn.Module) -> Optimizer:
    return Adam(network.parameters(), 1e-3, weight_decay=5e-4)


@pytest.mark.parametrize(
    ("overrides", "optimizer", "rate"),
    [
        (
            ["scheduler=cosine"],
            sgd(nesterov=True),
            lambda step: 0.1 * (1 + math.cos(math.pi * (step / EPOCH) / 2)) / 2,
        ),
        (
            ["scheduler=step", "scheduler.milestones=[1]", "optimizer.nesterov=false"],
            sgd(nesterov=False),
            lambda step: 0.1 * 0.1 ** (step // EPOCH),
        ),
        (["scheduler=constant", "optimizer=adam"], adam, lambda step: 1e-3),
        (
            ["scheduler=cosine", "scheduler.interval=epoch", "optimizer=adam"],
            adam,
            lambda step: 1e-3 * (1 + math.cos(math.pi * (step // EPOCH) / 2)) / 2,
        ),
    ],
    ids=["nesterov, cosine", "momentum, step", "adam, constant", "adam, cosine per epoch"],
)
def test_a_run_is_the_plain_loop_to_the_last_bit(
    tmp_path: Path, overrides: list[str], optimizer: Callable[[nn.Module], Optimizer], rate: Rate
) -> None:
    config = small(tmp_path, *RANDOM, *overrides)
    network = build_network(config)
    losses = plain_loop(config, optimizer(network), network, rate)
    run = trained(config)
    expected, found = network.state_dict(), run.state()
    assert found.keys() == expected.keys()
    assert [name for name in expected if not torch.equal(found[name], expected[name])] == []
    sizes = [16, 16, 8]
    assert run.history().train_loss[1:].tolist() == pytest.approx(
        [
            sum(size * loss for size, loss in zip(sizes, losses[first : first + EPOCH], strict=True)) / 40
            for first in (0, EPOCH)
        ],
        rel=1e-12,
    )


def test_drop_last_leaves_the_short_batch_out_of_the_training_and_its_mean(tmp_path: Path) -> None:
    config = small(tmp_path, "data.drop_last=true", "scheduler=constant", "epochs=3")
    network = build_network(config)  # three epochs of two steps
    losses = plain_loop(config, sgd(nesterov=True)(network), network, lambda _: 0.1)
    run = trained(config)
    assert torch.equal(run.state()["classifier.3.weight"], network.state_dict()["classifier.3.weight"])
    means = [(losses[k] + losses[k + 1]) / 2 for k in (0, 2, 4)]
    assert run.history().train_loss[1:].tolist() == pytest.approx(means, rel=1e-12)


def test_a_penalty_of_half_the_squares_trains_as_weight_decay_does(tmp_path: Path) -> None:
    decayed = trained(small(tmp_path, "optimizer.weight_decay=0.01"))
    penalised = trained(
        small(tmp_path, "optimizer.weight_decay=0", "regularizer=l2", "regularizer.l2.weight_decay=0.01")
    )
    for name, tensor in decayed.state().items():
        torch.testing.assert_close(penalised.state()[name], tensor, rtol=1e-4, atol=1e-6)


def test_label_smoothing_reaches_the_training(tmp_path: Path) -> None:
    config = small(tmp_path, "study.loss.label_smoothing=0.2", "scheduler=constant")
    network = build_network(config)
    plain_loop(config, sgd(nesterov=True)(network), network, lambda _: 0.1, smoothing=0.2)
    expected, found = network.state_dict(), trained(config).state()
    assert all(torch.equal(found[name], expected[name]) for name in expected)


# Snapshots


def test_a_snapshot_is_the_end_of_a_run_of_so_many_epochs(tmp_path: Path) -> None:
    constant = [*RANDOM, "scheduler=constant"]
    run = trained(small(tmp_path, *constant, "epochs=3", "study.snapshot_epochs=[0,1,3]"))
    assert sorted(path.name for path in run.snapshots.iterdir()) == [
        "epoch-0000.safetensors",
        "epoch-0001.safetensors",
        "epoch-0003.safetensors",
    ]
    assert _same(run.snapshot(0), build_network(small(tmp_path, *constant)).state_dict())
    for epochs in (1, 3):
        assert _same(run.snapshot(epochs), trained_for(tmp_path, epochs, *constant).state())


def trained_for(store: Path, epochs: int, *overrides: str) -> Run:
    return trained(small(store, *overrides, f"epochs={epochs}"))


def _same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("epoch", [3, -1])
def test_a_snapshot_outside_the_run_is_refused_before_training(tmp_path: Path, epoch: int) -> None:
    with pytest.raises(ValueError, match=rf"^snapshot_epochs must be 0 to 2, got \[{epoch}\]$"):
        ensure(small(tmp_path, f"study.snapshot_epochs=[{epoch}]"))


# What Lightning's trainer can be given


def test_a_trainer_that_takes_other_steps_is_refused_before_training(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"an epoch of the data has 3 batches, got .* limits it to 2"):
        ensure(small(tmp_path, "+trainer.limit_train_batches=2"))


def test_a_trainer_may_end_within_an_epoch(tmp_path: Path) -> None:
    config = small(tmp_path, "+trainer.max_steps=4", "scheduler=constant")
    run = trained(config)
    network = build_network(config)
    losses = plain_loop(config, sgd(nesterov=True)(network), network, lambda _: 0.1)
    assert run.history().step.tolist() == [0, 3, 4]
    assert run.history().index.tolist() == [0, 1, 2]
    assert run.history().train_loss[2] == pytest.approx(losses[3], rel=1e-12)
    assert (manifest_of(run).steps, manifest_of(run).epochs) == (4, 2)


def test_clipped_gradients_make_another_run_of_bounded_steps(tmp_path: Path) -> None:
    """An argument that conf/trainer does not show: the first step of SGD without momentum is as long as the clip."""
    config = small(
        tmp_path,
        *("+trainer.gradient_clip_val=0.01", "+trainer.max_steps=1", "scheduler=constant", "epochs=1"),
        *("optimizer.lr=1", "optimizer.momentum=0", "optimizer.nesterov=false", "optimizer.weight_decay=0"),
        "study.snapshot_epochs=[0]",
    )
    run = trained(config)
    moved = [run.state()[name] - tensor for name, tensor in run.snapshot(0).items() if "running" not in name]
    floats = [tensor for tensor in moved if tensor.is_floating_point()]
    assert float(torch.cat([tensor.flatten() for tensor in floats]).norm()) == pytest.approx(0.01, rel=1e-4)
