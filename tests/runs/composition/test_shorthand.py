"""Keys of the one logger that is chosen, typed without its name."""

import pytest

from lossatlas.runs.composition.compose import compose_job
from lossatlas.runs.composition.search_path import config_folder
from lossatlas.runs.composition.shorthand import CHOICES, DEFAULT, expand_logger


def test_the_choices_are_those_of_the_group_and_the_default_is_that_of_the_configuration() -> None:
    there = {path.stem for path in (config_folder() / "logger").glob("*.yaml")}
    assert {*CHOICES, "none"} == there
    assert list(compose_job([]).config["logger"]) == [DEFAULT]


@pytest.mark.parametrize(
    ("typed", "written"),
    [
        (["logger.offline=false"], ["logger.wandb.offline=false"]),
        (["+logger.entity=us"], ["+logger.wandb.entity=us"]),
        (["~logger.settings"], ["~logger.wandb.settings"]),
        (["logger.settings.console=wrap"], ["logger.wandb.settings.console=wrap"]),
        (["logger=tensorboard", "logger.name=x"], ["logger=tensorboard", "logger.tensorboard.name=x"]),
        (["logger.wandb.offline=false"], ["logger.wandb.offline=false"]),
        (["logger=[wandb,csv]", "logger.csv.name=x"], ["logger=[wandb,csv]", "logger.csv.name=x"]),
        (["logger=none", "logger.offline=false"], ["logger=none", "logger.offline=false"]),
        (["logger=theirs", "logger.level=2"], ["logger=theirs", "logger.level=2"]),
        (["seed=1", "experiment.logger=x"], ["seed=1", "experiment.logger=x"]),
    ],
)
def test_a_key_is_that_of_the_chosen_logger(typed: list[str], written: list[str]) -> None:
    assert expand_logger(typed) == written
    assert expand_logger(written) == written


def test_what_older_manifests_have_recorded_goes_on_composing() -> None:
    config = compose_job(["logger.offline=false", "logger.tags=[a]", "seed=3"]).config
    assert (config["logger"]["wandb"]["offline"], config["logger"]["wandb"]["tags"]) == (False, ["a"])
