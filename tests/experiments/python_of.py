"""The Python of experiments: their modules, and the measures of their claims."""

import sys
from types import ModuleType
from typing import Any

from omegaconf import OmegaConf

from lossatlas.experiments.catalogue import experiment_folder
from lossatlas.experiments.definition import definition
from lossatlas.experiments.python_files import function_of
from lossatlas.runs.composition.compose import compose_config


def loaded(experiment: str, function: str) -> ModuleType:
    """The module of an experiment's function "claims" or "figures"."""
    return sys.modules[function_of(experiment_folder(experiment), function).__module__]


def measure_of(experiment: str, claim: str) -> Any:
    """What a claim of an experiment measures, with the values of scale digits."""
    values = compose_config([f"experiment={experiment}/digits"]).experiment["values"]
    defined = definition(experiment, {"values": OmegaConf.to_container(values, resolve=True)})
    return next(each.measure for each in defined.claims if each.id == claim)
