"""Records of runs as configurations are made of them: those that were written elsewhere only if they run no code."""

from collections.abc import Collection
from typing import Any

import yaml
from hydra.errors import HydraException

from lossatlas.runs.composition.overrides import Overrides, key_of
from lossatlas.runs.composition.parsing import parsed, typed_value
from lossatlas.runs.store.store import Run, StoreError
from lossatlas.runs.store.targets import refusals

_NOT_READ = ("hydra", "paths", "runtime", "logger", "landscape", "engine", "overrides")
"""Sections that who asks for a run has of their own."""


def recorded_config(run: Run, trusted: Collection[str]) -> dict[str, Any]:
    """Configuration that the run was computed from.

    That of a run which this installation has not written is read without places, logger and landscapes; it may name
    what `lossatlas.runs.store.targets` allows, and the targets that are ``trusted``. `StoreError` if it names others.
    """
    try:
        config = run.config()
        if run.is_own():
            return config
        config = {section: node for section, node in config.items() if section not in _NOT_READ}
        _check(run, config, trusted)
    except (yaml.YAMLError, AttributeError, RecursionError) as error:
        raise StoreError(f"{run.config_path}: no configuration ({' '.join(str(error).split())})") from error
    return config


def recorded_overrides(run: Run, trusted: Collection[str]) -> Overrides:
    """Overrides that the run was launched with.

    Those of a run which this installation has not written are read without Hydra's own, and are held to the same as its
    configuration.
    """
    manifest = run.manifest()
    overrides = Overrides(() if manifest is None else manifest.overrides)
    if run.is_own():
        return overrides
    overrides = Overrides().merged(overrides.without("hydra"))  # each key once
    _check(run, _nested(run, overrides), trusted)
    return overrides


def _nested(run: Run, overrides: Overrides) -> dict[str, Any]:
    """What overrides set, each of its own key, as the configuration that they are of."""
    nested: dict[str, Any] = {}
    for override in overrides:
        *parents, last = key_of(override).split(".")
        node = nested
        for part in parents:
            if not isinstance(
                node.get(part), dict
            ):  # a choice is a word, beside the keys that are set within it
                node[part] = {}
            node = node[part]
        value, before = _value(run, override), node.get(last)
        if isinstance(before, dict):
            value = {**before, **(value if isinstance(value, dict) else {})}
        node[last] = value
    return nested


def _value(run: Run, override: str) -> Any:
    try:
        if parsed(override).is_sweep_override():
            raise StoreError(f"run {run.fingerprint}: {override}: of a run's overrides each has one value")
    except HydraException as error:
        raise StoreError(f"run {run.fingerprint}: {override}: cannot be read as an override") from error
    return typed_value(override.partition("=")[2])


def _check(run: Run, config: dict[str, Any], trusted: Collection[str]) -> None:
    refused = list(refusals(config, trusted))
    if not refused:
        return
    first, names = refused[0], dict.fromkeys(refusal.target for refusal in refused if refusal.target)
    remedy = (
        f"if you know it, allow it by name: runtime.trust=[{','.join(names)}]" if names else "it stays closed"
    )
    raise StoreError(
        f"run {run.fingerprint}: {first.path}={first.value}: this installation has not written the run, and that could "
        f"run code; {remedy}"
    )
