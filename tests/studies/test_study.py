"""What a study records of each epoch, under whatever trainer it runs."""

import copy
import math
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from torch import nn

from lossatlas.data import ImageData
from lossatlas.models import MLP
from lossatlas.optim import L2, Constant, Cosine, Step
from lossatlas.runs.build import build
from lossatlas.runs.composition.compose import compose_job
from lossatlas.studies import Classifier, Study

MakeStudy = Callable[..., Classifier]
MakeTrainer = Callable[..., Trainer]

EPOCHS, STEPS = 4, 3
SGD = torch.optim.SGD


class Weights(Callback):
    """Keeps the network's parameters at the start and after each epoch, and its rate before each step."""

    def __init__(self) -> None:
        self.parameters: list[list[np.ndarray]] = []
        self.rates: list[float] = []

    def on_train_start(self, trainer: Trainer, study: LightningModule) -> None:
        self._keep(study)

    def on_train_epoch_end(self, trainer: Trainer, study: LightningModule) -> None:
        self._keep(study)

    def on_train_batch_start(self, trainer: Trainer, *_: Any) -> None:
        self.rates.append(trainer.optimizers[0].param_groups[0]["lr"])

    def _keep(self, study: LightningModule) -> None:
        self.parameters.append([p.detach().clone().numpy() for p in study.parameters() if p.requires_grad])


def test_there_is_a_row_for_the_initialisation_and_one_for_each_epoch(
    make_study: MakeStudy, make_trainer: MakeTrainer
) -> None:
    study = make_study()
    make_trainer(max_epochs=EPOCHS).fit(study)
    assert [(row["epoch"], row["step"]) for row in study.history] == [(0, 0), (1, 3), (2, 6), (3, 9), (4, 12)]
    assert list(study.history[0]) == ["epoch", "step", "weight_norm"]
    assert list(study.history[1]) == [
        *("epoch", "step", "train_loss", "train_error", "weight_norm", "lr", "validation_loss"),
        *("validation_calibration_error", "validation_error", "validation_nll"),
    ]


def test_the_weight_norm_is_numpys_of_all_trainable_parameters_together(
    make_study: MakeStudy, make_trainer: MakeTrainer
) -> None:
    """Not of the running statistics, nor of what is frozen."""
    study, weights = make_study(), Weights()
    study.network.layers[1].weight.requires_grad_(False)
    make_trainer(max_epochs=EPOCHS, callbacks=[weights]).fit(study)
    expected = [
        np.linalg.norm(np.concatenate([p.ravel().astype(np.float64) for p in parameters]))
        for parameters in weights.parameters
    ]
    assert [row["weight_norm"] for row in study.history] == pytest.approx(expected, rel=1e-6)
    assert len(set(expected)) == EPOCHS + 1


def test_the_row_holds_the_means_over_the_samples_that_were_trained_on(
    make_study: MakeStudy, make_trainer: MakeTrainer, data: ImageData
) -> None:
    """With a rate of 0 the losses are those of the initial network, batch by batch in training mode."""
    study = make_study(optimizer=partial(SGD, lr=0.0))
    network = copy.deepcopy(study.network).train()
    make_trainer(max_epochs=2).fit(study)
    for epoch in (0, 1):
        loss = wrong = 0.0
        for inputs, targets in data.batches(seed=0, epoch=epoch):  # of 16, 16 and 8 images
            logits = network(inputs)
            loss += nn.functional.cross_entropy(logits, targets, reduction="sum").item()
            wrong += (logits.argmax(-1) != targets).sum().item()
        assert study.history[epoch + 1]["train_loss"] == pytest.approx(loss / 40, rel=1e-6)
        assert study.history[epoch + 1]["train_error"] == wrong / 40


def test_the_validation_metrics_of_a_row_are_those_of_the_network_then(
    make_study: MakeStudy, make_trainer: MakeTrainer
) -> None:
    study = make_study()
    make_trainer(max_epochs=2).fit(study)
    assert {
        k: v for k, v in study.history[-1].items() if k.startswith("validation_")
    } == study.epoch_metrics()


