"""What stops a configuration before anything is computed, and what is said of it."""

from pathlib import Path

import pytest
import torch

from lossatlas.runs import check
from lossatlas.runs.build import build_data, build_network
from lossatlas.runs.check import check_config, check_jobs
from lossatlas.runs.composition.compose import compose_job
from lossatlas.runs.composition.job import ConfigError, Job

SMALL = ("data=synthetic_images", "data.shape=[1,8,8]", "data.train=32", "data.validation=0", "data.test=10")


def job(*overrides: str) -> Job:
    return compose_job([*SMALL, "model=vgg9_narrow", "model.width=1", "logger=none", *overrides])


def test_a_configuration_without_fault_passes() -> None:
    check_jobs([job()])


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("+modle.depth=20", r"^modle: unknown key; did you mean model\?$"),
        (
            "+colour=red",
            "^colour: unknown key; expected one of callbacks, data, decays, engine, .*, trainer$",
        ),
        (
            "+data.batchsize=8",
            r"^data\.batchsize: .*synthetic_images takes no such key; did you mean batch_size\?",
        ),
        ("+optimizer.momentun=0", r"^optimizer\.momentun: torch\.optim\.SGD .*; did you mean momentum\?"),
        ("+optimizer._lr=1", r"^optimizer\._lr: torch\.optim\.SGD takes no such key; did you mean lr\?$"),
        ("+figures._target=mean", r"^figures\._target: lossatlas\.figures\.Style takes no such key; .*"),
        ("+trainer._target=x", r"^trainer\._target: .*Trainer takes no such key; .*"),
        ("+optimizer._recursive_=3", r"^optimizer\._recursive_=3: expected true or false$"),
        ("+trainer.max_step=1", r"^trainer\.max_step: .*Trainer .*; did you mean max_steps\?"),
        (
            "+study.snapshot_epoch=[1]",
            r"^study\.snapshot_epoch: .*Classifier .*; did you mean snapshot_epochs\?",
        ),
        (
            "+study.metrics.error.classes=3",
            r"^study\.metrics\.error\.classes: .*; did you mean num_classes\?",
        ),
        (
            "model._target_=lossatlas.models.VGGG",
            r"^model\._target_=lossatlas\.models\.VGGG: cannot be imported",
        ),
        ("data.batch_size=???", r"^data\.batch_size is required: give data\.batch_size=VALUE$"),
        ("landscape=interpolation", r"^landscape\.interpolation\.other\.run is required"),
        ("seed=1.5", "^seed=1.5: expected a whole number$"),
        ("seed=true", "^seed=True: expected a whole number$"),
        ("seed=null", "^seed=None: expected a whole number$"),
        ("epochs=0", "^epochs=0: expected a whole number >= 1$"),
        ("epochs=2.5", "^epochs=2.5: expected a whole number >= 1$"),
        ("epochs=true", "^epochs=True: expected a whole number >= 1$"),
        ("runtime.threads=many", "^runtime.threads=many: expected a whole number >= 1, or null$"),
        ("runtime.debug=often", "^runtime.debug=often: expected true or false$"),
        ("+runtime.thread=3", r"^runtime\.thread: unknown key; did you mean threads\?$"),
        ("+paths.result=x", r"^paths\.result: unknown key; did you mean results\?$"),
        (
            "trainer.devices=2",
            r"^trainer\.devices=2: a run takes one device, of which \[1\] names the second; a sweep",
        ),
    ],
)
def test_a_key_or_value_that_cannot_be_meant_is_named(override: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        check_config(job(override).config)


def test_keys_inside_a_list_of_nodes_are_held_against_their_target_too() -> None:
    config = job().config
    config["experiment"]["claims"] = [{"_target_": "lossatlas.claims.Paper", "frist": 1}]
    with pytest.raises(ConfigError, match=r"^experiment\.claims\.0\.frist: .*; did you mean first\?"):
        check_config(config)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["model=resnet20_narrow", "model.depth=21"], "^model: depth must be even .* nearest is 20 or 22$"),
        (["data.shape=[1,4,4]"], "^model: .* needs images of at least 8x8 pixels, got 4x4$"),
        (["init.mode=fan"], "^init: mode must be fan_in or fan_out, got 'fan'$"),
        (["init=zero_residual"], "^init: VGG has no residual block with a shortcut and a normalisation"),
        (["init=lsuv", "init.examples=1"], "^init: examples must be at least 2, got 1$"),
        (
            ["normalization=group", "normalization.groups=3", "model.width=4"],
            r"^normalization: groups=3 does not divide the 4 channels of 'features\.1': expected 1, 2 or 4$",
        ),
        (
            ["normalization=layer", "model.batch_norm=false"],
            r"^normalization: VGG has no batch norm, .*: type model\.batch_norm=true$",
        ),
        (["normalization=instance"], r"^normalization: instance norm has no place in 'classifier\.1', whose"),
        (["data.batch_size=33"], "^data: batch_size must be 1 to 32, .* training set, got 33$"),
        (["study.loss.label_smoothing=x"], r"^study\.loss\.label_smoothing=x: expected a number$"),
        (["study.snapshot_epochs=[31]"], r"^study\.snapshot_epochs: there is no epoch 31; expected 0 to 30$"),
        (["model.input_shape=[2,8,8]"], r"^model: it does not take images of \[1, 8, 8\]: "),
        (["model.classes=7"], r"^model: it gives \[2, 7\] for two images, expected \[2, 10\]$"),
        (["optimizer.lr=-1"], "^optimizer: Invalid learning rate: -1$"),
        (["optimizer.lr=fast"], r"^optimizer\.lr=fast: expected a number$"),
        (["scheduler=step", "scheduler.gamma=0"], "^scheduler: gamma must be positive, got 0$"),
        (
            ["study=curve", "study.ends=[{weights: a.pt}, {run: ['seed=1']}]"],
            r"^study: \{weights: a\.pt\} is for landscapes; a study names runs, as \{run: \['seed=1'\]\}$",
        ),
        (
            ["regularizer=l2", "regularizer.l2.weight_decay=-1"],
            "^regularizer: weight_decay must be .*, got -1$",
        ),
    ],
)
def test_a_part_that_cannot_be_built_is_named_with_its_complaint(overrides: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        check_jobs([job(*overrides)])


def test_a_data_set_that_is_not_there_says_itself_what_to_type(tmp_path: Path) -> None:
    missing = compose_job(["data=cifar10", f"paths.data={tmp_path}", "logger=none"])
    with pytest.raises(FileNotFoundError, match=r"type data\.download=true"):
        check_jobs([missing])


@pytest.mark.parametrize(
    ("overrides", "trains"),
    [
        (["data.batch_size=16"], False),
        (["data.batch_size=32"], False),
        (["data.batch_size=11"], True),
        (["data.batch_size=16", "data.drop_last=true"], True),
        (["data.batch_size=1", "data.drop_last=true"], False),
        (["data.batch_size=16", "model.batch_norm=false"], True),
        (["data.batch_size=16", "model=resnet20_narrow"], True),  # its channels keep 2x2 pixels
    ],
)
def test_batches_of_one_image_are_refused_exactly_where_torch_cannot_train_on_them(
    overrides: list[str], trains: bool
) -> None:
    given = job("data.train=33", *overrides)
    network, data = build_network(given.config).train(), build_data(given.config)
    if trains:
        for inputs, _ in data.batches(seed=0, epoch=0):
            network(inputs)
        check_jobs([given])
    else:
        with torch.no_grad(), pytest.raises(ValueError, match="more than 1 value per channel when training"):
            network(list(data.batches(seed=0, epoch=0))[-1][0])
        with pytest.raises(
            ConfigError, match=r"a single image.*data\.drop_last=true or .*another batch size$"
        ):
            check_jobs([given])


def test_the_parts_of_a_sweep_are_built_once_for_all_its_seeds(monkeypatch: pytest.MonkeyPatch) -> None:
    widths = []

    def counted(config: dict, *part: object) -> torch.nn.Module:
        widths.append(config["model"]["width"])
        return build_network(config, *part)

    monkeypatch.setattr(check, "build_network", counted)
    check_jobs([job(f"seed={seed}", f"model.width={width}") for seed in range(3) for width in (1, 2)])
    assert widths == [1, 2]


def test_a_fault_in_a_later_job_of_a_sweep_is_found() -> None:
    with pytest.raises(ConfigError, match="got 33"):
        check_jobs([job(), job("seed=1"), job("seed=1", "data.batch_size=33")])
