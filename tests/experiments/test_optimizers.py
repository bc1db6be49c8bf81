"""`optimizers` and `second_order`: what their measures count, and what their balls roll over."""

from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from composed import configs_of, jobs_of
from python_of import loaded
from readings import named, read

from lossatlas.measures import with_bounds
from lossatlas.runs.composition.compose import compose_job
from lossatlas.runs.ensure import ensure

EXPERIMENTS = ("optimizers", "second_order")


def test_steps_are_counted_to_where_a_ball_stays_below_and_are_a_bound_where_it_does_not() -> None:
    """Of one that comes back above the level, one that ends above it, and one that is below from the first step."""
    heights = [[np.nan, 3.0, 1.0, 3.0, 1.0], [np.nan, 4.0, 1.0, 4.0, 3.0], [np.nan, 1.0, 1.0, 1.0, 1.0]]
    values = xr.DataArray(heights, {"seed": range(3), "epoch": range(5)})
    steps = with_bounds(lambda: loaded("optimizers", "claims").steps_to(values, 2.0))
    assert steps.values.tolist() == [4, 4, 0]
    assert steps["open"].values.tolist() == [False, True, False]


def test_steps_to_a_loss_are_those_of_the_optimizer_and_unknown_where_it_is_not_met() -> None:
    coords = {"seed": [0, 1], "epoch": [0, 1, 2]}
    history = xr.Dataset(
        {
            "step": (("seed", "epoch"), [[0, 20, 40], [0, 20, 40]]),
            "train_loss": (("seed", "epoch"), [[np.nan, 0.9, 0.1], [np.nan, 0.9, 0.8]]),
        },
        coords,
    )
    steps = loaded("second_order", "claims").steps_below(history, 0.5)
    np.testing.assert_array_equal(steps, [40, np.nan])


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_grounds_are_the_surfaces_that_the_balls_roll_over(experiment: str) -> None:
    figures = loaded(experiment, "figures")
    balls = {
        config["experiment"]["ground"]: config
        for config in configs_of(experiment, {"model": "Point"}, "digits")
    }
    heights = figures.grounds(figures.GROUNDS, figures.WINDOWS)["loss"].sel(split="train")
    for ground, surface in figures.GROUNDS.items():
        loss = balls[ground]["study"]["loss"]
        assert named(loss) == type(surface).__name__
        assert {key: value for key, value in loss.items() if key != "_target_"} == vars(surface)
        ((kind, (x, y), height), *_) = surface.critical_points
        near = heights.sel(ground=ground).dropna("x", how="all").dropna("y", how="all")
        assert kind == "minimum"
        assert float(near.sel(x=x, y=y, method="nearest")) == pytest.approx(height, abs=0.05)


@pytest.mark.parametrize("scale", ["digits", "paper"])
@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_balls_have_no_decay_and_one_step_an_epoch_at_either_scale(experiment: str, scale: str) -> None:
    for config in configs_of(experiment, {"model": "Point"}, scale):
        assert not config["optimizer"].get("weight_decay")
        assert read(config, ("data.steps", "scheduler", "init")) == (1, config["scheduler"], config["init"])
        assert named(config["data"]) == "nothing"
        assert named(config["scheduler"]) == "Constant"


def test_each_optimizer_has_the_rate_of_its_ground() -> None:
    configs = configs_of("optimizers", {}, "digits")
    found = {(c["experiment"]["ground"], c["experiment"]["method"]): c["optimizer"]["lr"] for c in configs}
    rates = configs[0]["experiment"]["rates"]
    assert found == {(ground, method): rates[ground][method] for ground in rates for method in rates[ground]}


@pytest.mark.slow
@pytest.mark.parametrize("method", ["minibatches", "descent", "quickprop", "lbfgs", "hessian_free"])
def test_methods_of_scale_paper_take_a_first_step_downhill(tmp_path: Path, method: str) -> None:
    """On the digits in place of MNIST."""
    (job,) = (
        job
        for job in jobs_of("second_order", {"model": "MLP"})
        if job.config["experiment"]["method"] == method
    )
    tiny = ["data=digits", "data.batch_size=1000", "epochs=2", "trainer=cpu", "landscape=none", "logger=none"]
    run = ensure(compose_job([*job.overrides, *tiny, f"paths.runs={tmp_path}"]).config)
    first, second = run.history().train_loss.dropna()
    assert second < first


@pytest.mark.slow
@pytest.mark.parametrize("method", ["newton", "saddle_free_newton"])
def test_a_step_of_newton_from_beside_a_saddle_is_to_it_and_of_saddle_free_newton_away(
    tmp_path: Path, method: str
) -> None:
    having = {"study.loss": "Saddle"}
    (job,) = (job for job in jobs_of("second_order", having) if job.config["experiment"]["method"] == method)
    tiny = ["epochs=1", "trainer=cpu", "landscape=none", "logger=none", f"paths.runs={tmp_path}"]
    run = ensure(compose_job([*job.overrides, *tiny]).config)
    start, end = run.snapshot(0)["position"][1], run.state()["position"][1]
    assert (abs(end) < abs(start)) == (method == "newton")
