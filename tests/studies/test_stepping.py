"""Optimizers that are stepped otherwise than once for each batch: accumulation, closures, modes."""

from collections.abc import Callable
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from schedule_free import SmallScheduleFree
from torch import Tensor, nn

from lossatlas.data import ImageData, synthetic_images
from lossatlas.models import MLP
from lossatlas.optim import L2, Cosine, CyclicCosine
from lossatlas.seeds import derive_seed
from lossatlas.studies import AveragedClassifier, CheckpointEnsemble, Classifier, SnapshotEnsemble

MakeStudy = Callable[..., Any]
MakeTrainer = Callable[..., Trainer]
SAMPLES = 40


def data_of(batch_size: int, **options: Any) -> ImageData:
    return synthetic_images(
        batch_size=batch_size,
        shape=(1, 8, 8),
        classes=4,
        train=SAMPLES,
        validation=13,
        test=29,
        noise=4.0,
        **options,
    )


def network(*, dropout: float = 0.0, batch_norm: bool = False) -> nn.Module:
    torch.manual_seed(0)
    made = MLP([8], input_shape=(1, 8, 8), classes=4, batch_norm=batch_norm)
    made.layers.insert(len(made.layers) - 1, nn.Dropout(dropout))
    return made


# Accumulation


def fitted(
    make_study: MakeStudy, make_trainer: MakeTrainer, batch_size: int, several: int, **changed: Any
) -> Any:
    study = make_study(
        network=network(),
        data=data_of(batch_size),
        optimizer=partial(torch.optim.SGD, lr=0.05, momentum=0.9),
        schedule=Cosine(3),
        penalties={"l2": L2(0.1)},
        **({"accumulate_grad_batches": several} if several > 1 else {}),
        **changed,
    )
    make_trainer(max_epochs=3, accumulate_grad_batches=several).fit(study)
    return study


@pytest.mark.parametrize(
    ("batch_size", "several"),
    [(8, 2), (16, 2), (12, 2), (4, 3), (8, 5), (7, 100)],
    ids=["16 16 8", "32 and a lone 8", "24, and 12 with 4", "several of 4", "an epoch", "more than an epoch"],
)
def test_accumulated_batches_are_one_big_batch_to_rounding(
    make_study: MakeStudy, make_trainer: MakeTrainer, batch_size: int, several: int
) -> None:
    """Whatever is left to the last step, in weights, rates and record; of a network without noise or batch norm."""
    accumulated = fitted(make_study, make_trainer, batch_size, several)
    whole = fitted(make_study, make_trainer, min(batch_size * several, SAMPLES), 1)
    assert [row["step"] for row in accumulated.history] == [row["step"] for row in whole.history]
    for row, expected in zip(accumulated.history, whole.history, strict=True):
        assert row == pytest.approx(expected, rel=1e-4)
    torch.testing.assert_close(
        accumulated.network.state_dict(), whole.network.state_dict(), rtol=1e-4, atol=1e-6
    )


def test_a_short_last_batch_does_not_count_as_a_whole_one(
    make_study: MakeStudy, make_trainer: MakeTrainer
) -> None:
    """Lightning's own mean of 12 and 4 examples gives the four three times their weight."""
    whole = fitted(make_study, make_trainer, 24, 1).network.layers[1].weight
    plain = make_study(
        network=network(), data=data_of(12), optimizer=partial(torch.optim.SGD, lr=0.05, momentum=0.9)
    )
    plain._share = lambda batch: 1.0
    plain.accumulate_grad_batches = 2
    make_trainer(max_epochs=3, accumulate_grad_batches=2).fit(plain)
    assert not torch.allclose(plain.network.layers[1].weight, whole, rtol=1e-3)


def test_each_accumulated_batch_draws_a_dropout_of_its_own(
    make_study: MakeStudy, make_trainer: MakeTrainer
) -> None:
    masks = []
    study = make_study(network=network(dropout=0.5), data=data_of(8), accumulate_grad_batches=2)
    study.network.layers[-2].register_forward_hook(
        lambda module, _, outputs: masks.append(outputs == 0) if module.training else None
    )
    make_trainer(max_epochs=1, accumulate_grad_batches=2).fit(study)
    assert len(masks) == 5
    assert all(not torch.equal(one, other) for one, other in pairwise(masks))


@pytest.mark.parametrize(
    ("kind", "options", "steps"),
    [
        (CheckpointEnsemble, {"epochs": 2, "members": 3}, (2, 4, 6)),
        (SnapshotEnsemble, {"epochs": 2, "schedule": CyclicCosine(epochs=2, cycles=2)}, (3, 6)),
    ],
)
def test_members_are_kept_after_steps_of_the_optimizer(
    make_study: MakeStudy, kind: Any, options: dict[str, Any], steps: tuple[int, ...]
) -> None:
    study = make_study(kind, data=data_of(8), accumulate_grad_batches=2, **options)
    assert study.member_steps == steps
    assert study.steps_per_epoch == 3


