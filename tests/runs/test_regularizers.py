"""Regularisers that a configuration names: what they leave in a run, and what stops before training."""

import inspect
import signal
from pathlib import Path

import pytest
import torch
from processes import Process, Signal
from small_runs import EPOCH, record, small, trained

from lossatlas.runs.check import check_jobs
from lossatlas.runs.composition.compose import compose_job
from lossatlas.runs.composition.job import ConfigError, Job
from lossatlas.runs.composition.signatures import find_target
from lossatlas.runs.ensure import ensure
from lossatlas.runs.store.fingerprint import ADDED, fingerprint

ALL = "regularizer=[l1,elastic,l0,max_norm,orthogonality,weight_noise,gradient_noise]"
SPARSE = (
    "regularizer=l0",
    "regularizer.l0.coefficient=0.1",
    "regularizer.l0.rate=150",
    "study.snapshot_epochs=[1]",
)


def test_all_at_once_go_on_where_they_were(tmp_path: Path) -> None:
    expected = record(trained(small(tmp_path / "expected", ALL, "regularizer.l1.step=proximal")))
    config = small(tmp_path / "stopped", ALL, "regularizer.l1.step=proximal")
    Process(config, Signal(signal.SIGTERM, EPOCH)).outcome()
    assert record(ensure(config)) == expected


def test_a_run_with_gates_ends_with_a_network_like_any_other_whose_closed_weights_are_zero(
    tmp_path: Path,
) -> None:
    config = small(tmp_path, *SPARSE)
    run = trained(config)
    state = run.state()
    assert state.keys() == trained(small(tmp_path)).state().keys()
    kept = torch.load(run.checkpoint_path, weights_only=True)["state_dict"]
    weights = [name.removeprefix("network.") for name, tensor in kept.items() if tensor.ndim > 1]
    weights = weights[: len(weights) // 2]  # and their gates
    for number, name in enumerate(weights):
        gates = (1.2 * kept[f"regularization.gates.{number}"].sigmoid() - 0.1).clamp(0, 1)
        torch.testing.assert_close(state[name], kept[f"network.{name}"] * gates)
    assert any((state[name] == 0).any() for name in weights)
    snapshot = run.snapshot(1)
    assert any(not torch.equal(snapshot[name], state[name]) for name in weights)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (
            ["regularizer=l1", "regularizer.l1.coefficient=-1"],
            "^regularizer: coefficient must be >= 0, got -1",
        ),
        (["regularizer=l1", "regularizer.l1.step=prox"], "^regularizer: step must be one of subgradient, "),
        (
            ["regularizer=max_norm", "regularizer.max_norm.norm=0"],
            "^regularizer: norm must be positive, got 0",
        ),
        (["+regularizer.mine._target_=torch.nn.ReLU"], "^regularizer: "),
        (["+regularizer.mine={_target_: builtins.dict}"], "^study: regularizer.mine: expected a function of"),
        (
            ["regularizer=l0", "optimizer=adam", "study=swa", "epochs=2"],
            "^study: AveragedClassifier takes no regularizer.l0, which multiplies",
        ),
    ],
)
def test_what_cannot_be_meant_stops_before_training(
    tmp_path: Path, overrides: list[str], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        check_jobs([Job((), small(tmp_path, *overrides))])


def test_a_curve_refuses_what_it_would_leave_out(tmp_path: Path) -> None:
    ends = ("study=curve", "study.ends=[{run: ['seed=1']}, {run: ['seed=2']}]", "optimizer.weight_decay=0")
    proximal = ("regularizer=l1", "regularizer.l1.step=proximal")
    with pytest.raises(
        ConfigError, match=r"^study: Curve takes no regularizer.l1, which changes weights after each step: a"
    ):
        check_jobs([Job((), small(tmp_path, *ends, *proximal))])
    check_jobs([Job((), small(tmp_path, *ends, "regularizer=l1"))])


def test_keys_that_were_added_leave_the_names_of_runs_that_were_there(tmp_path: Path) -> None:
    config = small(tmp_path, "regularizer=l2")
    older = {**config, "regularizer": {"l2": dict(config["regularizer"]["l2"])}}
    del older["regularizer"]["l2"]["parameters"]
    assert fingerprint(older) == fingerprint(config)
    other = small(tmp_path, "regularizer=l2", "regularizer.l2.parameters=weights")
    assert fingerprint(other) != fingerprint(config)


@pytest.mark.parametrize("target", ADDED)
def test_keys_that_were_added_are_at_their_defaults_what_was_there(target: str) -> None:
    parameters = inspect.signature(find_target(target)).parameters
    assert {key: parameters[key].default for key in ADDED[target]} == ADDED[target]


MIXED = ("data/augment=[crop,flip,cutout,noise,cutmix,mixup]", "data.label_noise=0.2")


def test_a_run_on_mixed_images_and_corrupted_labels_goes_on_where_it_was(tmp_path: Path) -> None:
    expected = trained(small(tmp_path / "expected", *MIXED, "study.loss.label_smoothing=0.1"))
    errors = expected.history().train_error[1:]
    assert ((errors > 0) & (errors < 1) & (errors * 40 % 1 != 0)).all()  # of 40 images, by shares
    config = small(tmp_path / "stopped", *MIXED, "study.loss.label_smoothing=0.1")
    Process(config, Signal(signal.SIGTERM, 1)).outcome()
    assert record(ensure(config)) == record(expected)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (
            [
                "data/augment=mixup",
                "study.loss._target_=torch.nn.MultiMarginLoss",
                "~study.loss.label_smoothing",
            ],
            "^study: loss: MultiMarginLoss does not take the targets of data.augment.mixup, which are prob",
        ),
        (
            ["data/augment=cutout", "data.augment.cutout.size=9"],
            "^data: augment.cutout: size=9 is larger than images of 8x8 pixels: expected 1 to 8$",
        ),
        (["data/augment=mixup", "data.augment.mixup.alpha=0"], "^data: alpha must be positive, got 0$"),
        (["data/augment=mixup", "data.augment.mixup.classes=3"], "^data: augment.mixup: classes=3, but the"),
        (["data/augment=noise", "data.augment.noise.std=-1"], "^data: std must be >= 0, got -1$"),
        (["data.label_noise=2"], r"^data: label_noise is a probability and must be in \[0, 1\], got 2$"),
        (
            ["study.loss.label_smoothing=1.5"],
            "^study.loss.label_smoothing=1.5: expected a number from 0 to 1$",
        ),
    ],
)
def test_augmentations_that_cannot_be_meant_stop_before_training(
    tmp_path: Path, overrides: list[str], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        check_jobs([Job((), small(tmp_path, *overrides))])


def test_augmentations_are_chosen_as_a_list_and_join_those_of_the_data_set() -> None:
    config = compose_job(["data=cifar10", "data/augment=[cutout,mixup]"]).config
    assert list(config["data"]["augment"]) == ["crop", "flip", "cutout", "mixup"]
    assert config["data"]["augment"]["mixup"]["classes"] == 10
