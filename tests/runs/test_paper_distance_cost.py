"""`distance_cost` at scale paper against figure 4.13 of the distance-kernel thesis, and one step on a tiny CIFAR-10."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import xarray as xr
from paper import chosen, composed

from lossatlas.cli.reproduction import definition
from lossatlas.experiments.printed_curves import read_reference
from lossatlas.runs.build import make
from lossatlas.runs.composition.compose import compose_jobs
from lossatlas.runs.composition.search_path import config_folder
from lossatlas.runs.store.store import Run, open_landscape
from lossatlas.runs.surveyor import Surveyor

NETWORKS = ["resnet32_padded", "mobilenetv2"]
# T-4.13: 72 -> 92 s for the first checkpoint and about 21 s for each (MobileNetV2), 55 s and +8, +12, +10 (ResNet-32).
PRINTED = {"resnet32_padded": np.cumsum([55, 8, 12, 10]), "mobilenetv2": np.array([72, 92])}


@pytest.fixture(scope="module")
def config() -> dict[str, Any]:
    return composed("distance_cost/paper", "model=mobilenetv2", "seed=0")


def test_both_networks_of_the_thesis_have_five_seeds() -> None:
    jobs = compose_jobs(["experiment=distance_cost", "scale=paper"])
    found = sorted((job.config["experiment"]["values"]["first"], job.config["seed"]) for job in jobs)
    assert found == sorted((NETWORKS[0], seed) for seed in [*range(5), *range(5)])
    depths = [job.config["model"].get("depth") for job in jobs if job.config["seed"] == 0]
    assert sorted(depths) == [1.0, 32]


def test_steps_are_those_of_the_thesis(config: dict[str, Any]) -> None:
    assert config["data"]["_target_"] == "lossatlas.data.cifar10"
    survey = config["landscape"]["step_time"]
    assert survey["batch_size"] == config["data"]["batch_size"] == 128
    expected = {"lr": 0.01, "momentum": 0.9, "nesterov": False, "weight_decay": 1e-3}
    assert chosen(survey["optimizer"], expected) == expected
    assert set(survey["checkpoints"]) >= {0, 1, 2, 3}  # of which the thesis has epochs, and more
    assert survey["clock"] == "wall"
    assert type(make(survey["force"]).kernel).__name__ == "RBF"


def test_one_job_at_a_time_is_measured_on_one_thread() -> None:
    from lossatlas.runs.composition.compose import compose_config

    whole = compose_config(["experiment=distance_cost/digits"])
    assert (whole.hydra.launcher.jobs, whole.hydra.launcher.threads) == (1, 1)
    assert whole.landscape.step_time.clock == "processor"


@pytest.fixture(scope="module")
def reference() -> xr.Dataset:
    file = config_folder() / "experiment" / "distance_cost" / "reference.csv"
    return read_reference(file, {"model": NETWORKS, "seed": range(5)})


def test_the_printed_curves_have_the_times_of_the_row(reference: xr.Dataset) -> None:
    """Each checkpoint is taken after 150 epochs; the row's numbers are rounded to a second or so."""
    assert reference.epoch_seconds.sizes == {"model": 2, "epoch": 600}
    for model, seconds in PRINTED.items():
        course = reference.epoch_seconds.sel(model=model)
        stretches = [float(course.sel(epoch=slice(150 * k + 1, 150 * k + 150)).median()) for k in range(4)]
        np.testing.assert_allclose(stretches[: len(seconds)], seconds, atol=1.5)


def test_the_figure_draws_them_by_the_number_of_checkpoints(reference: xr.Dataset) -> None:
    figures = definition("distance_cost", composed("distance_cost/paper")["experiment"])["figures"]
    printed = make(figures["epoch"]["reference"])({"reference": reference})
    assert printed.checkpoints.values.tolist() == [0, 1, 2, 3]
    found = printed.sel(model="mobilenetv2").values
    expected = reference.epoch_seconds.sel(model="mobilenetv2").values.reshape(4, 150).mean(1)
    np.testing.assert_allclose(found, expected)


def test_the_claims_carry_the_shares_of_the_thesis() -> None:
    config = composed("distance_cost/paper")["experiment"]
    claims = definition("distance_cost", config)["claims"]
    printed = {claim["id"]: claim["paper"]["first"] for claim in claims if claim["paper"]}
    assert printed == {"Closed form, share, first network": 14.5, "Closed form, share, second network": 27.8}
    assert config["values"]["shares"] == {"first": 14.5, "second": 27.8}
    assert pytest.approx(14.5, abs=0.05) == 100 * 8 / 55
    assert pytest.approx(27.8, abs=0.05) == 100 * (92 - 72) / 72


@pytest.mark.slow
@pytest.mark.parametrize("model", NETWORKS)
def test_a_network_takes_a_step_and_is_timed(one_step: Callable[..., Run], model: str) -> None:
    quick = ["landscape.step_time.checkpoints=[0,1]", "landscape.step_time.steps=1"]
    overrides = [f"model={model}", "data.validation=0", *quick, "landscape.step_time.rounds=1"]
    run = one_step("distance_cost/paper", *overrides)
    surveyor = Surveyor(run, run.config(), lambda value: run)
    name, node = next(iter(run.config()["landscape"].items()))
    dataset = surveyor.survey(name, node)
    assert dataset is not None
    path = surveyor.path(name, node)
    assert path is not None
    assert open_landscape(path).seconds.sizes == {"way": 2, "checkpoints": 2}
    assert (dataset.seconds > 0).all()
