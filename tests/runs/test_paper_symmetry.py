"""`symmetry` at scale paper: which networks, which lines, and one step of each kind on a tiny CIFAR-10.

The sources print no settings that are taken over; what is held here is what the experiment's page says.
"""

from collections.abc import Callable
from itertools import product

import pytest
import torch
from hydra.types import RunMode
from omegaconf import OmegaConf
from paper import chosen, composed
from torch import nn

from lossatlas.cli.reproduction import definition
from lossatlas.experiments.sweeps import planned_values
from lossatlas.runs.build import build_network, make
from lossatlas.runs.composition.compose import compose_config, compose_jobs
from lossatlas.runs.store.store import Run

PERCEPTRONS, CONVOLUTIONAL = [16, 64, 256, 1024], [16, 32, 64, 128]


def test_the_sweep_is_width_over_five_seeds_for_each_kind() -> None:
    for name, widths in (("paper", PERCEPTRONS), ("paper_convolutional", CONVOLUTIONAL)):
        jobs = compose_jobs([f"experiment=symmetry/{name}", "seed=0"])
        assert [job.config["experiment"]["width"] for job in jobs] == widths
        assert planned_values([f"experiment=symmetry/{name}"])["seed"] == [0, 1, 2, 3, 4]
    whole = compose_config(["experiment=symmetry/paper"])
    assert whole.hydra.mode is RunMode.MULTIRUN
    assert whole.experiment.also == ["paper_convolutional"]


@pytest.mark.parametrize("width", PERCEPTRONS)
def test_perceptrons_have_three_hidden_layers_and_no_batch_norm(width: int) -> None:
    with torch.device("meta"):
        network = make(composed("symmetry/paper", f"experiment.width={width}")["model"])
    layers = [module for module in network.modules() if isinstance(module, nn.Linear)]
    assert [layer.out_features for layer in layers] == [width, width, width, 10]
    assert not any(isinstance(module, nn.BatchNorm1d) for module in network.modules())


@pytest.mark.parametrize("width", CONVOLUTIONAL)
def test_convolutional_networks_are_resnet20_by_the_width_of_its_first_stage(width: int) -> None:
    with torch.device("meta"):
        network = make(composed("symmetry/paper_convolutional", f"experiment.width={width}")["model"])
    layers = [module for module in network.modules() if isinstance(module, nn.Conv2d)]
    channels = [layer.out_channels for layer in layers if layer.kernel_size == (3, 3)]
    assert channels == [width] * 7 + [2 * width] * 6 + [4 * width] * 6


@pytest.mark.parametrize("name", ["paper", "paper_convolutional", "digits", "digits_convolutional"])
def test_the_lines_lead_to_the_own_copy_and_to_the_network_of_another_seed(name: str) -> None:
    """Statistics of batch norm are re-estimated; perceptrons have none."""
    config = composed(f"symmetry/{name}", "seed=3")
    lines = config["landscape"]
    assert lines.keys() == {"copy", "independent"}
    assert lines["copy"]["other"] is None
    assert lines["independent"]["other"] == {"run": ["seed=13"]}
    points = 13 if name == "digits_convolutional" else 25
    evaluation = "recompute" if name.endswith("convolutional") else "eval"
    for line in lines.values():
        assert chosen(line, {"points": 0, "statistics": 0, "splits": 0}) == {
            "points": points,
            "statistics": True,
            "splits": ["train", "test"],
        }
        assert line["engine"]["evaluation"] == evaluation


@pytest.mark.parametrize("scale", ["paper", "digits"])
def test_every_claim_is_made_of_both_kinds_over_all_their_widths(scale: str) -> None:
    config = composed(f"symmetry/{scale}")
    experiment = definition("symmetry", OmegaConf.create(config["experiment"]))
    levels = config["experiment"]["values"]
    claims = {claim["id"]: claim for claim in experiment["claims"]}
    kinds = {"perceptron": "perceptron", "batch norm": "convolutional"}
    said = [
        "same",
        "copy's barrier",
        "copy aligned",
        "independent",
        "independent, test error",
        "distance",
        "width",
        "widest",
    ]
    assert set(claims) == {f"{claim} ({kind})" for claim, kind in product(said, kinds)}
    for kind, key in kinds.items():
        widths = levels[f"{key}_widths"]
        assert claims[f"independent ({kind})"]["at"] == {"model": levels[key], "width": widths}
        assert claims[f"width ({kind})"]["among"] == widths
        assert claims[f"widest ({kind})"]["at"]["width"] == max(widths)
    assert all(claim["paper"] is None for claim in claims.values())


def test_widths_that_are_swept_are_those_that_claims_name() -> None:
    for scale in ("digits", "paper"):
        levels = composed(f"symmetry/{scale}")["experiment"]["values"]
        for name, key in ((scale, "perceptron"), (f"{scale}_convolutional", "convolutional")):
            assert (
                planned_values([f"experiment=symmetry/{name}"])["experiment.width"] == levels[f"{key}_widths"]
            )


@pytest.mark.slow
@pytest.mark.parametrize(("name", "width"), [("paper", 16), ("paper_convolutional", 16)])
def test_one_step_moves_every_tensor_and_begins_where_it_should(
    one_step: Callable[..., Run], name: str, width: int
) -> None:
    run = one_step(f"symmetry/{name}", f"experiment.width={width}", "study.snapshot_epochs=[0]")
    start, after = run.snapshot(0), run.state()
    expected = build_network(composed(f"symmetry/{name}", f"experiment.width={width}")).state_dict()
    for tensor in (each for each in start if each.endswith("weight")):
        assert torch.equal(start[tensor], expected[tensor])
        assert not torch.equal(after[tensor], start[tensor])
