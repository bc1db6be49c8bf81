"""`snapshot` at scale paper against what Huang et al. 2017 print (section 4, tables 1 and 3), and one step each."""

from collections.abc import Callable
from functools import cache

import pytest
import torch
from omegaconf import OmegaConf
from paper import Config, chosen, composed
from torch import nn

from lossatlas.cli.reproduction import definition
from lossatlas.experiments.sweeps import compose_sweeps, planned_values
from lossatlas.optim import CyclicCosine
from lossatlas.runs.build import make
from lossatlas.runs.composition.compose import compose_jobs
from lossatlas.runs.store.store import Run

TABLE_1 = {
    "single": 5.24,
    "NoCycle": 5.20,
    "SingleCycle": 5.55,
    "0.1": 4.99,
    "0.2": 4.84,
}  # DenseNet-40, CIFAR-10
TABLE_3 = {2: 22.92, 4: 22.07, 6: 21.93, 8: 21.89, 10: 22.16}  # by cycles: DenseNet-40, CIFAR-100, rate 0.2
SWEEPS = {
    "paper": ["nocycle"],
    "paper_cyclic": ["snapshot_01", "snapshot_02"],
    "paper_cycles": ["snapshot_02"],
    "paper_singlecycle": ["singlecycle"],
    "paper_independent": ["independent"],
}


@cache
def configured(choice: str) -> Config:
    """Configuration of a sweep's file, composed once for all tests, which must not change it."""
    return composed(f"snapshot/{choice}")


def trained(config: Config) -> dict[str, object]:
    """Rate, momentum and the like that the optimizer is made with."""
    optimizer = make(config["optimizer"])([nn.Parameter(torch.zeros(1))])
    assert type(optimizer) is torch.optim.SGD
    return chosen(optimizer.defaults, dict.fromkeys(["lr", "momentum", "nesterov", "weight_decay"]))


def test_every_method_is_swept_over_five_seeds() -> None:
    for sweep, methods in SWEEPS.items():
        planned = planned_values([f"experiment=snapshot/{sweep}"])
        assert planned["experiment.method"] == methods
        assert planned["seed"] == [0, 1, 2, 3, 4]
    assert planned_values(["experiment=snapshot/paper_cycles"])["experiment.cycles"] == [2, 4, 8, 10]
    assert planned_values(["experiment=snapshot/paper_cyclic"])["experiment.cycles"] == [6]


@pytest.mark.parametrize("sweep", SWEEPS)
def test_training_is_the_papers(sweep: str) -> None:
    """SGD with Nesterov momentum 0.9, weight decay 1e-4, batches of 64, DenseNet-40 with growth 12."""
    config = configured(sweep)
    lr = 0.2 if sweep == "paper_cycles" else 0.1
    assert trained(config) == {"lr": lr, "momentum": 0.9, "nesterov": True, "weight_decay": 1e-4}
    assert (config["data"]["_target_"], config["data"]["batch_size"]) == ("lossatlas.data.cifar10", 64)
    assert list(config["data"]["augment"]) == ["crop", "flip"]
    model = {
        "_target_": "lossatlas.models.DenseNet",
        "blocks": [12, 12, 12],
        "growth": 12,
        "bottleneck": False,
    }
    assert chosen(config["model"], model) == model
    assert config["epochs"] == (50 if sweep == "paper_singlecycle" else 300)
    assert config["regularizer"] == {}


@pytest.mark.parametrize("sweep", ["paper", "paper_independent"])
def test_the_baselines_rate_is_divided_by_ten_at_a_half_and_three_quarters(sweep: str) -> None:
    schedule = make(configured(sweep)["scheduler"])
    factors = [schedule(epoch) for epoch in range(300)]
    assert factors == pytest.approx([1.0] * 150 + [0.1] * 75 + [0.01] * 75)


def test_cycles_are_cosines_at_the_rate_of_their_method() -> None:
    jobs = compose_jobs(["experiment=snapshot/paper_cyclic", "seed=0"])
    rates = {job.config["experiment"]["method"]: job.config["optimizer"]["lr"] for job in jobs}
    assert rates == {"snapshot_01": 0.1, "snapshot_02": 0.2}
    for job in jobs:
        schedule = make(job.config["scheduler"])
        assert isinstance(schedule, CyclicCosine)
        assert (schedule.epochs, schedule.cycles) == (300, 6)
        assert job.config["study"]["_target_"] == "lossatlas.studies.SnapshotEnsemble"
    by_cycles = compose_jobs(["experiment=snapshot/paper_cycles", "seed=0"])
    assert [job.config["scheduler"]["cycles"] for job in by_cycles] == [2, 4, 8, 10]


