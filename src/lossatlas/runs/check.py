"""Checking a configuration before anything is computed: one line that says what is wrong and what would be right."""

import difflib
import inspect
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from hydra.utils import get_object

from lossatlas.runs.build import build_data, build_network
from lossatlas.runs.compose import Job
from lossatlas.runs.fingerprint import digest

SECTIONS = (
    *("data", "model", "init", "optimizer", "scheduler", "regularizer", "study", "landscape"),
    *("trainer", "logger", "experiment", "paths", "runtime", "seed", "epochs"),
)
"""The keys at the top of a configuration."""


class ConfigError(ValueError):
    """A configuration that cannot be run, in one line."""


def nearest(name: str, choices: Iterable[str]) -> str:
    """Clause that names the choice most like ``name``, or all of them if none is.

    >>> nearest("resnt20", ["resnet20", "vgg9"])
    'did you mean resnet20?'
    >>> nearest("x", ["resnet20", "vgg9"])
    'expected one of resnet20, vgg9'
    """
    choices = list(choices)
    close = difflib.get_close_matches(name, choices, n=1)
    return f"did you mean {close[0]}?" if close else f"expected one of {', '.join(sorted(choices))}"


def check_jobs(jobs: Iterable[Job]) -> None:
    """Raise `ConfigError`, or the ValueError of a part, for the first job that cannot be run.

    Data and networks are built once for each different configuration of them.
    """
    built = set()
    for job in jobs:
        check_config(job.config)
        key = digest({section: job.config[section] for section in ("data", "model", "init")})
        if key not in built:
            built.add(key)
            build_data(job.config)
            build_network(job.config)


def check_config(config: Mapping[str, Any]) -> None:
    """Raise `ConfigError` for unknown, missing or misspelt keys."""
    for key in config:
        if key not in SECTIONS:
            raise ConfigError(f"{key}: unknown key; {nearest(key, SECTIONS)}")
    for path, value in _leaves(config, ""):
        if value == "???":
            raise ConfigError(f"{path} is required: give {path}=VALUE")
    for path, node in _targets(config, ""):
        _check_arguments(path, node)
    if not isinstance(config["seed"], int) or isinstance(config["seed"], bool):
        raise ConfigError(f"seed={config['seed']}: expected a whole number")
    if not isinstance(config["epochs"], int) or config["epochs"] < 1:
        raise ConfigError(f"epochs={config['epochs']}: expected a whole number >= 1")
    if config["trainer"]["devices"] != 1:
        raise ConfigError(
            f"trainer.devices={config['trainer']['devices']}: a run takes one device; "
            "a sweep (-m) runs as many jobs side by side as there are devices"
        )


def _leaves(node: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(node, Mapping):
        for key, value in node.items():
            yield from _leaves(value, f"{path}.{key}" if path else str(key))
    else:
        yield path, node


def _targets(node: Any, path: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if isinstance(node, Mapping):
        if "_target_" in node:
            yield path, node
        for key, value in node.items():
            yield from _targets(value, f"{path}.{key}" if path else str(key))
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from _targets(value, f"{path}.{index}")


def _check_arguments(path: str, node: Mapping[str, Any]) -> None:
    """Hold a node's keys against the signature of what its ``_target_`` names."""
    try:
        target = get_object(node["_target_"])
    except Exception as error:
        raise ConfigError(f"{path}._target_={node['_target_']}: cannot be imported ({_first_line(error)})") from error
    accepted = _accepted_arguments(target)
    if accepted is None:
        return
    for key in node:
        if not key.startswith("_") and key not in accepted:
            raise ConfigError(f"{path}.{key}: {node['_target_']} takes no such key; {nearest(key, accepted)}")


def _accepted_arguments(target: Any) -> list[str] | None:
    """Names of a callable's parameters, those of the base classes that ``**kwargs`` goes to as well; None if any."""
    callables = [cls.__init__ for cls in target.__mro__] if inspect.isclass(target) else [target]
    names: list[str] = []
    for function in callables:
        try:
            parameters = inspect.signature(function).parameters.values()
        except (TypeError, ValueError):  # written in C
            return None
        names += [p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
        if not any(p.kind is p.VAR_KEYWORD for p in parameters):
            return [name for name in names if name != "self"]
    return None


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
