"""`trajectory` at scale paper against what Li et al. 2018 print (section 7, figure 9), and one step of each network."""

from collections.abc import Callable

import pytest
import torch
from omegaconf import OmegaConf
from paper import assert_trained_as_li2018, chosen, composed
from torch import nn

from lossatlas.cli.reproduction import definition
from lossatlas.experiments.sweeps import planned_values
from lossatlas.runs.build import build_network, make
from lossatlas.runs.composition.compose import compose_jobs
from lossatlas.runs.store.store import Run

PRINTED = {  # (optimizer, weight decay, batch) -> shares of the first and the second component, percent
    ("sgd", 5e-4, 128): (24.57, 15.04),
    ("sgd", 5e-4, 8192): (87.78, 6.33),
    ("adam", 5e-4, 128): (32.80, 17.47),
    ("adam", 5e-4, 8192): (71.74, 13.03),
    ("sgd", 0.0, 128): (73.65, 11.04),
    ("sgd", 0.0, 8192): (81.87, 8.72),
    ("adam", 0.0, 128): (77.97, 9.56),
    ("adam", 0.0, 8192): (80.31, 9.25),
}


def test_the_sweep_is_vgg9_by_optimizer_weight_decay_and_batch_size_over_five_seeds() -> None:
    jobs = compose_jobs(["experiment=trajectory", "scale=paper", "seed=3"])
    kinds = {"torch.optim.SGD": "sgd", "torch.optim.Adam": "adam"}
    cells = [
        (
            kinds[job.config["optimizer"]["_target_"]],
            job.config["optimizer"]["weight_decay"],
            job.config["data"]["batch_size"],
        )
        for job in jobs
    ]
    assert sorted(cells) == sorted(PRINTED)
    assert planned_values(["experiment=trajectory/paper"])["seed"] == [0, 1, 2, 3, 4]
    same = composed("sharpness/paper")["model"]
    assert all(job.config["model"] == same for job in jobs)


def test_training_is_the_papers_and_every_epoch_of_it_is_kept() -> None:
    config = composed(
        "trajectory/paper", "optimizer=sgd", "optimizer.weight_decay=0.0005", "data.batch_size=128"
    )
    assert_trained_as_li2018(config)
    assert config["study"]["snapshot_epochs"] == list(range(300))  # the last network is the 301st
    assert config["experiment"]["drops"] == [150, 225, 275]
    adam = composed("trajectory/paper", "optimizer=adam")
    assert make(adam["optimizer"])([nn.Parameter(torch.zeros(1))]).defaults["lr"] == 1e-3


def test_the_plane_is_that_of_the_principal_components_of_the_way_to_the_last_network() -> None:
    node = composed("trajectory/paper")["landscape"]["trajectory"]
    expected = {"snapshots": {"snapshots": "all"}, "points": 51, "ignore": "none", "normalize": "none"}
    assert chosen(node, expected) == expected
    assert node["splits"] == ["train", "test"]


def test_the_claims_carry_the_printed_percentages() -> None:
    """Each of the eight networks by itself, and the lowest against the other three of its optimizer."""
    experiment = definition("trajectory", OmegaConf.create(composed("trajectory/paper")["experiment"]))
    sums = {cell: sum(shares) for cell, shares in PRINTED.items()}
    alone, pairs = {}, {}
    for claim in experiment["claims"]:
        at = claim.get("at", {})
        if "least" in claim:
            alone[at["optimizer"], at["weight_decay"], at["batch_size"]] = claim["paper"]["first"]
            assert (claim["least"], claim["most"]) == (
                round(min(sums.values()), 1),
                round(max(sums.values()), 1),
            )
        elif "greater" in claim:
            arms = [
                (at["optimizer"], arm["weight_decay"], arm["batch_size"])
                for arm in (claim["greater"], claim["lesser"])
            ]
            pairs[tuple(arms)] = (claim["paper"]["first"], claim["paper"]["second"])
    assert alone == pytest.approx(sums)
    lowest = {optimizer: (optimizer, 5e-4, 128) for optimizer in ("sgd", "adam")}
    assert len(pairs) == 6
    for (greater, lesser), printed in pairs.items():
        assert lesser == lowest[lesser[0]]
        assert printed == pytest.approx((sums[greater], sums[lesser]))
        assert sums[greater] > sums[lesser]


def test_at_scale_digits_the_networks_are_those_of_sharpness() -> None:
    """All but for the snapshots."""
    ours, theirs = (composed(f"{name}/digits", "optimizer=adam") for name in ("trajectory", "sharpness"))
    for key in ("model", "data", "init", "scheduler", "epochs", "optimizer", "regularizer"):
        assert ours[key] == theirs[key]
    assert ours["study"] == {**theirs["study"], "snapshot_epochs": list(range(ours["epochs"]))}


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_one_step_moves_every_tensor_and_begins_where_it_should(
    one_step: Callable[..., Run], optimizer: str
) -> None:
    run = one_step("trajectory/paper", f"optimizer={optimizer}")
    start, after = run.snapshot(0), run.state()
    expected = build_network(composed("trajectory/paper")).state_dict()
    for name, tensor in start.items():
        if name.endswith("weight"):
            assert torch.equal(tensor, expected[name])
            assert not torch.equal(after[name], tensor)
