"""The choices in conf/landscape against the functions that they name."""

import inspect
from pathlib import Path

import pytest
from hydra.utils import get_method
from omegaconf import OmegaConf

from lossatlas import landscape
from lossatlas.landscape.survey import declaration

FOLDER = Path(__file__).parents[2] / "conf" / "landscape"
CHOICES = sorted(path.stem for path in FOLDER.glob("*.yaml") if path.stem != "none")

DISTANCING = "lossatlas.optim.distancing"
FORCE = {
    "_target_": f"{DISTANCING}.DistanceForce",
    "kernel": {"_target_": f"{DISTANCING}.RBF"},
    "width": {"_target_": f"{DISTANCING}.Sigma", "sigma": 10.0},
    "strength": 1.0,
    "distance": {"_target_": f"{DISTANCING}.Distance"},
    "merging": {"_target_": f"{DISTANCING}.EachCheckpoint"},
    "push": {"_target_": f"{DISTANCING}.Away"},
}

# Where a choice differs from the function's default: what a comparison of runs needs.
CHOSEN = {
    "line": {"splits": ["train", "test"]},
    "surface": {"splits": ["train", "test"]},
    "interpolation": {"splits": ["train", "test"], "other": {"run": "???"}},
    "weights": {"bins": 201, "extent": 1.0},
    "sharpness": {},
    "activation_patterns": {"splits": ["train", "test"], "through": "???"},
    "weight_spectrum": {},
    "adversarial": {"splits": ["test"]},
    "dropout_ensemble": {"splits": ["test"]},
    "eigenvalues": {},
    "convexity": {},
    "path": {"splits": ["train", "test"], "through": "???"},
    "curve_distances": {"curves": "???"},
    "curve_plane": {"splits": ["train", "test"], "curve": {"curve": []}},
    "plane": {"splits": ["train", "test"], "others": "???"},
    "trajectory": {"splits": ["train", "test"], "snapshots": {"snapshots": "all"}},
    "trace": {},
    "step_time": {"force": FORCE, "optimizer": "${optimizer}", "batch_size": "${data.batch_size}"},
    "spanning_tree": {"splits": ["train", "test"], "bands": "???"},
    "spectrum": {},
    "sam_sharpness": {},
    "lipschitz": {},
    "compression": {"splits": ["train", "test"]},
    "level_sets": {},
    "aligned": {"splits": ["train", "test"]},
    "triangle": {"splits": ["train", "test"], "control_points": "???"},
    "tunnel": {"through": "${oc.decode:'{curve:[]}'}"},
    "jacobian": {"splits": ["train", "test"]},
    "gradient_noise": {},
    "hessian_noise": {},
    "feature_rank": {"splits": ["train", "test"]},
    "signal_propagation": {"splits": ["train", "test"]},
    "ensemble": {"splits": ["test"], "members": [{"members": "all"}]},
    "along_training": {
        "snapshots": {"snapshots": "all"},
        "survey": {"_partial_": True},
        "defaults": [{"/landscape@survey": "eigenvalues"}],
    },
    "twins": {"survey": {"_partial_": True}, "defaults": [{"/landscape@survey": "eigenvalues"}]},
}


def test_there_is_a_choice_for_each_survey() -> None:
    assert sorted(CHOSEN) == CHOICES
    assert sorted(name for name in landscape.__all__ if declaration(getattr(landscape, name))) == CHOICES


def test_whatever_measures_a_problem_in_steps_declares_itself_a_survey() -> None:
    """`evaluate` is what surveys are made of."""

    def options(name: str) -> set[str]:
        found = getattr(landscape, name)
        return set(inspect.signature(found).parameters) if inspect.isfunction(found) else set()

    measuring = {name for name in landscape.__all__ if {"problem", "progress"} <= options(name)}
    assert sorted(measuring - {"evaluate"}) == CHOICES


@pytest.mark.parametrize("choice", CHOICES)
def test_a_choice_shows_every_option_of_its_function(choice: str) -> None:
    path = FOLDER / f"{choice}.yaml"
    assert path.read_text().startswith(f"# @package landscape.{choice}\n")
    config = OmegaConf.to_container(OmegaConf.load(path))
    assert isinstance(config, dict)
    survey = get_method(config.pop("_target_"))
    options = inspect.signature(survey).parameters
    defaults = {
        name: list(option.default) if isinstance(option.default, tuple) else option.default
        for name, option in options.items()
        if name not in ("problem", "journal", "progress")
    }
    if "engine" in defaults:
        defaults["engine"] = "${engine}"
    assert config == {**defaults, **CHOSEN[choice]}


def test_no_survey_is_an_empty_mapping() -> None:
    assert OmegaConf.load(FOLDER / "none.yaml") == {}
