"""`repeatability` at scale paper against what Li et al. 2018 print, and one step of its networks on a tiny CIFAR-10."""

from collections.abc import Callable
from itertools import product

import pytest
from paper import FN, assert_trained_as_li2018, chosen

from lossatlas.experiments.sweeps import Sweep, compose_sweeps
from lossatlas.runs.store.fingerprint import fingerprint
from lossatlas.runs.store.store import Run


@pytest.fixture(scope="module")
def sweeps() -> list[Sweep]:
    """The sweep on lines and that on planes, of one seed of five."""
    found = compose_sweeps(["experiment=repeatability", "scale=paper", "seed=0"])
    assert [list(sweep.planned["seed"]) for sweep in found] == [[0, 1, 2, 3, 4]] * 2
    return found


def test_lines_are_through_vgg9_of_both_batch_sizes_and_weight_decays(sweeps: list[Sweep]) -> None:
    cells = [
        (
            job.config["model"]["_target_"],
            job.config["model"]["width"],
            job.config["optimizer"]["weight_decay"],
            job.config["data"]["batch_size"],
        )
        for job in sweeps[0].jobs
    ]
    assert sorted(cells) == sorted(product(["lossatlas.models.VGG"], [64], [0.0, 5e-4], [128, 8192]))


def test_there_are_ten_directions_of_fifty_one_points(sweeps: list[Sweep]) -> None:
    expected = {**FN, "points": 51, "directions": 10}
    for job in sweeps[0].jobs:
        assert list(job.config["landscape"]) == ["line"]
        assert chosen(job.config["landscape"]["line"], expected) == expected


def test_planes_are_through_resnet56_from_three_draws_of_directions(sweeps: list[Sweep]) -> None:
    settings = {"depth": 56, "width": 16}
    for job, skip in zip(sweeps[1].jobs, (True, False), strict=True):
        assert chosen(job.config["model"], settings) == settings
        assert job.config["model"]["skip"] is skip
        planes = job.config["landscape"]
        assert [plane["seed"] for plane in planes.values()] == [123, 124, 125]
        for plane in planes.values():
            assert chosen(plane, {**FN, "seed": 0, "points": 51}) == {
                **FN,
                "seed": plane["seed"],
                "points": 51,
            }


def test_networks_are_trained_as_all_of_the_paper(sweeps: list[Sweep]) -> None:
    for sweep in sweeps:
        for job in sweep.jobs:
            decay, size = job.config["optimizer"]["weight_decay"], job.config["data"]["batch_size"]
            assert_trained_as_li2018(job.config, weight_decay=decay, batch_size=size)


@pytest.mark.parametrize("scale", ["digits", "paper"])
def test_the_networks_on_lines_are_those_of_sharpness(scale: str) -> None:
    """So the store trains each once, and has the lines of one for the other."""

    def of(experiment: str, *overrides: str) -> dict[str, object]:
        sweep = compose_sweeps([f"experiment={experiment}", f"scale={scale}", "seed=0", *overrides])[0]
        return {fingerprint(job.config): job.config["landscape"]["line"] for job in sweep.jobs}

    mine = of("repeatability", "data.batch_size=16")
    assert len(mine) == 2  # of two weight decays
    assert of("sharpness", "data.batch_size=16", "optimizer=sgd") == mine


def test_one_step_of_each_network(one_step: Callable[..., Run]) -> None:
    for choice, model in (("paper", "vgg9"), ("paper_planes", "resnet56_noshort")):
        run = one_step(f"repeatability/{choice}", f"model={model}")
        assert run.history().lr.dropna().tolist() == [0.1]
