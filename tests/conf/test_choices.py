"""Every file under conf/ and experiments/, composed as a user would, and held against what it names."""

import inspect
import re
from collections.abc import Callable, Iterator
from copy import deepcopy
from functools import cache
from typing import Any

import pytest
import wandb
from hydra.utils import get_object
from omegaconf import DictConfig, OmegaConf
from pytorch_lightning.loggers import WandbLogger

from lossatlas.experiments.catalogue import experiments
from lossatlas.experiments.definition import definition
from lossatlas.experiments.sweeps import compose_sweeps
from lossatlas.runs.check import check_config, check_jobs
from lossatlas.runs.composition.compose import compose_config, plain
from lossatlas.runs.composition.job import ConfigError
from lossatlas.runs.composition.search_path import config_folder
from lossatlas.runs.store.fingerprint import fingerprint

CHOICES = sorted(
    (str(path.parent.relative_to(config_folder())), path.stem)
    for path in config_folder().glob("**/*.yaml")
    if path.parent != config_folder() and "experiment" not in path.parts
)
SCALES = ("digits", "paper")
EXPERIMENTS = [(name, scale) for name in experiments() for scale in SCALES]
# What a choice asks of whoever takes it.
REQUIRED = {
    ("model", "own"): ["model._target_=lossatlas.models.MLP"],
    ("landscape", "interpolation"): ["landscape.interpolation.other.run=['seed=1']"],
    ("landscape", "path"): ["landscape.path.through=[{run: ['seed=1']}]"],
    ("landscape", "curve_distances"): ["landscape.curve_distances.curves=[{curve: []}]"],
    ("landscape", "spanning_tree"): ["landscape.spanning_tree.bands=[{curve: []}, {curve: ['seed=1']}]"],
    ("landscape", "plane"): ["landscape.plane.others=[{run: ['seed=1']}, {run: ['seed=2']}]"],
    ("toy", "own"): ["experiment.surface._target_=lossatlas.toy.Himmelblau"],
    ("study", "curve"): ["study.ends=[{run: ['seed=1']}, {run: ['seed=2']}]"],
    ("study", "triangle"): ["study.ends=[{run: ['seed=1']}, {run: ['seed=2']}, {run: ['seed=3']}]"],
    ("landscape", "triangle"): ["landscape.triangle.control_points=[{run: ['seed=1']}, {run: ['seed=2']}]"],
    ("landscape", "activation_patterns"): ["landscape.activation_patterns.through=[{run: ['seed=1']}]"],
    ("study", "elastic_band"): [
        "study.ends=[{run: ['seed=1']}, {run: ['seed=2']}]",
        "study.cycles=[{steps: 9}]",
    ],
    ("study", "fge"): ["study.start.run=['scheduler=linear']", "scheduler=triangular"],
    **{choice: ["study=distance_kernel"] for choice in CHOICES if choice[0].startswith("study/")},
}
# Targets that take any key, and to whom they pass on those that they do not know.
PASSING_ON: dict[str, list[Callable[..., Any]]] = {
    "lossatlas.loggers.wandb.QuietWandbLogger": [WandbLogger, wandb.init],
    "pytorch_lightning.loggers.TensorBoardLogger": [],
    "wandb.Settings": [],
}


@cache
def composed(group: str, choice: str) -> DictConfig:
    return compose_config([f"{group}={choice}", *REQUIRED.get((group, choice), [])])


def checked_part(group: str, choice: str) -> dict[str, Any]:
    """Plain configuration with the choice; one of Hydra's own lies under the key that is free to hold anything."""
    config = plain(composed(group, choice))
    if group == "hydra/launcher":
        config["experiment"]["launcher"] = OmegaConf.to_container(composed(group, choice).hydra.launcher)
    return config


