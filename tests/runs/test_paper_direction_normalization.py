"""`direction_normalization` at scale paper against the settings of Li et al. 2018, and one step of each network."""

from collections.abc import Callable
from itertools import product
from pathlib import Path

import pytest
import torch
from omegaconf import OmegaConf
from paper import FN, assert_trained_as_li2018, chosen, composed

from lossatlas.cli.reproduction import definition
from lossatlas.experiments.sweeps import planned_values
from lossatlas.runs.build import build_network
from lossatlas.runs.composition.compose import compose_jobs
from lossatlas.runs.store.fingerprint import fingerprint, landscape_path
from lossatlas.runs.store.store import Run

NAME = "direction_normalization"


def no_other(value: object) -> Run:
    raise AssertionError(f"nobody asked for {value}")


@pytest.mark.parametrize(
    ("scale", "batches", "decay"), [("paper", [128, 8192], 5e-4), ("digits", [16, 164], 0.005)]
)
def test_the_networks_on_lines_are_those_of_sharpness_with_sgd(
    scale: str, batches: list[int], decay: float
) -> None:
    """Fingerprint by fingerprint, so that what one has trained the other finds; their filter-normalised lines too."""
    ours = compose_jobs([f"experiment={NAME}/{scale}"])
    cells = product([0.0, decay], batches, range(5))
    swept = [
        (job.config["optimizer"]["weight_decay"], job.config["data"]["batch_size"], job.config["seed"])
        for job in ours
    ]
    assert sorted(swept) == sorted(cells)
    for job in ours[:3]:
        settings = (
            f"optimizer.weight_decay={job.config['optimizer']['weight_decay']}",
            f"seed={job.config['seed']}",
        )
        batch = f"data.batch_size={job.config['data']['batch_size']}"
        theirs = composed(f"sharpness/{scale}", "optimizer=sgd", batch, *settings)
        assert fingerprint(job.config) == fingerprint(theirs)
        nodes = [config["landscape"]["line"] for config in (job.config, theirs)]
        assert len({landscape_path(Run(Path("x")), "line", node, no_other) for node in nodes}) == 1


def test_training_is_the_papers() -> None:
    assert_trained_as_li2018(
        composed(f"{NAME}/paper", "optimizer.weight_decay=0.0005", "data.batch_size=128")
    )


def test_the_lines_are_those_of_the_paper_in_all_three_normalisations() -> None:
    landscape = composed(f"{NAME}/paper")["landscape"]
    common = {key: FN[key] for key in ("seed", "ignore", "splits")} | {"points": 51}
    expected = {
        "line": {**common, "normalize": "filter", "extent": 1.0, "directions": 10},
        "line_layer": {**common, "normalize": "layer", "extent": 1.0, "directions": 5},
        "line_none": {**common, "normalize": "none", "extent": 0.5, "directions": 5},
    }
    assert {name: chosen(node, expected[name]) for name, node in landscape.items()} == expected


@pytest.mark.parametrize("scale", ["paper", "digits"])
@pytest.mark.parametrize(("sweep", "layers"), [("twins", "all"), ("perceptron", "first")])
def test_twins_are_of_the_network_with_small_batches_and_weight_decay(
    scale: str, sweep: str, layers: str
) -> None:
    """With batch norm, which swallows the factor of each layer; without, where the second layer undoes the first."""
    (job,) = compose_jobs([f"experiment={NAME}/{scale}_{sweep}", "seed=3"])
    levels = job.config["experiment"]["values"]
    assert planned_values([f"experiment={NAME}/{scale}_{sweep}"])["seed"] == [0, 1, 2, 3, 4]
    assert job.config["optimizer"]["weight_decay"] == levels["weight_decay"]
    assert job.config["data"]["batch_size"] == levels["small_batch"]
    assert {node["layers"] for node in job.config["landscape"].values()} == {layers}
    network = build_network(job.config)
    norms = [
        module for module in network.modules() if isinstance(module, torch.nn.modules.batchnorm._BatchNorm)
    ]
    assert bool(norms) == (sweep == "twins")
    surveys = {
        name: node["survey"]["_target_"].rpartition(".")[2] for name, node in job.config["landscape"].items()
    }
    assert surveys == {
        "twins_eigenvalues": "eigenvalues",
        "twins_sharpness": "sharpness",
        "twins_line": "line",
        "twins_line_none": "line",
    }
    normalised = {name: node["survey"].get("normalize") for name, node in job.config["landscape"].items()}
    assert (normalised["twins_line"], normalised["twins_line_none"]) == ("filter", "none")


@pytest.mark.parametrize("scale", ["paper", "digits"])
def test_the_claims_are_of_factors_that_are_surveyed(scale: str) -> None:
    landscape = composed(f"{NAME}/{scale}_twins")["landscape"]
    experiment = definition(NAME, OmegaConf.create(composed(f"{NAME}/{scale}")["experiment"]))
    asked = 0
    for claim in experiment["claims"]:
        name = claim["measure"]["landscape"]
        arms = [claim.get(arm, {}) for arm in ("at", "greater", "lesser", "first", "second")]
        for factor in [arm["factor"] for arm in arms if "factor" in arm] + list(claim.get("among", [])):
            assert factor in landscape[name]["factors"]
            asked += 1
    assert asked >= 20


@pytest.mark.parametrize("sweep", ["paper", "paper_twins", "paper_perceptron"])
def test_one_step_moves_every_weight(one_step: Callable[..., Run], sweep: str) -> None:
    run = one_step(f"{NAME}/{sweep}", "landscape=none")
    start, after = run.snapshot(0), run.state()
    expected = build_network(composed(f"{NAME}/{sweep}")).state_dict()
    for name, tensor in start.items():
        if name.endswith("weight"):
            assert torch.equal(tensor, expected[name])
            assert not torch.equal(after[name], tensor)
