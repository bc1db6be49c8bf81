"""Every choice in conf/data against what it names."""

import inspect
from pathlib import Path

import pytest
from hydra.utils import get_method, instantiate
from omegaconf import DictConfig, OmegaConf

from lossatlas.data import ImageData

CONF = Path(__file__).parents[2] / "conf" / "data"
CHOICES = sorted(path.stem for path in CONF.glob("*.yaml"))


def load(choice: str, root: Path) -> DictConfig:
    return OmegaConf.create(
        {"paths": {"data": str(root)}, "data": OmegaConf.load(CONF / f"{choice}.yaml")}
    ).data


@pytest.mark.parametrize("choice", CHOICES)
def test_every_choice_makes_the_data_that_it_declares(
    choice: str, tiny_cifar: Path, tiny_cifar100: Path, tiny_mnist: Path
) -> None:
    assert tiny_cifar == tiny_cifar100 == tiny_mnist
    config = load(choice, tiny_cifar)
    config.batch_size = min(config.batch_size, 100)  # the tiny sets have no more
    data = instantiate(config)
    assert isinstance(data, ImageData)
    inputs, _ = data.batch(seed=0, step=0)
    assert inputs.shape == (config.batch_size, *config.shape)
    assert data.splits["train"].targets.max() + 1 == config.classes
    assert list(data.augment) == list(config.augment)


@pytest.mark.parametrize("choice", CHOICES)
def test_every_choice_shows_each_argument_of_its_target(choice: str, tmp_path: Path) -> None:
    config = load(choice, tmp_path)
    parameters = inspect.signature(get_method(config._target_)).parameters
    assert set(config) - {"_target_"} == set(parameters)


@pytest.mark.parametrize("choice", CHOICES)
def test_every_choice_says_at_the_top_what_it_is(choice: str) -> None:
    assert (CONF / f"{choice}.yaml").read_text().startswith("# ")


def test_an_augmentation_is_dropped_by_its_name_and_all_of_them_by_null(tiny_cifar: Path) -> None:
    config = load("cifar10", tiny_cifar)
    config.batch_size = 10
    config.augment.flip = None
    assert list(instantiate(config).augment) == ["crop"]
    config.augment = None
    assert instantiate(config).augment == {}
