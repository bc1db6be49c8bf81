"""Records of runs as configurations are made of them: those that were written elsewhere only if they run no code."""

from collections.abc import Callable, Collection, Sequence
from typing import Any

import yaml
from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException

from lossatlas.runs.composition.job import Job
from lossatlas.runs.composition.overrides import Overrides, key_of
from lossatlas.runs.composition.parsing import parsed, typed_value
from lossatlas.runs.store.fingerprint import NOT_SCIENTIFIC
from lossatlas.runs.store.store import Run, StoreError
from lossatlas.runs.store.targets import refusals

_NOT_READ = ("hydra", "paths", "runtime", "logger", "figures", "landscape", "engine", "overrides")
"""Sections that who asks for a run has of their own."""


_NOT_TAKEN = (*_NOT_READ, *(key for key in NOT_SCIENTIFIC if key.startswith("data.")))
"""What of its overrides is left out, likewise: of the data, where they lie and whether they are fetched."""


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


def recorded_overrides(
    run: Run, trusted: Collection[str], compose_job: Callable[[Sequence[str]], Job]
) -> Overrides:
    """Overrides that the run was launched with.

    Those of a run which this installation has not written are read without Hydra's own, places and the like. They are
    held to the same as its configuration, as they stand and in what is composed from them, the runs that they name in
    turn included; those from which nothing can be composed here count as none.
    """
    manifest = run.manifest()
    overrides = Overrides(() if manifest is None else manifest.overrides)
    if run.is_own():
        return overrides
    overrides = Overrides().merged(overrides.without(*_NOT_TAKEN))  # each key once
    _check(run, _nested(run, overrides), trusted)
    try:
        composed = compose_job([*overrides, f"paths.runs={run.folder.parent}"]).config
    except StoreError:
        raise
    except (
        ValueError,
        HydraException,
        OmegaConfBaseException,
        RecursionError,
    ):  # choices that are not here, say
        return Overrides()
    _check(run, {section: node for section, node in composed.items() if section not in _NOT_READ}, trusted)
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
        if (read := parsed(override)).package is not None:
            raise StoreError(
                f"run {run.fingerprint}: {override}: of a run's overrides none is of another package"
            )
        if read.is_sweep_override():
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
