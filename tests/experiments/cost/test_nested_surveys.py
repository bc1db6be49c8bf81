"""What surveys within surveys, and those that go through snapshots, take."""

import pytest

from lossatlas.experiments.cost.survey_cost import SurveyWork, split_sizes, survey_work
from lossatlas.runs.build import build_network
from lossatlas.runs.composition.compose import compose_job

CIFAR = ("data=cifar10", "paths.data=not/there", "model=resnet20_narrow", "model.depth=8", "model.width=2")


def work_of(*overrides: str) -> SurveyWork:
    job = compose_job([*CIFAR, *overrides])
    (name,) = job.config["landscape"]
    return survey_work(job, name, build_network(job.config), split_sizes(job.config))


@pytest.mark.parametrize("survey", ["eigenvalues", "line"])
def test_twins_take_as_many_surveys_as_there_are_factors(survey: str) -> None:
    once = work_of(f"landscape={survey}")
    twins = work_of(
        "landscape=twins", f"landscape@landscape.twins.survey={survey}", "landscape.twins.factors=[1,2,3]"
    )
    assert twins.points == 3 * once.points
    assert (twins.images, twins.products) == (once.images, once.products)
    assert twins.flops_per_image == pytest.approx(once.flops_per_image)


def test_every_snapshot_of_a_trajectory_is_a_point() -> None:
    kept = ",".join(map(str, range(30)))
    work = work_of("landscape=trajectory", "epochs=30", f"study.snapshot_epochs=[{kept}]")
    assert work.points == 51 * 51 + 30 + 1  # the surface, the snapshots, the last network


@pytest.mark.parametrize(("survey", "each"), [("eigenvalues", 1), ("spectrum", 10)])
def test_every_snapshot_along_training_is_surveyed(survey: str, each: int) -> None:
    kept = ",".join(map(str, range(12)))
    nested = f"landscape@landscape.along_training.survey={survey}"
    work = work_of("landscape=along_training", nested, "epochs=30", f"study.snapshot_epochs=[{kept}]")
    assert work.points == (12 + 1) * each
    assert work.products == work_of(f"landscape={survey}").products
