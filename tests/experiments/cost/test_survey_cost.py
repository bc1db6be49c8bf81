import json
from pathlib import Path
from typing import Any

import pytest
import xarray as xr

from lossatlas.experiments.cost.flops import forward_flops
from lossatlas.experiments.cost.survey_cost import (
    SurveyWork,
    product_flops,
    split_sizes,
    survey_work,
)
from lossatlas.experiments.cost.survey_cost import _problem as problem_of
from lossatlas.landscape import Problem, convexity, eigenvalues
from lossatlas.landscape.survey import products_at_a_point
from lossatlas.runs.build import build_network, make
from lossatlas.runs.composition.compose import compose_job
from lossatlas.runs.composition.job import Job

BENCHMARKS = Path(__file__).parents[3] / "benchmarks"
CIFAR = ("data=cifar10", "paths.data=not/there", "model=resnet20_narrow", "model.depth=8", "model.width=2")
SIZES = {"train": 50_000, "test": 10_000}


def work_of(*overrides: str) -> tuple[SurveyWork, int]:
    """What the one landscape of a configuration takes, and a forward pass of its network."""
    job = compose_job([*CIFAR, *overrides])
    (name,) = job.config["landscape"]
    forward = forward_flops(lambda: make(job.config["model"]), (3, 32, 32))
    return survey_work(job, name, build_network(job.config), split_sizes(job.config)), forward


def test_sizes_are_those_that_are_published_and_no_data_set_is_read() -> None:
    def sizes(*overrides: str) -> dict[str, int]:
        return split_sizes(compose_job(list(overrides)).config)

    assert sizes(*CIFAR) == SIZES
    assert sizes(*CIFAR, "data.validation=5000") == {"train": 45_000, "validation": 5_000, "test": 10_000}
    assert sizes("data=digits") == {"train": 1_000, "validation": 197, "test": 600}


@pytest.mark.parametrize(
    ("overrides", "points", "images"),
    [
        (("landscape=line",), 51 * 10, 60_000),
        (("landscape=surface",), 51 * 51, 60_000),
        (("landscape=surface", "landscape.surface.splits=[train]"), 51 * 51, 50_000),
        (("landscape=surface", "engine.subsample=2000"), 51 * 51, 4_000),
        (("landscape=surface", "engine.batch_size=500"), 51 * 51, 60_000),
        (("landscape=surface", "landscape.surface.splits=null"), 51 * 51, 60_000),
        (
            ("landscape=line", "engine.evaluation=recompute"),
            51 * 10,
            110_000,
        ),  # and a pass over the training set
    ],
)
def test_a_point_takes_one_forward_pass_over_its_splits(
    overrides: tuple[str, ...], points: int, images: int
) -> None:
    work, forward = work_of(*overrides)
    assert (work.points, work.images) == (points, images)
    assert work.flops_per_image == forward
    assert work.tflop == pytest.approx(points * images * forward / 1e12)


def test_a_survey_that_runs_no_network_takes_nothing() -> None:
    assert work_of("landscape=weights")[0].tflop == 0


@pytest.mark.parametrize(
    ("landscape", "points", "images", "passes"),
    [
        ("signal_propagation", 2, 60_000, 1.5),  # a point is a split, of which each image takes three passes
        (
            "jacobian",
            2,
            2 * 128,
            5.5,
        ),  # of so many of each: a pass forward, and one back for each of ten outputs
        (
            "gradient_noise",
            64,
            256 + 50_000 // 64,
            4.2,
        ),  # of the largest minibatch, and of the split once for all
        ("feature_rank", 2, 60_000, 0.5),
        (
            "adversarial",
            3,
            10_000,
            24,
        ),  # eleven derivatives by the images, of 2, and two passes to look at what they did
    ],
)
def test_a_survey_by_gradients_looks_at_the_examples_that_it_draws(
    landscape: str, points: int, images: int, passes: float
) -> None:
    work, forward = work_of(f"landscape={landscape}")
    assert (work.points, work.images, work.products) == (points, images, None)
    assert 0.8 * passes < work.flops_per_image / forward < 1.3 * passes