def test_swa_averages_after_steps_of_the_optimizer(make_study: MakeStudy) -> None:
    study = make_study(AveragedClassifier, data=data_of(8), epochs=4, begin=0.5, accumulate_grad_batches=2)
    assert study.averaged_steps == (9, 12)


def test_a_trainer_that_accumulates_for_a_study_that_was_not_made_for_it_is_told(
    make_study: MakeStudy, make_trainer: MakeTrainer
) -> None:
    with pytest.raises(ValueError, match="made for accumulate_grad_batches=1, got a trainer with 2"):
        make_trainer(max_epochs=1, accumulate_grad_batches=2).fit(make_study())


class SaveWithin(Callback):
    """Saves a checkpoint after a batch, whether or not a step was taken for it."""

    def __init__(self, batch: int, path: Path) -> None:
        self.batch, self.path = batch, path

    def on_train_batch_end(self, trainer: Trainer, study: LightningModule, *rest: Any) -> None:
        if rest[-1] == self.batch:
            trainer.save_checkpoint(self.path)


def test_a_checkpoint_from_between_the_batches_of_a_step_is_not_gone_on_with(
    make_study: MakeStudy, make_trainer: MakeTrainer, tmp_path: Path
) -> None:
    path = tmp_path / "mine.ckpt"
    options = {"data": data_of(8), "accumulate_grad_batches": 2}
    make_trainer(max_epochs=1, accumulate_grad_batches=2, callbacks=[SaveWithin(2, path)]).fit(
        make_study(**options)
    )
    with pytest.raises(ValueError, match="saved between two batches of one step"):
        make_trainer(max_epochs=1, accumulate_grad_batches=2).fit(
            make_study(**options), ckpt_path=str(path), weights_only=True
        )


# Closures


class Evaluated(torch.optim.LBFGS):
    """L-BFGS that notes the losses which it is given at the same weights."""

    pairs: list[tuple[float, float]]

    def step(self, closure: Any) -> Any:
        self.pairs = [*getattr(self, "pairs", []), (float(closure()), float(closure()))]
        return super().step(closure)


def test_the_record_under_lbfgs_is_of_the_weights_before_each_step(
    make_study: MakeStudy, make_trainer: MakeTrainer
) -> None:
    """One row for each epoch, its errors shares of the samples, its loss that of one evaluation with its dropout."""
    study = make_study(
        network=network(dropout=0.5),
        data=data_of(SAMPLES),
        optimizer=partial(torch.optim.LBFGS, lr=0.1, max_iter=7),
    )
    inputs, targets = data_of(SAMPLES).batch(seed=0, step=0)
    torch.manual_seed(derive_seed(0, "step", 0))
    logits = study.network.train()(inputs)
    make_trainer(max_epochs=3).fit(study)
    assert [row["step"] for row in study.history] == [0, 1, 2, 3]
    assert study.history[1]["train_loss"] == pytest.approx(
        nn.functional.cross_entropy(logits, targets).item(), rel=1e-6
    )
    assert study.history[1]["train_error"] == float((logits.argmax(-1) != targets).double().mean())
    assert all(0 <= row["train_error"] <= 1 for row in study.history[1:])


def test_what_lbfgs_evaluates_again_in_a_step_has_the_same_dropout(
    make_study: MakeStudy, make_trainer: MakeTrainer
) -> None:
    study = make_study(network=network(dropout=0.5), optimizer=partial(Evaluated, lr=0.1, max_iter=3))
    trainer = make_trainer(max_epochs=2)
    trainer.fit(study)
    pairs = trainer.optimizers[0].pairs
    assert len(pairs) == 6
    assert [one for one, _ in pairs] == [other for _, other in pairs]
    assert len({one for one, _ in pairs}) == 6


def test_lbfgs_fits_least_squares_as_it_does_without_a_trainer(
    make_study: MakeStudy, make_trainer: MakeTrainer
) -> None:
    """The same steps, of the whole set as one batch, as torch's own loop takes."""
    study = make_study(network=network(), data=data_of(SAMPLES), optimizer=partial(torch.optim.LBFGS, lr=0.5))
    alone = network()
    optimizer = torch.optim.LBFGS(alone.parameters(), lr=0.5)
    for step in range(3):
        inputs, targets = data_of(SAMPLES).batch(seed=0, step=step)

        def closure(inputs: Tensor = inputs, targets: Tensor = targets) -> Tensor:
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(alone(inputs), targets)
            loss.backward()
            return loss

        optimizer.step(closure)
    make_trainer(max_epochs=3).fit(study)
    torch.testing.assert_close(study.network.state_dict(), alone.state_dict(), rtol=1e-5, atol=1e-7)


