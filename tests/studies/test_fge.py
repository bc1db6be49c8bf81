"""Fast geometric ensembling goes on from where another run is."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from pytorch_lightning import Trainer

from lossatlas.data import ImageData
from lossatlas.models import MLP
from lossatlas.optim import Linear, Triangular
from lossatlas.runs.run_files import Members
from lossatlas.studies import Classifier, FastGeometricEnsemble, TrainedNetwork

SGD = partial(torch.optim.SGD, lr=0.1, momentum=0.9)


@pytest.fixture
def start(
    make_study: Callable[..., Classifier], make_trainer: Callable[..., Trainer], tmp_path: Path
) -> TrainedNetwork:
    """Two epochs of a schedule of four, and the checkpoint after them."""
    return trained(make_study(optimizer=SGD, schedule=Linear(4)), make_trainer(max_epochs=2), tmp_path)


def trained(study: Classifier, trainer: Trainer, folder: Path) -> TrainedNetwork:
    trainer.fit(study)
    trainer.save_checkpoint(folder / "start.ckpt")
    return TrainedNetwork(
        "run 0123",
        {name: tensor.clone() for name, tensor in study.network.state_dict().items()},
        seed=0,
        training_state=lambda: torch.load(folder / "start.ckpt", weights_only=True),
        epochs=trainer.current_epoch,
    )


def gone() -> Any:
    raise ValueError("run 0123: its checkpoint is gone")


@pytest.fixture
def make_fge(make_study: Callable[..., Classifier]) -> Callable[..., Classifier]:
    def make(start: TrainedNetwork, **changed: Any) -> Classifier:
        arguments = {
            "epochs": 4,
            "optimizer": SGD,
            "schedule": Triangular(cycle=2, floor=0.2),
            "start": start,
        }
        return make_study(FastGeometricEnsemble, **(arguments | changed))

    return make


def test_the_network_begins_as_the_start_ended_statistics_included(
    make_fge: Callable[..., Classifier], start: TrainedNetwork
) -> None:
    state = make_fge(start).network.state_dict()
    assert all(torch.equal(state[name], tensor) for name, tensor in start.state.items())
    assert state["layers.2.running_mean"].norm() > 0


def test_the_first_step_is_that_of_sgd_with_the_momentum_of_the_start(
    make_fge: Callable[..., Classifier],
    start: TrainedNetwork,
    make_trainer: Callable[..., Trainer],
    data: ImageData,
) -> None:
    """v = 0.9 v + g and w = w - rate v by hand; algorithm 1's first rate in a cycle of 6 steps is 1 - 2/6 (1 - 0.2)."""
    study = make_fge(start)
    network = make_fge(start).network.train()
    inputs, targets = data.batch(seed=0, step=0)
    torch.nn.functional.cross_entropy(network(inputs), targets).backward()
    momenta = start.training_state()["optimizer_states"][0]["state"]
    rate = 0.1 * (1 - 0.8 / 3)
    expected = [
        p.detach() - rate * (0.9 * momenta[k]["momentum_buffer"] + p.grad)
        for k, p in enumerate(network.parameters())
    ]
    make_trainer(max_steps=1).fit(study)
    for parameter, value in zip(study.network.parameters(), expected, strict=True):
        torch.testing.assert_close(parameter.detach(), value)


def test_without_momentum_only_the_weights_are_taken_over(
    make_fge: Callable[..., Classifier], start: TrainedNetwork, make_trainer: Callable[..., Trainer]
) -> None:
    """And the start's training state need not be there."""
    alone = TrainedNetwork(start.name, start.state, start.seed, gone, start.epochs)
    with_momentum, without = make_fge(start), make_fge(alone, momentum=False)
    for study in (with_momentum, without):
        make_trainer(max_steps=1).fit(study)
    first = [study.network.state_dict()["layers.1.weight"] for study in (with_momentum, without)]
    assert not torch.equal(*first)


def test_the_rates_are_its_own_not_those_of_the_start(
    make_fge: Callable[..., Classifier], start: TrainedNetwork, make_trainer: Callable[..., Trainer]
) -> None:
    study = make_fge(start, optimizer=partial(torch.optim.SGD, lr=0.05, momentum=0.9))
    make_trainer(max_epochs=4).fit(study)
    rates = [row["lr"] for row in study.history[1:]]
    assert rates == pytest.approx([0.01, 0.05, 0.01, 0.05])  # at the ends of its epochs, half a cycle each


def test_members_are_neither_the_start_nor_ends_of_cycles(
    make_fge: Callable[..., Classifier], start: TrainedNetwork, make_trainer: Callable[..., Trainer]
) -> None:
    study, steps = make_fge(start), list[int]()
    members = Members(lambda number: steps.append(study.global_step))
    make_trainer(max_epochs=4, callbacks=[members], enable_checkpointing=True).fit(study)
    assert steps == [3, 9] == list(study.member_steps)
    assert study.history[0]["epoch"] == 0


def test_a_start_of_another_architecture_is_refused_with_the_first_tensor_that_differs(
    make_fge: Callable[..., Classifier], start: TrainedNetwork, data: ImageData
) -> None:
    with pytest.raises(
        ValueError, match=r"run 0123, to start from, has '.*' of shape \(8, 64\), the network of shape"
    ):
        make_fge(start, network=MLP([9], input_shape=data.shape, classes=4, batch_norm=True))


def test_a_start_whose_optimizer_was_another_is_refused(
    make_fge: Callable[..., Classifier],
    make_study: Callable[..., Classifier],
    make_trainer: Callable[..., Trainer],
    tmp_path: Path,
) -> None:
    adam = make_study(optimizer=partial(torch.optim.Adam, lr=0.01))
    study = make_fge(trained(adam, make_trainer(max_epochs=1), tmp_path))
    with pytest.raises(
        ValueError, match=r"run 0123 has no momentum that SGD can go on with: type study.momentum=false"
    ):
        make_trainer(max_epochs=4).fit(study)


def test_a_start_whose_checkpoint_is_gone_says_so(
    make_fge: Callable[..., Classifier], start: TrainedNetwork, make_trainer: Callable[..., Trainer]
) -> None:
    study = make_fge(TrainedNetwork(start.name, start.state, start.seed, gone, start.epochs))
    with pytest.raises(ValueError, match="run 0123: its checkpoint is gone"):
        make_trainer(max_epochs=4).fit(study)


@pytest.mark.parametrize(
    ("schedule", "message"),
    [
        (
            Triangular(cycle=3, floor=0.2),
            "a cycle of 3 epochs is 9 steps, an odd number, and so has no step in its mid",
        ),
        (Triangular(cycle=6, floor=0.2), "a cycle of 18 steps is longer than the run, which has 12"),
        (
            Linear(4),
            "and Linear has no cycles: expected scheduler=cyclic_cosine, warm_restarts or triangular",
        ),
    ],
)
def test_cycles_without_a_middle_or_longer_than_the_run_are_refused(
    make_fge: Callable[..., Classifier], start: TrainedNetwork, schedule: Any, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        make_fge(start, schedule=schedule)
