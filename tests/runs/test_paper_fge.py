"""`fge` at scale paper against Garipov et al. 2018, and first steps of its runs on a tiny CIFAR-100."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from paper import chosen, composed

from lossatlas.cli.reproduction import definition
from lossatlas.experiments.sweeps import compose_sweeps
from lossatlas.runs.build import make
from lossatlas.runs.composition.job import Job
from lossatlas.runs.ensure import ensure

METHODS = {"independent": "paper", "snapshot": "paper_snapshot", "fge": "paper_fge"}
PRINTED = {  # table 1 for B, the accuracies that the authors' code prints for 2B and 3B; section 5 for the distances
    "G-F3 distance": (40, 7),
    "G-T1 B, FGE and snapshots": (20.9, 20.2),
    "G-T1 B, snapshots and one": (21.5, 20.9),
    "G-T1 B, FGE and one": (21.5, 20.2),
    "G-T1 2B, FGE and two": (100 - 80.5, 100 - 81.3),
    "G-T1 3B, FGE and three": (100 - 81.6, 100 - 81.7),
}


@pytest.fixture(scope="module")
def configs() -> dict[str, dict[str, Any]]:
    """Configuration of each method at one seed."""
    jobs = [
        job for sweep in compose_sweeps(["experiment=fge", "scale=paper", "seed=3"]) for job in sweep.jobs
    ]
    return {job.config["experiment"]["method"]: job.config for job in jobs}


def test_each_method_has_a_sweep_of_five_seeds() -> None:
    sweeps = compose_sweeps(["experiment=fge", "scale=paper"])
    found = [[(j.config["experiment"]["method"], j.config["seed"]) for j in sweep.jobs] for sweep in sweeps]
    assert found == [[(method, seed) for seed in range(5)] for method in METHODS]


def test_all_train_the_papers_network_with_its_settings(configs: dict[str, dict[str, Any]]) -> None:
    for config in configs.values():
        assert config["data"]["_target_"] == "lossatlas.data.cifar100"
        assert config["data"]["batch_size"] == 128
        assert set(config["data"]["augment"]) == {"crop", "flip"}
        assert chosen(config["model"], {"depth": 164, "bottleneck": True}) == {
            "depth": 164,
            "bottleneck": True,
        }
        expected = {"momentum": 0.9, "nesterov": False, "weight_decay": 3e-4}
        assert chosen(config["optimizer"], expected) == expected


def test_a_network_takes_150_epochs_at_the_rate_of_the_paper(configs: dict[str, dict[str, Any]]) -> None:
    """Constant for half of them, in a straight line to a hundredth at nine tenths."""
    config = configs["independent"]
    assert (config["epochs"], config["optimizer"]["lr"]) == (150, 0.1)
    schedule = make(config["scheduler"])
    assert [schedule(epoch) for epoch in (0, 75, 105, 135, 149)] == pytest.approx([1, 1, 0.505, 0.01, 0.01])


def test_fge_spends_the_last_fifth_of_a_budget_in_cycles_of_two_epochs(
    configs: dict[str, dict[str, Any]],
) -> None:
    """Its start is the first 120 epochs of the very network that is trained for 150, of the same seed."""
    config = configs["fge"]
    start = config["study"]["start"]["run"]
    assert start["epochs"] + config["epochs"] == configs["independent"]["epochs"]
    assert start["epochs"] == 0.8 * 150
    for key in ("data", "model", "init", "optimizer", "scheduler", "regularizer", "seed", "study"):
        assert start[key] == configs["independent"][key]
    rates = [config["optimizer"]["lr"] * factor for factor in (1, config["scheduler"]["floor"])]
    assert rates == pytest.approx([0.05, 0.01])
    minima = make(config["scheduler"]).minima(30 * 391, 391)
    assert minima == tuple(epoch * 391 for epoch in range(1, 30, 2))


def test_snapshots_come_of_as_many_epochs(configs: dict[str, dict[str, Any]]) -> None:
    config = configs["snapshot"]
    assert (config["epochs"], config["optimizer"]["lr"]) == (150, 0.1)
    assert make(config["scheduler"]).minima(150 * 391, 391) == tuple(
        epoch * 391 for epoch in (30, 60, 90, 120, 150)
    )


def test_budgets_of_two_and_three_are_runs_of_other_seeds(configs: dict[str, dict[str, Any]]) -> None:
    others = [["seed=13"], ["seed=23"]]
    ensembles = {method: config["landscape"]["ensemble"] for method, config in configs.items()}
    assert ensembles["independent"]["own"] is True
    assert ensembles["independent"]["members"] == [{"run": seed} for seed in others]
    for method in ("snapshot", "fge"):
        assert ensembles[method]["own"] is False
        assert ensembles[method]["members"] == [
            {"members": "all"},
            *({"members_of": seed} for seed in others),
        ]


def test_the_claims_carry_the_papers_numbers() -> None:
    claims = definition("fge", composed("fge/paper")["experiment"])["claims"]
    printed = {c["id"]: (c["paper"]["first"], c["paper"]["second"]) for c in claims if c["paper"]}
    assert printed.keys() == PRINTED.keys()
    for name, numbers in printed.items():
        assert numbers == pytest.approx(PRINTED[name], abs=1e-9)
    assert {"G-T1 B", "G-T1 2B", "G-T1 3B", "G-F3 distance"} == {c["id"].partition(",")[0] for c in claims}


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
def test_each_method_takes_first_steps(
    tmp_path: Path, write_cifar100: Callable[..., Path], method: str
) -> None:
    """Two steps, of which FGE makes one cycle after a start of two."""
    data = write_cifar100(tmp_path / "data")
    tiny = [f"paths.data={data}", f"paths.runs={tmp_path / 'runs'}", "data.batch_size=50", "epochs=1"]
    levels = ["experiment.levels.start=1"] if method == "fge" else []
    cycles = {"snapshot": ["scheduler.cycles=1"], "fge": ["scheduler.cycle=1"]}.get(method, [])
    plainly = ["logger=none", "trainer=cpu", "study.snapshot_epochs=[0]", "landscape=none"]
    config = composed(f"fge/{METHODS[method]}", *tiny, *levels, *cycles, *plainly)
    run = ensure(config)
    manifest = run.manifest()
    assert manifest is not None
    assert manifest.steps == 2
    assert [member.step for member in manifest.members] == {"snapshot": [2], "fge": [1]}.get(method, [])
    start, after = run.snapshot(0), run.state()
    moved = torch.stack(
        [(after[name] - start[name]).norm() for name in start if name.endswith("convolutions.0.weight")]
    )
    assert moved.isfinite().all()
    assert (moved > 0).all()
    assert len(Job((), config).upstream) == (method == "fge")
