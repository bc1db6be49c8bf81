"""Rates that go by a metric, under a study: which epoch has which, resumed, branched, and refused."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.callbacks import Checkpoint
from torch.testing import assert_close

from lossatlas.optim import Plateau, warmed_up
from lossatlas.runs.run_files import WholeCheckpointIO
from lossatlas.studies import AveragedClassifier, Classifier, TrainedNetwork
from lossatlas.studies.branching import branched

MakeStudy = Callable[..., Any]
MakeTrainer = Callable[..., Trainer]
EPOCH, EPOCHS = 3, 8
SGD = partial(torch.optim.SGD, lr=0.3, momentum=0.9)


def plateau() -> Plateau:
    """So impatient that it is lowered every few epochs, whatever the losses."""
    return Plateau("validation_loss", factor=0.5, patience=0, threshold=0.05)


class Rates(Callback):
    """Notes the rate at which each step is taken."""

    def __init__(self) -> None:
        self.noted: list[float] = []

    def on_before_optimizer_step(self, trainer: Trainer, study: LightningModule, optimizer: Any) -> None:
        self.noted.append(optimizer.param_groups[0]["lr"])


class SaveAt(Checkpoint):
    """Saves a checkpoint within the fifth epoch and at the end of the fourth."""

    def __init__(self, folder: Path) -> None:
        self.within, self.after = folder / "within.ckpt", folder / "after.ckpt"

    def on_train_batch_end(self, trainer: Trainer, study: LightningModule, *rest: Any) -> None:
        if trainer.global_step == 4 * EPOCH + 1:
            trainer.save_checkpoint(self.within)

    def on_train_epoch_end(self, trainer: Trainer, study: LightningModule) -> None:
        if trainer.global_step == 4 * EPOCH:
            trainer.save_checkpoint(self.after)


def test_each_epoch_has_the_rate_that_the_metric_before_it_gives(
    make_study: MakeStudy, make_trainer: MakeTrainer
) -> None:
    study, rates = make_study(schedule=plateau(), optimizer=SGD), Rates()
    make_trainer(max_epochs=EPOCHS, callbacks=[rates]).fit(study)
    values = [row["validation_loss"] for row in study.history[1:]]
    expected = [0.3 * plateau().after(values[:epoch]) for epoch in range(EPOCHS)]
    assert rates.noted == pytest.approx([rate for rate in expected for _ in range(EPOCH)])
    assert [row["lr"] for row in study.history[1:]] == pytest.approx(expected)
    assert expected[-1] < 0.3


@pytest.mark.parametrize("make", [plateau, lambda: warmed_up(plateau(), 2.5)], ids=["plain", "warmed up"])
def test_it_is_resumed_to_the_same_bits(
    make_study: MakeStudy, make_trainer: MakeTrainer, tmp_path: Path, make: Any
) -> None:
    whole, save = make_study(schedule=make(), optimizer=SGD), SaveAt(tmp_path)
    make_trainer(max_epochs=EPOCHS, callbacks=[save], enable_checkpointing=True).fit(whole)
    assert len({row["lr"] for row in whole.history[1:]}) > 2
    for path in (save.within, save.after):
        resumed = make_study(schedule=make(), optimizer=SGD)
        make_trainer(max_epochs=EPOCHS).fit(resumed, ckpt_path=path, weights_only=True)
        assert_close(resumed.network.state_dict(), whole.network.state_dict(), rtol=0, atol=0)
        assert resumed.history == whole.history


def test_a_branch_goes_on_by_the_trunks_record(
    make_study: MakeStudy, make_trainer: MakeTrainer, tmp_path: Path
) -> None:
    whole = make_study(schedule=plateau(), optimizer=SGD)
    make_trainer(max_epochs=EPOCHS).fit(whole)
    trunk = make_study(schedule=plateau(), optimizer=SGD)
    trainer = make_trainer(max_epochs=5)
    trainer.fit(trunk)
    trainer.save_checkpoint(tmp_path / "trunk.ckpt")
    read = partial(torch.load, tmp_path / "trunk.ckpt", weights_only=True)
    arm = make_study(schedule=plateau(), optimizer=SGD)
    state = branched(arm, TrainedNetwork("run 0", trunk.network.state_dict(), 0, read, 5))
    WholeCheckpointIO().save_checkpoint(state, tmp_path / "branch.ckpt")
    make_trainer(max_epochs=EPOCHS).fit(arm, ckpt_path=tmp_path / "branch.ckpt", weights_only=True)
    assert_close(arm.network.state_dict(), whole.network.state_dict(), rtol=0, atol=0)


def test_weights_are_averaged_after_epochs_under_it(make_study: MakeStudy) -> None:
    study = make_study(AveragedClassifier, schedule=plateau(), epochs=4, begin=0.5)
    assert study.averaged_steps == (3 * EPOCH, 4 * EPOCH)


def test_a_metric_that_is_not_recorded_is_told(make_study: MakeStudy, make_trainer: MakeTrainer) -> None:
    """By whoever trains without the checks that come before a run."""
    study: Classifier = make_study(schedule=Plateau("accuracy"))
    with pytest.raises(
        ValueError, match="no 'accuracy' in the record; expected one of train_loss, train_error"
    ):
        make_trainer(max_epochs=1).fit(study)