def nodes(part: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """All mappings in ``part`` with a ``_target_``, with their paths, but those of runs that a study names."""
    if isinstance(part, dict) and "_target_" in part:
        yield path, part
    if isinstance(part, dict | list):
        for key, value in part.items() if isinstance(part, dict) else enumerate(part):
            if key != "run":  # whole configurations, which are checked as such
                yield from nodes(value, f"{path}.{key}".lstrip("."))


def assert_every_node_refuses_a_wrong_key(config: dict[str, Any]) -> None:
    for path, node in nodes(config):
        if node["_target_"] not in PASSING_ON:
            node["no_such_key"] = 1
            with pytest.raises(ConfigError, match=rf"^{re.escape(path)}\.no_such_key: .* takes no such key"):
                check_config(config)
            del node["no_such_key"]


def test_the_folders_of_choices_are_the_groups_that_the_help_names() -> None:
    help_text = composed("hydra/help", "lossatlas").hydra.help.template
    groups = {group for group, _ in CHOICES}
    assert groups > {"data", "model", "landscape", "scale", "hydra/launcher"}
    own = {group for group in groups if not group.startswith("hydra/")} | {"hydra/launcher", "experiment"}
    assert [group for group in sorted(own) if f"\n  {group} " not in help_text] == []


@pytest.mark.parametrize(("group", "choice"), CHOICES)
def test_every_choice_composes_takes_effect_and_fits_the_signatures_it_targets(
    group: str, choice: str
) -> None:
    assert composed(group, choice).hydra.runtime.choices[group] == choice
    check_config(checked_part(group, choice))


@pytest.mark.parametrize(("group", "choice"), CHOICES)
def test_a_wrong_key_in_any_node_of_any_choice_is_refused(group: str, choice: str) -> None:
    assert_every_node_refuses_a_wrong_key(checked_part(group, choice))


@pytest.mark.parametrize("choice", [choice for group, choice in CHOICES if group == "logger"])
def test_the_keys_of_targets_that_pass_them_on_are_taken_by_somebody(choice: str) -> None:
    config = checked_part("logger", choice)
    for path, node in nodes(config["logger"], "logger"):
        takers = [get_object(node["_target_"]), *PASSING_ON.get(node["_target_"], [])]
        taken = {name for taker in takers for name in inspect.signature(taker).parameters}
        assert {f"{path}.{key}" for key in node if key[0] != "_" and key not in taken} == set()


def test_several_landscapes_and_penalties_are_gathered_by_name() -> None:
    config = plain(compose_config(["landscape=[line,surface]", "regularizer=[l2]"]))
    assert list(config["landscape"]) == ["line", "surface"]
    assert list(config["regularizer"]) == ["l2"]


@pytest.mark.parametrize(("name", "scale"), EXPERIMENTS)
def test_every_sweep_of_every_experiment_composes_and_fits_the_signatures_it_targets(
    name: str, scale: str
) -> None:
    for sweep in compose_sweeps([f"experiment={name}/{scale}", "seed=0"]):
        config = deepcopy(sweep.jobs[0].config)
        assert (config["experiment"]["name"], config["experiment"]["scale"]) == (name, scale)
        defined = definition(name, config["experiment"])
        assert defined.claims
        assert defined.figures
        check_config(config)
        assert_every_node_refuses_a_wrong_key(config)


WITH_TRUNK = ("distance_baseline", "distance_barrier")  # experiments with a trunk of their own


def test_every_experiment_has_the_scale_that_needs_no_download_and_an_arm_no_file() -> None:
    for folder in (path for path in (config_folder() / "experiment").iterdir() if path.is_dir()):
        files = {path.stem for path in folder.glob("*.yaml")}
        trunks = {"digits_trunk_common", "paper_trunk_common"} if folder.name in WITH_TRUNK else set()
        assert files - trunks == {"common", *SCALES}


@pytest.mark.slow
@pytest.mark.parametrize("name", experiments())
def test_every_job_of_an_experiment_can_be_run(name: str) -> None:
    jobs = [job for sweep in compose_sweeps([f"experiment={name}"]) for job in sweep.jobs]
    check_jobs(jobs)
    assert len({fingerprint(job.config) for job in jobs}) >= 5
