"""`convexity` at scale paper against what Li et al. 2018 print, and one step of each network on a tiny CIFAR-10."""

from collections.abc import Callable

import pytest
from paper import FN, assert_trained_as_li2018, chosen, composed

from lossatlas.runs.composition.compose import compose_config
from lossatlas.runs.store.store import Run

NETWORKS = ("resnet56", "resnet56_noshort", "densenet121")


@pytest.mark.parametrize("model", NETWORKS)
def test_networks_are_trained_as_all_of_the_paper(model: str) -> None:
    """L-T2: at the rate of 0.1 ResNet-56 without shortcuts has its 13.31 %, whatever the text says."""
    assert_trained_as_li2018(composed("convexity/paper", f"model={model}"), lr=0.1)


@pytest.mark.parametrize(
    ("model", "class_name", "settings"),
    [
        ("resnet56", "ResNet", {"depth": 56, "width": 16, "skip": True, "shortcut": "B"}),
        ("resnet56_noshort", "ResNet", {"depth": 56, "width": 16, "skip": False}),
        ("densenet121", "DenseNet", {"blocks": [6, 12, 24, 16], "growth": 32}),
    ],
)
def test_the_networks_are_the_papers(model: str, class_name: str, settings: dict[str, object]) -> None:
    node = composed("convexity/paper", f"model={model}")["model"]
    assert node["_target_"] == f"lossatlas.models.{class_name}"
    assert chosen(node, settings) == settings


def test_the_sweep_is_the_three_networks_over_five_seeds() -> None:
    params = compose_config(["experiment=convexity/paper"]).hydra.sweeper.params
    assert (params.model, params.seed) == (",".join(NETWORKS), "0,1,2,3,4")


def test_the_map_lies_on_the_grid_of_the_surface() -> None:
    """The row says "same grids"; the number of points is found in no text, that of the surfaces is."""
    landscape = composed("convexity/paper")["landscape"]
    same = ("points", "extent", "seed", "normalize", "ignore", "statistics", "convention", "along")
    assert [landscape["convexity"][key] for key in same] == [landscape["surface"][key] for key in same]
    assert chosen(landscape["surface"], {**FN, "points": 51}) == {**FN, "points": 51}
    expected = {"matrix": "hessian", "split": "train"}
    assert chosen(landscape["convexity"], expected) == expected
    assert landscape["convexity"]["engine"]["subsample"] is None


@pytest.mark.parametrize("model", NETWORKS[:2])
def test_one_step_of_a_residual_network(model: str, one_step: Callable[..., Run]) -> None:
    run = one_step("convexity/paper", f"model={model}")
    assert run.history().lr.dropna().tolist() == [0.1]


@pytest.mark.slow
def test_one_step_of_the_densenet(one_step: Callable[..., Run]) -> None:
    one_step("convexity/paper", "model=densenet121")
