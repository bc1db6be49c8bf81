"""Landscapes of a run that has trained a curve, and augmented images in them, from a configuration on."""

import numpy as np
import pytest
import xarray as xr
from small_runs import SMALL, Config, named_runs

from lossatlas.landscape import Problem, path
from lossatlas.runs.build import build_data, build_network, make
from lossatlas.runs.composition.compose import compose_job
from lossatlas.runs.composition.job import Job
from lossatlas.runs.composition.sweep import other_job
from lossatlas.runs.ensure import ensure
from lossatlas.runs.surveyor import Surveyor

ENDS = ("study=curve", "study.ends=[{run: ['seed=1']}, {run: ['seed=2']}]")
LANDSCAPES = (
    "landscape=[path,curve_plane,curve_distances]",
    "landscape.path.through={curve: []}",
    "landscape.path.points=3",
    "landscape.path.augmented={augment: 5}",
    "landscape.curve_plane.points=2",
    "landscape.curve_distances.curves=[{curve: []}, {curve: ['seed=7']}]",
)


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> Job:
    flip = "+data.augment.flip={_target_: lossatlas.data.RandomHorizontalFlip}"
    return compose_job([*SMALL, *ENDS, *LANDSCAPES, flip, f"paths.runs={tmp_path_factory.mktemp('store')}"])


@pytest.fixture(scope="module")
def config(job: Job) -> Config:
    return job.config


@pytest.fixture(scope="module")
def surveyed(job: Job) -> dict[str, xr.Dataset]:
    run = ensure(job.config)
    return Surveyor(run, job.config, lambda value: ensure(other_job(job, value).config)).survey_all()


def test_the_path_of_a_curve_is_from_end_to_end(config: Config, surveyed: dict[str, xr.Dataset]) -> None:
    """With statistics of their own the ends have the losses that their runs ended with."""
    losses = [
        manifest.metrics["test_loss"]
        for named in named_runs(config)
        if (manifest := ensure(named).manifest()) is not None
    ]
    found = surveyed["path"].loss.sel(split="test", t=[0.0, 1.0])
    np.testing.assert_allclose(found, losses, rtol=1e-5)
    manifest = ensure(config).manifest()
    assert manifest is not None
    assert float(surveyed["path"].length_ratio) == pytest.approx(manifest.metrics["length_ratio"], rel=1e-6)


def test_the_plane_of_a_curve_goes_through_its_ends_and_its_bend(surveyed: dict[str, xr.Dataset]) -> None:
    seen = surveyed["curve_plane"]
    assert float(seen.point_x[1]) == pytest.approx(float(surveyed["path"].end_distance), rel=1e-5)
    assert float(seen.curve_distance.max()) < 1e-4


def test_curves_of_other_seeds_between_the_same_ends_are_compared(surveyed: dict[str, xr.Dataset]) -> None:
    apart = surveyed["curve_distances"]
    assert float(apart.distance[0, 1, 0]) == 0.0
    assert float(apart.bend_distance[0, 1]) > 0.0
    assert apart.end_distance.values[0] == pytest.approx(float(surveyed["path"].end_distance), rel=1e-6)


def test_the_augmented_split_is_the_training_split_with_changes_of_that_seed(
    config: Config, surveyed: dict[str, xr.Dataset]
) -> None:
    network = build_network(config)
    network.load_state_dict(ensure(named_runs(config)[0]).state())
    problem = Problem(network, make(config["study"]["loss"]), {"train": build_data(config).augmented(5)})
    expected = path(problem, through=[network.state_dict()], points=2).loss.sel(t=0.0, split="train")
    found = surveyed["path"].loss.sel(t=0.0, split="augmented")
    assert float(found) == pytest.approx(float(expected), rel=1e-5)
    assert float(found) != float(surveyed["path"].loss.sel(t=0.0, split="train"))
