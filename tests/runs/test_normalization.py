"""Networks of a configuration with a normalisation and an initialisation of its own, built, trained and resumed."""

import signal
from pathlib import Path

import pytest
import torch
from processes import Process, Signal
from small_runs import EPOCH, RANDOM, record, small, trained
from torch import Tensor, nn

from lossatlas.runs.build import build_data, build_network
from lossatlas.runs.ensure import ensure


def weights_of(network: nn.Module) -> dict[str, Tensor]:
    return dict(network.state_dict())


@pytest.mark.parametrize("kind", ["group", "weight_norm", "spectral_norm", "deconvolution"])
def test_a_network_is_the_same_each_time_and_another_for_another_seed(tmp_path: Path, kind: str) -> None:
    options = ["normalization.groups=2"] if kind == "group" else []
    one, same, other = (
        weights_of(build_network(small(tmp_path, f"normalization={kind}", *options, f"seed={seed}")))
        for seed in (0, 0, 1)
    )
    assert all(torch.equal(tensor, same[name]) for name, tensor in one.items())
    assert any(not torch.equal(tensor, other[name]) for name, tensor in one.items())


def test_a_configuration_from_before_there_was_a_choice_means_the_network_as_it_is_made(
    tmp_path: Path,
) -> None:
    config = small(tmp_path)
    expected = weights_of(build_network(config))
    del config["normalization"]
    found = weights_of(build_network(config))
    assert all(torch.equal(tensor, found[name]) for name, tensor in expected.items())


def test_an_initialisation_reaches_the_layers_that_were_put_in_place(tmp_path: Path) -> None:
    """Lengths of weight norm are those of the weights that were drawn, which without it are the same."""
    plain, normed = (
        build_network(small(tmp_path, "init=orthogonal", f"normalization={kind}"))
        for kind in ("none", "weight_norm")
    )
    for name, layer in plain.named_modules():
        if isinstance(layer, nn.Conv2d):
            torch.testing.assert_close(normed.get_submodule(name).weight, layer.weight)


def test_images_for_an_initialisation_are_drawn_from_the_training_split(tmp_path: Path) -> None:
    """With all of them as one batch, the first layer's outputs have the variance that was asked for."""
    config = small(tmp_path, "init=lsuv", "init.examples=40", "init.tolerance=1e-4")
    images, _ = build_data(config).normalized("train")
    first = next(layer for layer in build_network(config).modules() if isinstance(layer, nn.Conv2d))
    assert first(images).var().item() == pytest.approx(1, abs=1e-3)
    fewer = small(tmp_path, "init=lsuv", "init.examples=20", "init.tolerance=1e-4")
    other, again = (build_network({**fewer, "seed": seed}).features[0].weight for seed in (1, 1))
    assert torch.equal(other, again)


@pytest.mark.parametrize(
    "choice",
    [("normalization=spectral_norm",), ("normalization=deconvolution", "init=lsuv", "init.examples=16")],
    ids=lambda choice: choice[0],
)
def test_a_run_that_was_stopped_goes_on_to_the_same_bits(tmp_path: Path, choice: tuple[str, ...]) -> None:
    """Of those that keep more than parameters: singular vectors, covariances."""
    choice = (*choice, *RANDOM)
    expected = record(trained(small(tmp_path / "expected", *choice)))
    config = small(tmp_path / "stopped", *choice)
    assert Process(config, Signal(signal.SIGTERM, EPOCH)).outcome().error == "Interrupted"
    assert record(ensure(config)) == expected
