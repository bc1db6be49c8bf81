"""conf/toy and conf/model/ball against the classes that they name."""

import inspect

import pytest
import torch

from lossatlas.landscape.survey import declaration
from lossatlas.runs.build import build_data, build_network, make
from lossatlas.runs.check import check_jobs
from lossatlas.runs.composition.choices import Group
from lossatlas.runs.composition.compose import compose_job
from lossatlas.runs.composition.search_path import config_folder
from lossatlas.runs.composition.sweep import compose_jobs
from lossatlas.toy import Himmelblau, Point

TOYS = sorted(path.stem for path in (config_folder() / "toy").glob("*.yaml") if path.stem != "own")


def test_the_choice_shows_each_argument_and_rolls_on_data_of_noise() -> None:
    noise = ["data=synthetic_blobs", "data.shape=[1,1,2]", "data.classes=2", "data.separation=0"]
    config = compose_job(["model=ball", "init=default", *noise]).config
    assert {key for key in config["model"] if key[0] != "_"} == set(inspect.signature(Point).parameters)
    starts = [build_network({**config, "seed": seed}).position for seed in (0, 0, 1)]
    assert torch.equal(starts[0], starts[1])
    assert not torch.equal(starts[0], starts[2])
    inputs, _ = build_data(config).normalized("train")
    assert build_network(config)(inputs).shape == (256, 2)


@pytest.mark.parametrize(
    "choice", sorted(path.stem for path in (config_folder() / "optimizer").glob("*.yaml"))
)
def test_a_toy_has_no_weight_decay_unless_it_is_typed(choice: str) -> None:
    """Which an optimizer has with a network is what it was before toys said so."""
    node = compose_job(["toy=bowl", f"optimizer={choice}"]).config["optimizer"]
    on_toy, on_network = (
        part.get("base", part) for part in (node, compose_job([f"optimizer={choice}"]).config["optimizer"])
    )
    usual = {"adamw": 0.01, "muon": 0.01} | dict.fromkeys(
        ("sgd", "adam", "sam", "nesterov", "momentum", "momentum_average", "momentum_rate"), 0.0005
    )
    if "weight_decay" in on_toy:
        assert on_toy["weight_decay"] == 0
        assert on_network["weight_decay"] == usual.get(choice, 0.0)
    else:
        assert choice not in usual


def test_weight_decay_on_a_toy_can_be_typed() -> None:
    for typed in ("optimizer.weight_decay=0.1", "decays.coupled=0.1"):
        assert compose_job(["toy=bowl", "optimizer=sgd", typed]).config["optimizer"]["weight_decay"] == 0.1


@pytest.mark.parametrize("toy", TOYS)
def test_a_toy_is_a_run_in_one_word_whose_minima_and_start_lie_in_its_window(toy: str) -> None:
    config = compose_job([f"toy={toy}"]).config
    surface, extent = make(config["study"]["loss"]), config["experiment"]["extent"]
    options = {key for key in config["study"]["loss"] if key[0] != "_"}
    assert options == set(inspect.signature(type(surface)).parameters)
    assert config["study"]["metrics"].keys() == {"x", "y"}
    minima = [point.place for point in surface.critical_points if point.kind == "minimum"]
    assert max(abs(number) for place in minima for number in place) < extent
    assert max(abs(number) for number in (*config["model"]["low"], *config["model"]["high"])) <= extent
    assert config["study"]["snapshot_epochs"] == list(range(config["epochs"] + 1))
    inputs, _ = build_data(config).normalized("train")
    assert not inputs.any()


@pytest.mark.parametrize("toy", TOYS)
def test_gradient_descent_at_a_toy_s_rate_never_rises_from_anywhere_in_its_box(toy: str) -> None:
    config = compose_job([f"toy={toy}"]).config
    surface, rate = make(config["study"]["loss"]), config["optimizer"]["lr"]
    low, high = torch.tensor([config["model"]["low"], config["model"]["high"]])
    places = torch.lerp(low, high, torch.rand(64, 2, generator=torch.Generator().manual_seed(0)))
    corners = torch.cartesian_prod(*torch.stack([low, high], 1))
    places = torch.cat([places, corners]).requires_grad_()
    before = surface.heights(places).detach()
    for _ in range(min(config["epochs"], 40)):
        (slope,) = torch.autograd.grad(surface.heights(places).sum(), places)
        places = (places - rate * slope).detach().requires_grad_()
    after = surface.heights(places).detach()
    assert (after <= before + 1e-6).all()
    assert (after < before - 1e-3).float().mean() > 0.9


def test_a_toy_takes_surveys_optimizers_noise_and_other_studies() -> None:
    surveys = ["landscape=[line,surface,trajectory,convexity,eigenvalues]", "epochs=4"]
    job = compose_job(["toy=cubic", "optimizer=adam", *surveys])
    assert job.config["optimizer"]["lr"] == job.config["rates"]["adam"]
    assert all(
        declaration(make({**node, "_partial_": True}).func) for node in job.config["landscape"].values()
    )
    for name in ("line", "surface", "trajectory", "convexity"):
        assert job.config["landscape"][name]["along"]["origin"] == [0, 0]
    hill = compose_job(
        ["toy=cubic", "study=distance_kernel", "study.checkpoints=[1]", "data=noise", "epochs=4"]
    )
    check_jobs([job, hill])


def test_a_surface_of_one_s_own_is_a_toy() -> None:
    job = compose_job(["toy=own", "experiment.surface._target_=lossatlas.toy.Himmelblau"])
    assert isinstance(make(job.config["study"]["loss"]), Himmelblau)


def test_runs_are_told_to_be_of_a_toy_by_what_was_typed() -> None:
    jobs = compose_jobs(["toy=bowl,ravine"], multirun=True)
    assert [Group("toy").is_choice("ravine", {}, job.overrides) for job in jobs] == [False, True]