def test_gradients_are_not_accumulated_for_lbfgs(make_study: MakeStudy, make_trainer: MakeTrainer) -> None:
    study = make_study(optimizer=partial(torch.optim.LBFGS, lr=0.1), accumulate_grad_batches=2)
    with pytest.raises(ValueError, match="LBFGS evaluates the loss several times a step"):
        make_trainer(max_epochs=1, accumulate_grad_batches=2).fit(study)


# Modes


class Iterates(SmallScheduleFree):
    """Keeps the sequence z of each parameter, whose mean is to be evaluated."""

    def step(self, closure: Any = None) -> Any:
        loss = super().step(closure)
        (group,) = self.param_groups
        kept = [self.state[parameter]["z"].clone().double() for parameter in group["params"]]
        self.__dict__.setdefault("kept", []).append(kept)
        return loss


def test_a_schedule_free_run_is_recorded_and_ends_at_the_mean_of_its_iterates(
    make_study: MakeStudy, make_trainer: MakeTrainer
) -> None:
    study = make_study(network=network(), optimizer=partial(Iterates, lr=0.3))
    trainer = make_trainer(max_epochs=4)
    trainer.fit(study)
    study.take_evaluated()
    kept = trainer.optimizers[0].kept
    assert len(kept) == 12
    for number, parameter in enumerate(study.network.parameters()):
        mean = torch.stack([step[number] for step in kept]).mean(0)
        torch.testing.assert_close(parameter.double(), mean, rtol=1e-4, atol=1e-5)
    assert study.history[-1]["weight_norm"] == study.weight_norm()
    assert study.history[-1]["validation_loss"] == study.measure("validation")["loss"]


def test_batch_norm_of_the_mean_has_statistics_of_its_own(
    make_study: MakeStudy, make_trainer: MakeTrainer
) -> None:
    """Those of a pass over the training set, in one batch the exact ones of its inputs there."""
    study = make_study(network=network(batch_norm=True), optimizer=partial(SmallScheduleFree, lr=0.3))
    make_trainer(max_epochs=2).fit(study)
    trained = {name: tensor.clone() for name, tensor in study.network.state_dict().items()}
    with study.evaluated():
        inside = {name: tensor.clone() for name, tensor in study.network.state_dict().items()}
    assert all(torch.equal(tensor, trained[name]) for name, tensor in study.network.state_dict().items())
    assert any(not torch.equal(tensor, trained[name]) for name, tensor in inside.items() if "weight" in name)
    norm = next(name for name, module in study.network.named_modules() if isinstance(module, nn.BatchNorm1d))
    before = study.network.layers[: int(norm.rpartition(".")[2])]
    study.network.load_state_dict(inside)
    values = before(study.data.normalized("train")[0]).detach()
    torch.testing.assert_close(inside[f"{norm}.running_mean"], values.mean(0), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(inside[f"{norm}.running_var"], values.var(0), rtol=1e-4, atol=1e-5)


class Looks(Callback):
    """Has the weights that are to be evaluated in place after each batch."""

    def on_train_batch_end(self, trainer: Trainer, study: LightningModule, *_: Any) -> None:
        assert isinstance(study, Classifier)
        with study.evaluated():
            pass


def test_looking_at_the_mean_changes_no_bit_of_the_training(
    make_study: MakeStudy, make_trainer: MakeTrainer
) -> None:
    def trained(*callbacks: Callback) -> dict[str, Tensor]:
        study = make_study(network=network(batch_norm=True), optimizer=partial(SmallScheduleFree, lr=0.3))
        make_trainer(max_epochs=3, callbacks=list(callbacks)).fit(study)
        return study.network.state_dict()

    one, other = trained(), trained(Looks())
    assert all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize(
    ("kind", "options"), [(AveragedClassifier, {"epochs": 2, "begin": 0.5})], ids=["swa"]
)
def test_a_study_that_averages_by_itself_refuses_it(
    make_study: MakeStudy, make_trainer: MakeTrainer, kind: type[Classifier], options: dict[str, Any]
) -> None:
    study = make_study(kind, optimizer=SmallScheduleFree, **options)
    with pytest.raises(
        ValueError, match="AveragedClassifier is not trained by SmallScheduleFree: its own average"
    ):
        make_trainer(max_epochs=2).fit(study)
