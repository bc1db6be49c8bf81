"""What an experiment is estimated to cost, and what is published of it."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from lossatlas.experiments.catalogue import experiments
from lossatlas.experiments.cost.estimate import THROUGHPUT, Estimate, Throughput, estimate
from lossatlas.experiments.sweeps import compose_sweeps
from lossatlas.runs.composition.search_path import config_folder
from lossatlas.runs.composition.sweep import other_job_among


def estimated(*overrides: str, throughput: Throughput = THROUGHPUT, multirun: bool = False) -> Estimate:
    jobs = [job for sweep in compose_sweeps(overrides, multirun=multirun) for job in sweep.jobs]
    return estimate(jobs, other_job_among(jobs), throughput)


def published(name: str) -> dict[str, Any]:
    path = config_folder() / "experiment" / name / "results" / "paper" / "cost.json"
    return json.loads(path.read_bytes())


def test_runs_and_surveys_count_once_and_networks_by_their_architecture() -> None:
    sweep = (
        "data.batch_size=16,164",
        "model=mlp",
        "model.hidden=[20]",
        "epochs=3",
        "landscape=[line,interpolation]",
    )
    points = (
        "landscape.line.splits=[train]",
        "landscape.line.points=31",
        "landscape.interpolation.points=101",
    )
    other = 'landscape.interpolation.other={run: ["data.batch_size=164"]}'
    found = estimated(*sweep, *points, other, multirun=True)
    (network,) = found.networks
    forward = 2 * (64 * 20 + 20 * 10)
    assert network.gflop_per_image == pytest.approx(forward / 1e9)
    assert network.parameters == 64 * 20 + 20 + 20 * 10 + 10
    training = 3 * forward * 1000 * 3 * 2  # passes, images, epochs, runs
    line = forward * 310 * 1000 * 2
    interpolation = forward * 101 * 1600 * 1  # train and test; not between the large-batch network and itself
    assert network.training.tflop == pytest.approx(training / 1e12)
    assert {survey.name: survey.tflop for survey in network.surveys} == pytest.approx(
        {"line": line / 1e12, "interpolation": interpolation / 1e12}
    )
    assert found.tflop == pytest.approx((training + line + interpolation) / 1e12)


def test_hours_are_operations_by_throughput() -> None:
    found = estimated("model=mlp", "epochs=1", throughput=Throughput(tflops=1e-6, source="a slide rule"))
    assert found.hours == pytest.approx(found.tflop * 1e12 / 1e6 / 3600)
    with pytest.raises(ValueError, match=r"throughput: expected TFLOP/s above 0, got -1"):
        Throughput(tflops=-1, source="")


def test_networks_are_told_apart_by_the_settings_in_which_they_differ() -> None:
    jobs = [
        job
        for model in (["model=mlp"], ["model=resnet8_narrow"], ["model=resnet8_narrow", "model.skip=false"])
        for sweep in compose_sweeps([*model, "epochs=1"])
        for job in sweep.jobs
    ]
    found = estimate(jobs, other_job_among(jobs))
    assert [network.network for network in found.networks] == [
        "MLP",
        "ResNet skip=true",
        "ResNet skip=false",
    ]


def test_the_runs_that_a_study_names_count_each_once() -> None:
    ends = "study.ends=[{run: ['seed=1', 'epochs=5']}, {run: ['seed=2', 'epochs=5']}]"
    found = estimated(
        *("model=mlp", "model.hidden=[20]", "epochs=3", "study=curve", ends, "seed=0,3", "landscape=path"),
        *("landscape.path.through={curve: []}", "landscape.path.points=11"),
        multirun=True,
    )
    forward = 2 * (64 * 20 + 20 * 10)
    assert {network.network: network.training.runs for network in found.networks} == {
        "MLP, Classifier, 5 epochs": 2,
        "MLP, Curve, 3 epochs": 2,
    }
    assert sum(network.training.tflop for network in found.networks) == pytest.approx(
        3 * forward * 1000 * (2 * 5 + 2 * 3) / 1e12
    )
    (path,) = found.networks[1].surveys
    assert (path.surveys, path.points) == (2, 11)


def test_the_runs_that_a_landscape_names_count_each_once() -> None:
    found = estimated(
        *("model=mlp", "model.hidden=[20]", "epochs=3", "seed=0,1", "landscape=interpolation"),
        *("landscape.interpolation.other={run: ['seed=7']}", "landscape.interpolation.points=3"),
        multirun=True,
    )
    assert [network.training.runs for network in found.networks] == [3]


QUICK = "convexity"  # of three networks; the others take their time to compose


@pytest.mark.parametrize(
    "name", [QUICK, *(pytest.param(name, marks=pytest.mark.slow) for name in experiments() if name != QUICK)]
)
def test_the_published_cost_of_the_trainings_is_that_of_the_configuration(name: str) -> None:
    """Held to the sweep of one seed of five without its landscapes, to stay quick."""
    content = published(name)
    found = estimated(f"experiment={name}", "scale=paper", "seed=0", "landscape=none", "paths.data=not/there")
    expected = {network["network"]: network for network in content["networks"]}
    assert {network.network for network in found.networks} == set(expected)
    for network in found.networks:
        assert network.gflop_per_image == expected[network.network]["gflop_per_image"]
        runs = expected[network.network]["training"]["runs"] / network.training.runs
        assert expected[network.network]["training"]["tflop"] == pytest.approx(runs * network.training.tflop)


@pytest.mark.parametrize("name", experiments())
def test_the_published_cost_is_the_sum_of_its_parts(name: str) -> None:
    content = published(name)
    parts = [
        part["tflop"]
        for network in content["networks"]
        for part in (network["training"], *network["surveys"])
    ]
    assert content["tflop"] == pytest.approx(sum(parts))
    assert content["gpu_hours"] == pytest.approx(sum(parts) / content["throughput"]["tflops"] / 3600)
    assert content["throughput"] == asdict(THROUGHPUT)


@pytest.mark.slow
@pytest.mark.parametrize("name", experiments())
def test_the_published_cost_is_that_of_the_configuration(name: str, tmp_path: Path) -> None:
    found = estimated(f"experiment={name}", "scale=paper", f"paths.runs={tmp_path}")
    assert found.tflop == pytest.approx(published(name)["tflop"], rel=0.02)  # ascent may take a step more


def test_a_network_whose_initialisation_needs_images_is_estimated_without_them(tmp_path: Path) -> None:
    """CIFAR-10 is not there."""
    absent = ["data=cifar10", f"data.root={tmp_path}", "model=resnet20"]
    one, other = (estimated(*absent, f"init={init}") for init in ("lsuv", "kaiming"))
    assert one.tflop == other.tflop > 0