@pytest.mark.parametrize(
    ("schedule", "rate"),
    [
        (Constant(), lambda step: 0.1),
        (Step([1, 3], gamma=0.5), lambda step: 0.1 * 0.5 ** sum(step // STEPS >= m for m in (1, 3))),
        (Step([1.5], gamma=0.5, interval="step"), lambda step: 0.1 * 0.5 ** (step / STEPS >= 1.5)),
        (Cosine(EPOCHS), lambda step: 0.05 * (1 + math.cos(math.pi * step / (EPOCHS * STEPS)))),
        (Cosine(EPOCHS, interval="epoch"), lambda step: 0.05 * (1 + math.cos(math.pi * (step // STEPS) / 4))),
    ],
    ids=["constant", "step", "step within an epoch", "cosine", "cosine per epoch"],
)
def test_each_step_has_the_schedules_rate_and_each_row_that_of_its_last_step(
    make_study: MakeStudy,
    make_trainer: MakeTrainer,
    schedule: Any,
    rate: Callable[[int], float],
) -> None:
    study, weights = make_study(schedule=schedule), Weights()
    make_trainer(max_epochs=EPOCHS, callbacks=[weights]).fit(study)
    expected = [rate(step) for step in range(EPOCHS * STEPS)]
    assert weights.rates == pytest.approx(expected, rel=1e-12)
    assert [row["lr"] for row in study.history[1:]] == pytest.approx(expected[STEPS - 1 :: STEPS], rel=1e-12)


def test_penalties_add_up_in_the_loss(make_study: MakeStudy, make_trainer: MakeTrainer) -> None:
    """At a rate of 0 they add half of the summed weight decay times the squared norm."""
    rows = []
    for penalties in ({}, {"one": L2(0.3), "other": L2(0.1)}):
        study = make_study(optimizer=partial(SGD, lr=0.0), penalties=penalties)
        make_trainer(max_epochs=1).fit(study)
        rows.append(study.history[1])
    plain, penalised = rows
    assert penalised["train_loss"] - plain["train_loss"] == pytest.approx(
        0.5 * 0.4 * plain["weight_norm"] ** 2, rel=1e-5
    )


def test_training_sees_the_batches_of_the_data_in_their_order(
    make_study: MakeStudy, make_trainer: MakeTrainer, data: ImageData
) -> None:
    seen: list[torch.Tensor] = []

    class Watched(Classifier):
        def batch_loss(self, batch: Any) -> Any:
            seen.append(batch[0].clone())
            return super().batch_loss(batch)

    study = make_study(seed=5)
    study.__class__ = Watched
    make_trainer(max_epochs=2).fit(study)
    expected = [data.batch(5, step)[0] for step in range(2 * STEPS)]
    assert [torch.equal(*pair) for pair in zip(seen, expected, strict=True)] == [True] * 6


def test_dropout_depends_on_seed_and_step_alone(
    make_study: MakeStudy, make_trainer: MakeTrainer, data: ImageData
) -> None:
    """And not on how much randomness was drawn before."""

    def trained(seed: int, drawn_before: int) -> list[dict[str, float]]:
        torch.manual_seed(0)
        network = MLP([8], input_shape=data.shape, classes=4)
        network.layers.insert(2, nn.Dropout(0.5))
        torch.rand(drawn_before)
        study = make_study(network=network, seed=seed)
        make_trainer(max_epochs=1).fit(study)
        return study.history

    assert trained(0, drawn_before=0) == trained(0, drawn_before=1000)
    assert trained(0, drawn_before=0) != trained(1, drawn_before=0)


# Under a stranger's trainer


def test_a_study_from_a_configuration_trains_under_a_strangers_trainer(tmp_path: Path) -> None:
    """With Lightning's own logger, checkpoints and progress bar, which are not this project's."""
    config = compose_job(
        [
            *("data=synthetic_images", "data.shape=[1,8,8]", "data.train=40", "data.validation=12"),
            *("model=vgg9_narrow", "model.width=2", "logger=none", "epochs=1"),
        ]
    ).config
    study = build(config)
    before = {name: tensor.clone() for name, tensor in study.network.named_parameters()}
    trainer = Trainer(max_epochs=1, accelerator="cpu", default_root_dir=str(tmp_path))
    trainer.fit(study)
    assert [row["epoch"] for row in study.history] == [0, 1]
    logged = {name for name in trainer.callback_metrics if name.startswith(("train_", "validation_"))}
    names = ("loss", "error", "nll", "calibration_error")
    assert logged == {"train_loss", "train_error", *(f"validation_{name}" for name in names)}
    assert all(not torch.equal(p, before[name]) for name, p in study.network.named_parameters())
    (checkpoint,) = tmp_path.rglob("*.ckpt")
    kept = torch.load(checkpoint, weights_only=True)
    assert kept["global_step"] == 3
    assert kept["lossatlas"]["history"] == study.history


class SaveAfter(Callback):
    """Saves a checkpoint after a step."""

    def __init__(self, step: int, path: Path) -> None:
        self.step, self.path = step, path

    def on_train_batch_end(self, trainer: Trainer, study: LightningModule, *_: Any) -> None:
        if study.global_step == self.step:
            trainer.save_checkpoint(self.path)


@pytest.mark.parametrize("step", [1, 2, 4, 5])
@pytest.mark.filterwarnings("ignore:.*dataloader is not resumable")
def test_a_checkpoint_that_a_stranger_saved_within_an_epoch_resumes_to_the_same_weights(
    make_study: MakeStudy, make_trainer: MakeTrainer, tmp_path: Path, step: int
) -> None:
    """One saved after an epoch's last step, but before its end, would lack the epoch's row: Lightning skips the end."""
    whole, resumed = make_study(), make_study()
    path = tmp_path / "mine.ckpt"
    make_trainer(max_epochs=2, callbacks=[SaveAfter(step, path)]).fit(whole)
    make_trainer(max_epochs=2).fit(resumed, ckpt_path=str(path), weights_only=True)
    assert resumed.history == whole.history
    expected = whole.network.state_dict()
    assert all(torch.equal(tensor, expected[name]) for name, tensor in resumed.network.state_dict().items())


def test_a_fast_development_run_takes_one_step(make_study: MakeStudy, make_trainer: MakeTrainer) -> None:
    study = make_study()
    make_trainer(fast_dev_run=True).fit(study)
    assert [row["step"] for row in study.history] == [0, 1]


def test_a_study_that_has_no_loss_says_so(make_study: MakeStudy, make_trainer: MakeTrainer) -> None:
    study = make_study()
    bare = Study(
        study.network,
        study.data,
        optimizer=partial(SGD, lr=0.1),
        schedule=Constant(),
        penalties={},
        seed=0,
    )
    with pytest.raises(NotImplementedError):
        make_trainer(max_epochs=1).fit(bare)
    assert bare.epoch_metrics() == bare.final_metrics() == {}