def test_ascent_takes_derivatives_of_the_loss() -> None:
    """L-BFGS-B evaluates loss and gradient together, three passes, at least once an iteration."""
    work, forward = work_of("landscape=sharpness", "landscape.sharpness.iterations=2")
    assert work.points == 2  # sizes of the box
    assert 2 * 2.5 < work.flops_per_image / forward < 40


@pytest.mark.parametrize(
    ("landscape", "points", "images", "products"),
    [
        ("convexity", 25 * 25, 50_000, 10.71),
        ("eigenvalues", 1, 50_000, 43),
        (
            "hessian_noise",
            32,
            256 + 50_000 // 32,
            8,
        ),  # of the largest minibatch, and of the split once for all
        ("spectrum", 10, 50_000, 90),
        ("trace", 61, 50_000, (2 * 20 + 60) / 61),
        ("twins", 5, 50_000, 43),  # of five factors, each surveyed for its eigenvalues
    ],
)
def test_surveys_by_products_take_as_many_as_are_stated(
    landscape: str, points: int, images: int, products: float
) -> None:
    work, _ = work_of(f"landscape={landscape}")
    assert (work.points, work.images, work.products) == (points, images, products)
    job = compose_job([*CIFAR, f"landscape={landscape}"])
    one = product_flops(problem_of(job.config, build_network(job.config), SIZES), "hessian")
    assert work.tflop == pytest.approx(points * images * products * one / 1e12)


def test_each_snapshot_of_a_trajectory_is_a_point_whichever_of_them_are_rehearsed() -> None:
    snapshots = "study.snapshot_epochs=[0,1,2,3,4,5,6,7,8,9]"
    work, forward = work_of("epochs=10", snapshots, "landscape=trajectory", "landscape.trajectory.points=5")
    assert work.points == 25 + 11
    assert work.flops_per_image == forward


def test_the_stated_numbers_of_products_are_those_of_the_benchmarks() -> None:
    def results(name: str) -> list[dict[str, Any]]:
        return list(json.loads((BENCHMARKS / f"{name}.json").read_bytes())["results"].values())

    warm = max(network["warm"]["products_per_point"] for network in results("convexity"))
    ends = max(network["ways"]["lossatlas"]["products"] for network in results("eigenvalues"))
    assert products_at_a_point(convexity, {}) == warm
    assert products_at_a_point(eigenvalues, {}) == ends


@pytest.mark.parametrize(
    "landscape",
    [
        "adversarial",
        "aligned",
        "compression",
        "feature_rank",
        "gradient_noise",
        "jacobian",
        "level_sets",
        "line",
        "lipschitz",
        "sam_sharpness",
        "sharpness",
        "signal_propagation",
        "step_time",
        "surface",
        "weight_spectrum",
        "weights",
    ],
)
def test_what_states_no_products_takes_none(landscape: str) -> None:
    assert work_of(f"landscape={landscape}")[0].products is None


def test_a_survey_that_does_not_state_its_products_is_not_guessed_at() -> None:
    job = compose_job([*CIFAR, "landscape=eigenvalues"])
    node = job.config["landscape"]["eigenvalues"] | {"_target_": f"{__name__}.silent"}
    silent_job = Job(job.overrides, {**job.config, "landscape": {"eigenvalues": node}})
    with pytest.raises(ValueError, match=r"silent takes products .* state it, @survey\(products=\.\.\.\)"):
        survey_work(silent_job, "eigenvalues", build_network(job.config), SIZES)


def silent(problem: Problem, **settings: Any) -> xr.Dataset:
    """`eigenvalues` by somebody who does not say that it takes products."""
    return eigenvalues(problem, **settings)
