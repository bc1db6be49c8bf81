"""A user's error in one line: which key, what was expected, the nearest valid choice."""

import os
import re
from collections.abc import Sequence

import yaml
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException, InstantiationException, MissingConfigException
from omegaconf.errors import OmegaConfBaseException

from lossatlas.choices import nearest
from lossatlas.experiments.catalogue import experiments, scales_of
from lossatlas.files import NO_ROOM
from lossatlas.interruption import Interrupted
from lossatlas.runs.composition.overrides import Overrides
from lossatlas.runs.composition.sweep import compose_base


class JobsFailed(Exception):  # noqa: N818
    """Jobs of a sweep failed; the message says which, and why."""


def exit_status(error: Exception) -> int:
    """Exit status for an error: 130 for an interruption, as a shell has it, else 1."""
    return 130 if isinstance(error, Interrupted) else 1


def traceback_wanted() -> bool:
    """Whether the user asked to see the traceback of every error."""
    return os.environ.get("HYDRA_FULL_ERROR", "") not in ("", "0")


def one_line(error: Exception) -> str | None:
    """Say what is wrong in one line; None for an error that is not the user's, whose traceback is wanted."""
    if isinstance(error, MissingConfigException) and error.missing_cfg_file:
        return _missing_choice(str(error.missing_cfg_file), error.options)
    if isinstance(error, InstantiationException) and isinstance(error.__cause__, Exception):
        return one_line(error.__cause__)
    if isinstance(error, HydraException | OmegaConfBaseException):
        return _composition_error(error)
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        mark = error.problem_mark
        return f"{mark.name}, line {mark.line + 1}, column {mark.column + 1}: {error.problem}"
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        reason = f"{error.strerror[0].lower()}{error.strerror[1:]}"
        return f"{error.filename}: {f'no space to write it ({reason})' if error.errno in NO_ROOM else reason}"
    if isinstance(error, ValueError | OSError | FloatingPointError | Interrupted | JobsFailed):
        return " ".join(str(error).split())
    return None


def _missing_choice(path: str, options: Sequence[str] | None) -> str:
    """Message of a choice ``path`` = group/name that is not there."""
    group, _, name = path.rpartition("/")
    if group.startswith("experiment/"):  # written out from experiment=<name>, or from its scale
        experiment = group.removeprefix("experiment/")
        if experiment not in experiments():
            return f"experiment={experiment}: no such choice; {nearest(experiment, experiments())}"
        return f"scale={name}: the experiment {experiment} has no such scale; {nearest(name, scales_of(experiment))}"
    hydra = GlobalHydra.instance().hydra
    if options is None and hydra is not None:  # as for one of a list of choices
        options = hydra.config_loader.get_group_options(group)
    if group == "study" and name in experiments():
        return (
            f"study={name}: {name} is an experiment, over {_studies_of(name)}; "
            f"type lossatlas reproduce {name}, or lossatlas train experiment={name}"
        )
    return f"{group}={name}: no such choice; {nearest(name, options or [])}"


def _studies_of(experiment: str) -> str:
    """The studies that train its networks, as they are typed."""
    base = compose_base(Overrides([f"experiment={experiment}"]).expanded())
    arms = [arm.get("study") for arm in (base.experiment.get("sweeps") or {}).values()]
    return " and ".join(
        f"study={study}" for study in dict.fromkeys([base.hydra.runtime.choices.study, *arms]) if study
    )


def _composition_error(error: Exception) -> str:
    """Message of overrides that Hydra cannot make sense of."""
    text = str(error)
    if match := re.search(r"Error parsing override '([^']+)'", text) or re.search(
        r"at input '([^']+)'", text
    ):
        return f"{match[1]}: cannot be read; an override is written KEY=VALUE, as in seed=1 or data.shape=[1,8,8]"
    if match := re.search(r"Ambiguous value for argument '([^']+)'", text):
        return f"{match[1]}: several values are a sweep, which needs -m; a list is written [a,b]"
    return " ".join(text.split())
