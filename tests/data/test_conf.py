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


@pytest.mark.parametrize(
    "choice", [choice for choice in CHOICES if not {"blobs", "noise", "nothing"} & set(choice.split("_"))]
)
def test_pixels_that_are_not_normalised_lie_between_0_and_1_and_normalised_ones_are_an_affine_map_of_them(
    choice: str, tiny_cifar: Path, tiny_cifar100: Path, tiny_mnist: Path
) -> None:
    config = load(choice, tiny_cifar)
    config.batch_size = 10
    (config.of if "of" in config else config).normalize = False
    plain, _ = instantiate(config).normalized("train")
    (config.of if "of" in config else config).normalize = True
    normalized, _ = instantiate(config).normalized("train")
    assert plain.min() >= 0
    assert 0.5 < plain.max() <= 1
    slope = (normalized - normalized[:1]).flatten(2) / (plain - plain[:1]).flatten(2)
    for channel in slope.transpose(0, 1):
        finite = channel[channel.isfinite()]
        assert (finite - finite.median()).abs().max() < 1e-3 * finite.median()
