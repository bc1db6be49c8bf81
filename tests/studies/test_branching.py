"""Going on where a shared trunk ended, held against training in one go by torch alone."""

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from pytorch_lightning import Trainer
from torch.testing import assert_close

from lossatlas.models import MLP
from lossatlas.optim import Cosine, Step
from lossatlas.runs.run_files import WholeCheckpointIO
from lossatlas.studies import Classifier, Schedule, TrainedNetwork
from lossatlas.studies.branching import branched, check_trunk

STEPS = 3  # of an epoch
SGD = partial(torch.optim.SGD, lr=0.1, momentum=0.9)
MakeStudy = Callable[..., Classifier]
MakeTrainer = Callable[..., Trainer]


def trained(study: Classifier, trainer: Trainer, file: Path, epochs: int) -> TrainedNetwork:
    trainer.fit(study)
    trainer.save_checkpoint(file)
    state = {name: tensor.clone() for name, tensor in study.network.state_dict().items()}
    return TrainedNetwork("run 0123", state, 0, partial(torch.load, file, weights_only=True), epochs)


def branch(study: Classifier, trunk: TrainedNetwork, make_trainer: MakeTrainer, folder: Path) -> Trainer:
    """Train ``study`` on from its trunk to the end of four epochs."""
    WholeCheckpointIO().save_checkpoint(branched(study, trunk), folder / "branch.ckpt")
    trainer = make_trainer(max_epochs=4)
    trainer.fit(study, ckpt_path=folder / "branch.ckpt", weights_only=True)
    return trainer


@pytest.fixture
def make_trunk(make_study: MakeStudy, make_trainer: MakeTrainer, tmp_path: Path) -> Callable[..., Any]:
    """Function from settings of a study to two epochs of it."""

    def make(**changed: Any) -> TrainedNetwork:
        study = make_study(**{"optimizer": SGD, **changed})
        return trained(study, make_trainer(max_epochs=2), tmp_path / "trunk.ckpt", 2)

    return make


@pytest.mark.parametrize("schedule", [Cosine(4), Step([1, 3], 0.1)])
def test_an_arm_with_its_trunks_settings_ends_as_one_training_without_a_break_does(
    schedule: Schedule,
    make_trunk: Callable[..., TrainedNetwork],
    make_study: MakeStudy,
    make_trainer: MakeTrainer,
    tmp_path: Path,
) -> None:
    whole = make_study(optimizer=SGD, schedule=schedule)
    make_trainer(max_epochs=4).fit(whole)
    arm = make_study(optimizer=SGD, schedule=schedule)
    branch(arm, make_trunk(schedule=schedule), make_trainer, tmp_path)
    assert_close(arm.network.state_dict(), whole.network.state_dict(), rtol=0, atol=0)
    assert arm.history == whole.history


def test_an_arm_has_its_own_rate_and_weight_decay_and_schedule_and_its_trunks_momentum(
    make_trunk: Callable[..., TrainedNetwork], make_study: MakeStudy
) -> None:
    trunk = make_trunk()  # at a constant rate of 0.1, told by the epoch
    own = partial(torch.optim.SGD, lr=0.4, momentum=0.9, weight_decay=0.01)
    state = branched(make_study(optimizer=own, schedule=Cosine(4)), trunk)
    (group,) = state["optimizer_states"][0]["param_groups"]
    assert (group["lr"], group["weight_decay"]) == (pytest.approx(0.2), 0.01)  # half a cosine is half done
    (schedule,) = state["lr_schedulers"]
    assert (schedule["last_epoch"], schedule["base_lrs"]) == (2 * STEPS, [0.4])  # told by the step
    theirs = trunk.training_state()["optimizer_states"][0]["state"]
    assert_close(state["optimizer_states"][0]["state"], theirs, rtol=0, atol=0)


def test_the_arms_schedule_goes_on_at_the_trunks_position(
    make_trunk: Callable[..., TrainedNetwork],
    make_study: MakeStudy,
    make_trainer: MakeTrainer,
    tmp_path: Path,
) -> None:
    arm = make_study(optimizer=SGD, schedule=Cosine(4))
    branch(arm, make_trunk(), make_trainer, tmp_path)
    rates = [row["lr"] for row in arm.history[1:]]
    of_cosine = [0.05 * (1 + torch.cos(torch.tensor(torch.pi * step / 12)).item()) for step in (8, 11)]
    assert rates == pytest.approx([0.1, 0.1, *of_cosine])  # the record has the trunk's rows too


def test_a_trunk_with_other_batches_is_refused(
    make_trunk: Callable[..., TrainedNetwork], make_study: MakeStudy
) -> None:
    trunk = make_trunk()
    longer = TrainedNetwork(trunk.name, trunk.state, 0, trunk.training_state, 3)
    with pytest.raises(ValueError, match=r"^trunk: run 0123 took 6 steps, expected 9: batches must be"):
        branched(make_study(optimizer=SGD), longer)


def test_a_trunk_with_another_optimizer_is_refused(
    make_trunk: Callable[..., TrainedNetwork], make_study: MakeStudy
) -> None:
    adam = make_trunk(optimizer=partial(torch.optim.Adam, lr=0.01))
    with pytest.raises(ValueError, match=r"^trunk: run 0123 was trained with another optimizer than SGD"):
        branched(make_study(optimizer=SGD), adam)


def test_a_trunk_of_another_seed_or_network_is_refused(make_study: MakeStudy) -> None:
    study = make_study()
    state = study.network.state_dict()
    with pytest.raises(ValueError, match=re.escape("trunk: run 7 has the seed 7, this run 0")):
        check_trunk(study, TrainedNetwork("run 7", state, 7, dict, 1))
    wider = MLP([9], input_shape=study.data.shape, classes=4, batch_norm=True).state_dict()
    with pytest.raises(ValueError, match="run 7, the trunk,"):
        check_trunk(study, TrainedNetwork("run 7", wider, 0, dict, 1))
