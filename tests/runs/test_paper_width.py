"""`width` at scale paper against figure 6 of Li et al. 2018, and one step of each network on a tiny CIFAR-10."""

from collections.abc import Callable
from itertools import product

import pytest
import torch
from hydra.types import RunMode
from paper import FN, Config, assert_trained_as_li2018, chosen, composed
from torch import nn

from lossatlas.runs.build import make
from lossatlas.runs.composition.compose import compose_config, compose_jobs
from lossatlas.runs.store.store import Run

FACTORS = [1, 2, 4, 8]  # WRN-56-k
CELLS = list(product(FACTORS, [True, False]))


def paper(k: int, skip: bool) -> Config:
    return composed("width/paper", f"model.width={16 * k}", f"model.skip={skip}")


@pytest.mark.parametrize(("k", "skip"), CELLS)
def test_the_networks_are_resnet56_k_times_as_wide(k: int, skip: bool) -> None:
    """A convolution, 27 blocks of two, a linear layer; 16k, 32k and 64k channels; projections (option B) with skips."""
    config = paper(k, skip)
    with torch.device("meta"):
        network = make(config["model"])
    layers = [layer for layer in network.modules() if isinstance(layer, nn.Conv2d | nn.Linear)]
    projections = [layer for layer in layers if isinstance(layer, nn.Conv2d) and layer.kernel_size == (1, 1)]
    assert len(layers) - len(projections) == 56
    assert len(projections) == (2 if skip else 0)
    assert layers[0].weight.shape[:2] == (16 * k, 3)
    channels = {layer.weight.shape[0] for layer in layers} - {10}
    assert channels == {16 * k, 32 * k, 64 * k}
    assert layers[-1].in_features == 64 * k
    assert config["model"] == composed("width/paper", f"model=wrn56_{k}", f"model.skip={skip}")["model"]


@pytest.mark.parametrize(("k", "skip"), CELLS)
def test_training_is_the_papers_for_every_network(k: int, skip: bool) -> None:
    """Without shortcuts at rate 0.1 as well: 13.31 %, the first number of their row, belongs to it."""
    assert_trained_as_li2018(paper(k, skip), lr=0.1, weight_decay=5e-4, batch_size=128)


def test_the_surface_is_the_papers() -> None:
    (name, node), *others = paper(1, True)["landscape"].items()
    assert (name, others) == ("surface", [])
    expected = {**FN, "points": 51}
    assert chosen(node, expected) == expected


def test_the_sweep_is_width_by_shortcuts_over_five_seeds() -> None:
    jobs = compose_jobs(["experiment=width", "scale=paper", "seed=0"])
    cells = {(job.config["model"]["width"], job.config["model"]["skip"]) for job in jobs}
    assert cells == set(product([16, 32, 64, 128], [True, False]))
    assert len(jobs) == 8
    whole = compose_config(["experiment=width/paper"])
    assert whole.hydra.mode is RunMode.MULTIRUN
    assert whole.hydra.sweeper.params.seed == "0,1,2,3,4"
    assert whole.experiment.values.contour == 0.1


@pytest.mark.parametrize("skip", [True, False])
@pytest.mark.parametrize("k", [1, *(pytest.param(k, marks=pytest.mark.slow) for k in FACTORS[1:])])
def test_each_network_takes_its_first_step(one_step: Callable[..., Run], k: int, skip: bool) -> None:
    run = one_step("width/paper", f"model.width={16 * k}", f"model.skip={skip}", "landscape=none")
    assert run.history().lr.dropna().tolist() == [0.1]
    start, after = run.snapshot(0), run.state()
    still = [name for name in start if name.endswith("weight") and torch.equal(start[name], after[name])]
    assert still == []
