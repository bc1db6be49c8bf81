"""A user's error in one line: which key, what was expected, the nearest valid choice."""

import re

from hydra.core.global_hydra import GlobalHydra
from hydra.errors import (
    HydraException,
    InstantiationException,
    MissingConfigException,
)
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from lossatlas.interruption import Interrupted
from lossatlas.runs.compose import compose_config, experiments
from lossatlas.runs.suggest import nearest


def exit_status(error: Exception) -> int:
    """Exit status for an error: 130 for an interruption, as a shell has it, else 1."""
    return 130 if isinstance(error, Interrupted) else 1


def one_line(error: Exception) -> str | None:
    """Say what is wrong in one line; None for an error that is not the user's, whose traceback is wanted."""
    if isinstance(error, MissingConfigException) and error.missing_cfg_file and error.options is not None:
        group, _, choice = str(error.missing_cfg_file).rpartition("/")
        if group.startswith("experiment/"):  # written out from experiment=<name>
            name = group.removeprefix("experiment/")
            return f"experiment={name}: no such choice; {nearest(name, experiments())}"
        return f"{group}={choice}: no such choice; {nearest(choice, error.options)}"
    if isinstance(error, InstantiationException) and isinstance(error.__cause__, Exception):
        return one_line(error.__cause__)
    if isinstance(error, HydraException | OmegaConfBaseException):
        return _composition_error(error)
    if isinstance(error, ValueError | OSError | FloatingPointError | Interrupted):
        return " ".join(str(error).split())
    return None


def _composition_error(error: Exception) -> str:
    """Message of an override that does not fit, with the nearest key or group."""
    text = str(error)
    if match := re.search(r"Could not override '([^']+)'", text):
        return f"{match[1]}: no such key; {_nearest_key(match[1])}"
    if match := re.search(r"Could not override '([^']+)'\.\s*No match in the defaults list", text):
        return f"{match[1]}: no such group; {nearest(match[1], _groups())}"
    return " ".join(text.split())


def _nearest_key(path: str) -> str:
    """Clause with the nearest sibling of the first part of ``path`` that does not exist."""
    node, parents = compose_config([]), ""
    for part in path.split("."):
        if not OmegaConf.is_dict(node) or part not in node:
            keys = [str(key) for key in node if key != "hydra"] if OmegaConf.is_dict(node) else []
            clause = nearest(part, keys)
            return clause.replace("did you mean ", f"did you mean {parents}")
        node, parents = node[part], f"{parents}{part}."
    return "it is not in this configuration; add it with a leading +"


def _groups() -> list[str]:
    hydra = GlobalHydra.instance().hydra
    return list(hydra.list_all_config_groups()) if hydra is not None else []
