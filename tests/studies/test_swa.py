"""Averaged weights are the mean of those that training went through, whatever interrupts it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from torch import nn

from lossatlas.optim import Cosine, CyclicCosine, Step
from lossatlas.studies import AveragedClassifier, Classifier
from lossatlas.studies.swa import AveragingAfter, reestimate_statistics

MakeStudy = Callable[..., Classifier]
MakeTrainer = Callable[..., Trainer]


class AfterSteps(Callback):
    """Keeps the network's parameters after every step, in float64."""

    def __init__(self) -> None:
        self.parameters: list[dict[str, torch.Tensor]] = []

    def on_train_batch_end(self, trainer: Trainer, study: LightningModule, *_: Any) -> None:
        assert isinstance(study.network, nn.Module)
        self.parameters.append({n: p.detach().double() for n, p in study.network.named_parameters()})


class Counting(LightningModule):
    """Whose only weight is the number of steps done."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))
        self.automatic_optimization = False
        self.data: Any = None

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=1.0)

    def training_step(self, batch: Any, batch_idx: int) -> None:
        optimizer = self.optimizers()
        assert isinstance(optimizer, torch.optim.Optimizer | object)
        self.weight.grad = -torch.ones(1)
        optimizer.step()  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("steps", "mean"), [([1, 2, 3, 4], 2.5), ([1, 4], 2.5), ([2, 3, 7], 4.0), ([5], 5.0)]
)
def test_the_average_of_1_2_3_and_4_is_2_and_a_half(
    make_trainer: MakeTrainer, steps: list[int], mean: float
) -> None:
    """Of a running mean whose count starts wrong it would be 2.2."""
    averaging, counting = AveragingAfter(steps), Counting()
    make_trainer(max_epochs=1, callbacks=[averaging]).fit(counting, torch.utils.data.DataLoader(range(8)))
    assert averaging.mean()["weight"].item() == pytest.approx(mean, rel=1e-6)


@pytest.mark.parametrize(
    ("schedule", "begin", "steps"),
    [
        (Step([2]), 0.0, [3, 6, 9, 12]),
        (Step([2]), 0.5, [9, 12]),
        (Cosine(4), 0.75, [12]),
        (CyclicCosine(epochs=4, cycles=3), 0.0, [4, 8, 12]),
        (CyclicCosine(epochs=4, cycles=3), 0.34, [8, 12]),
    ],
)
def test_averaged_are_the_ends_of_epochs_or_of_cycles(
    make_study: MakeStudy, make_trainer: MakeTrainer, schedule: Any, begin: float, steps: list[int]
) -> None:
    study, went = make_study(AveragedClassifier, epochs=4, begin=begin, schedule=schedule), AfterSteps()
    make_trainer(max_epochs=4, callbacks=[went]).fit(study)
    study.finish()
    assert list(study.averaged_steps) == steps
    for name, parameter in study.network.named_parameters():
        expected = torch.stack([went.parameters[step - 1][name] for step in steps]).mean(0)
        torch.testing.assert_close(parameter.double(), expected, rtol=1e-5, atol=1e-6)
    assert len(went.parameters) == 12


def test_batch_norm_has_the_statistics_of_the_training_set_at_the_average(
    make_study: MakeStudy, make_trainer: MakeTrainer
) -> None:
    """Torch's own `update_bn` on one batch of all images; those of the last step are far from it."""
    study = make_study(AveragedClassifier, epochs=4, begin=0.25)
    make_trainer(max_epochs=4).fit(study)
    last = {name: b.clone() for name, b in study.network.named_buffers() if name.endswith("running_mean")}
    study.finish()
    found = {name: b.clone() for name, b in study.network.named_buffers() if name.endswith(("mean", "var"))}
    inputs, _ = study.data.normalized("train")
    torch.optim.swa_utils.update_bn([inputs], study.network)
    expected = dict(study.network.named_buffers())
    for name, buffer in found.items():
        torch.testing.assert_close(buffer, expected[name])
    assert all((found[name] - mean).norm() > 1e-2 for name, mean in last.items())


def test_statistics_are_reestimated_in_batches_as_in_one(make_study: MakeStudy) -> None:
    """The means exactly, since each batch counts with its length."""
    study = make_study()
    inputs, _ = study.data.normalized("train")
    means = []
    for size in (40, 16, 7):
        reestimate_statistics(study.network, inputs, size)
        means += [b.clone() for name, b in study.network.named_buffers() if name.endswith("running_mean")]
    for mean in means[1:]:
        torch.testing.assert_close(mean, means[0])


def test_training_itself_is_not_changed(make_study: MakeStudy, make_trainer: MakeTrainer) -> None:
    trained = []
    for study in (make_study(), make_study(AveragedClassifier, epochs=2, begin=0)):
        went = AfterSteps()
        make_trainer(max_epochs=2, callbacks=[went]).fit(study)
        trained.append(went.parameters)
    for plain, averaged in zip(*trained, strict=True):
        assert all(torch.equal(plain[name], averaged[name]) for name in plain)


def test_a_stranger_can_read_the_checkpoint_without_running_code(
    make_study: MakeStudy, make_trainer: MakeTrainer, tmp_path: Path
) -> None:
    """Lightning's callback leaves the average in the place of the weights, and these beside it."""
    study = make_study(AveragedClassifier, epochs=2, begin=0)
    trainer = make_trainer(max_epochs=2)
    trainer.fit(study)
    trainer.save_checkpoint(tmp_path / "state.ckpt")
    kept = torch.load(tmp_path / "state.ckpt", weights_only=True)
    assert kept["averaging_state"]["n_averaged"] == 2
    assert kept["state_dict"].keys() == kept["current_model_state"].keys() == study.state_dict().keys()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"begin": 1.0}, r"begin is a share of training and must be in \[0, 1\), got 1.0"),
        ({"begin": -0.1}, r"begin is a share of training and must be in \[0, 1\), got -0.1"),
        (
            {
                "begin": 0.9,
                "schedule": CyclicCosine(epochs=6, cycles=4),
            },  # cycles end after 5 and 10 of the 12 steps
            "no weights to average: no cycle ends after 0.9 of 12 steps",
        ),
    ],
)
def test_an_average_of_nothing_is_refused(make_study: MakeStudy, arguments: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make_study(AveragedClassifier, epochs=4, **arguments)


@pytest.mark.parametrize("norm", [nn.utils.spectral_norm, nn.utils.parametrizations.spectral_norm])
def test_the_mean_of_weights_under_spectral_norm_has_the_norm_one(norm: Callable[..., nn.Module]) -> None:
    network = nn.Sequential(norm(nn.Linear(5, 3)))
    next(parameter for parameter in network.parameters() if parameter.ndim == 2).data.normal_()
    reestimate_statistics(network, torch.randn(20, 5), 8)
    with torch.no_grad():
        network(torch.randn(1, 5))
        assert float(torch.linalg.matrix_norm(network[0].weight, 2)) == pytest.approx(1, abs=1e-5)
