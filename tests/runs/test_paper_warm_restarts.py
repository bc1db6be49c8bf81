"""`warm_restarts` at scale paper against Loshchilov & Hutter 2017, and one step of each schedule on a tiny CIFAR-10."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from paper import chosen, composed

from lossatlas.cli.reproduction import definition
from lossatlas.experiments.sweeps import compose_sweeps
from lossatlas.runs.build import make
from lossatlas.runs.store.store import Run

PERIODS = {  # table 1: T_0 and T_mult
    "whole": (200, 1),
    "half": (100, 1),
    "quarter": (50, 1),
    "doubling_early": (1, 2),
    "doubling": (10, 2),
}
PRINTED = {"SGDR restarts": (4.13, 4.03), "SGDR ensemble": (4.03, 3.51)}


@pytest.fixture(scope="module")
def configs() -> dict[str, dict[str, Any]]:
    """Configuration of each schedule at one seed."""
    sweeps = compose_sweeps(["experiment=warm_restarts", "scale=paper", "seed=0"])
    return {job.config["experiment"]["schedule"]: job.config for sweep in sweeps for job in sweep.jobs}


def test_each_schedule_has_five_seeds(configs: dict[str, dict[str, Any]]) -> None:
    sweeps = compose_sweeps(["experiment=warm_restarts", "scale=paper"])
    jobs = [job.config for sweep in sweeps for job in sweep.jobs]
    found = sorted((config["experiment"]["schedule"], config["seed"]) for config in jobs)
    assert found == sorted((schedule, seed) for schedule in configs for seed in range(5))
    assert set(configs) == {*PERIODS, "default", "late"}


def test_all_train_the_papers_network_with_its_settings(configs: dict[str, dict[str, Any]]) -> None:
    for config in configs.values():
        assert config["epochs"] == 200
        assert config["data"]["_target_"] == "lossatlas.data.cifar10"
        assert config["data"]["batch_size"] == 128
        assert set(config["data"]["augment"]) == {"crop", "flip"}
        assert chosen(config["model"], {"depth": 28, "widen": 10}) == {"depth": 28, "widen": 10}
        expected = {"lr": 0.05, "momentum": 0.9, "nesterov": False, "weight_decay": 5e-4}
        assert chosen(config["optimizer"], expected) == expected


def test_the_rates_are_the_papers(configs: dict[str, dict[str, Any]]) -> None:
    for schedule, (period, growth) in PERIODS.items():
        expected = {"period": period, "growth": growth, "floor": 0}
        assert chosen(configs[schedule]["scheduler"], expected) == expected
    steps = make(configs["default"]["scheduler"])
    factors = [steps(epoch) for epoch in (0, 59, 60, 120, 160, 199)]
    assert factors == pytest.approx([1, 1, 0.2, 0.04, 0.008, 0.008])
    assert configs["late"]["scheduler"] == configs["doubling"]["scheduler"]


def test_the_last_three_restarts_are_after_epochs_30_70_and_150_and_late_networks_just_before(
    configs: dict[str, dict[str, Any]],
) -> None:
    schedule = make(configs["doubling"]["scheduler"])
    assert schedule.minima(200 * 391, 391)[-3:] == tuple(epoch * 391 for epoch in (30, 70, 150))
    assert configs["late"]["study"]["after"] == [148, 149, 150]


def test_the_claims_carry_the_papers_numbers() -> None:
    claims = definition("warm_restarts", composed("warm_restarts/paper")["experiment"])["claims"]
    printed = {c["id"]: (c["paper"]["first"], c["paper"]["second"]) for c in claims if c["paper"]}
    assert printed == PRINTED


def test_scale_digits_has_a_fifth_of_all_epochs() -> None:
    digits, paper = (composed(f"warm_restarts/{scale}") for scale in ("digits", "paper"))
    assert paper["epochs"] == 5 * digits["epochs"]
    ours, theirs = digits["experiment"]["values"], paper["experiment"]["values"]
    assert ours["periods"].keys() == {"whole", "quarter", "doubling"}
    assert all(5 * period == theirs["periods"][name] for name, period in ours["periods"].items())
    assert [5 * epoch for epoch in ours["drops"]] == theirs["drops"]
    assert 5 * ours["late"][-1] == theirs["late"][-1]
    for levels, end in ((ours, 40), (theirs, 200)):
        assert levels["drawn"] == [*levels["traced"], end]


@pytest.mark.slow
@pytest.mark.parametrize("schedule", ["doubling_early", "default", "late"])
def test_each_schedule_takes_a_step(one_step: Callable[..., Run], schedule: str) -> None:
    file = {"default": "paper_default", "late": "paper_late"}.get(schedule, "paper")
    ends = {"late": ["study.after=[1]"]}.get(schedule, [])
    run = one_step(f"warm_restarts/{file}", f"experiment.schedule={schedule}", "landscape=none", *ends)
    assert run.history().lr.dropna().tolist() == [0.05]
    manifest = run.manifest()
    assert manifest is not None
    assert [member.step for member in manifest.members] == [1]
    start, after = run.snapshot(0), run.member(0)
    moved = [(after[name] - start[name]).norm() for name in start if name.endswith("convolutions.0.weight")]
    assert torch.stack(moved).isfinite().all()
    assert (torch.stack(moved) > 0).all()