def test_all_ensembles_have_six_members_and_those_of_one_run_one_budget() -> None:
    nocycle, single = configured("paper"), configured("paper_singlecycle")
    assert chosen(nocycle["study"], {"members": 6, "after": None}) == {"members": 6, "after": None}
    assert make(single["scheduler"]).cycles == 1
    for config in (single, configured("paper_independent")):
        node = config["landscape"]["ensemble"]
        assert node["own"] is True
        assert node["members"] == [{"run": [f"seed={k}0"]} for k in range(1, 6)]  # for seed 0
        assert config["study"]["_target_"] == "lossatlas.studies.Classifier"
    assert 6 * single["epochs"] == nocycle["epochs"]


def test_probabilities_are_averaged_and_no_member_is_chosen_on_test_images() -> None:
    for sweep in SWEEPS:
        node = configured(sweep)["landscape"]["ensemble"]
        expected = {"combine": "probabilities", "weights": None, "choose_on": None, "splits": ["test"]}
        assert chosen(node, expected) == expected


def test_the_claims_carry_the_printed_errors() -> None:
    experiment = definition("snapshot", OmegaConf.create(configured("paper")["experiment"]))
    claims = {claim["id"]: claim for claim in experiment["claims"]}
    arms = {
        "single": ("nocycle", 1),
        "NoCycle": ("nocycle", 6),
        "SingleCycle": ("singlecycle", 6),
        "0.1": ("snapshot_01", 6),
        "0.2": ("snapshot_02", 6),
    }
    for base in ("single", "NoCycle", "SingleCycle"):
        for rate in ("0.1", "0.2"):
            claim = claims[f"H-T1 {base} {rate}"]
            assert (claim["paper"]["first"], claim["paper"]["second"]) == (TABLE_1[base], TABLE_1[rate])
            for side, arm in (("greater", base), ("lesser", rate)):
                assert claim[side] == dict(zip(("method", "size"), arms[arm], strict=True))
    paper = claims["H-T1 rate"]["paper"]
    assert (paper["first"], paper["second"]) == (TABLE_1["0.1"], TABLE_1["0.2"])
    several = sum(TABLE_3[cycles] for cycles in (4, 6, 8)) / 3
    for claim_id, cycles in (("H-T3 fewest", 2), ("H-T3 most", 10)):
        paper = claims[claim_id]["paper"]
        assert (paper["first"], paper["second"]) == pytest.approx((TABLE_3[cycles], several), abs=0.005)
        measured = claims[claim_id]["measure"]["of"]
        assert measured[0]["of"]["at"]["cycles"] == [4, 6, 8]
        assert measured[claims[claim_id]["greater"]["budget"]]["at"]["cycles"] == cycles


def test_the_cycles_of_the_claims_end_where_the_schedule_has_them() -> None:
    for scale in ("digits", "paper"):
        config = configured(f"{scale}_cyclic")
        levels, schedule = config["experiment"]["values"], make(config["scheduler"])
        ends = [
            10 * end for end in (*levels["ends"], levels["epochs"])
        ]  # in steps, of which an epoch has ten
        assert schedule.minima(10 * levels["epochs"], 10) == tuple(ends)
        assert levels["cycle"] * levels["members"] == levels["epochs"] == config["epochs"]


def test_at_scale_digits_everything_but_the_network_the_batches_and_the_length_is_the_same() -> None:
    for sweep in SWEEPS:
        paper, digits = (configured(sweep.replace("paper", scale)) for scale in ("paper", "digits"))
        assert trained(paper) == trained(digits)
        assert paper["study"]["_target_"] == digits["study"]["_target_"]
        assert paper["scheduler"]["_target_"] == digits["scheduler"]["_target_"]
        assert paper["landscape"]["ensemble"]["members"] == digits["landscape"]["ensemble"]["members"]
    milestones = [configured(scale)["scheduler"]["milestones"] for scale in ("digits", "paper")]
    assert milestones == [[12, 18], [150, 225]]
    assert sum(len(sweep.jobs) for sweep in compose_sweeps(["experiment=snapshot", "seed=0"])) == 9


@pytest.mark.slow
@pytest.mark.parametrize("sweep", SWEEPS)
def test_one_step_moves_every_tensor(one_step: Callable[..., Run], sweep: str) -> None:
    cycles = ["scheduler.cycles=1"] if sweep in ("paper_cyclic", "paper_cycles") else []
    members = ["study.members=1"] if sweep == "paper" else []
    run = one_step(f"snapshot/{sweep}", *cycles, *members, "landscape=none")
    start, after = run.snapshot(0), run.state()
    assert all(not torch.equal(after[name], start[name]) for name in start if name.endswith("weight"))
    kept = run.members()
    assert len(kept) == (0 if sweep in ("paper_singlecycle", "paper_independent") else 1)
    for state in kept.values():
        assert all(torch.equal(state[name], after[name]) for name in after)
