"""What a run that is there is surveyed with: its recorded configuration, and what the user says of the survey."""

from collections.abc import Mapping, Sequence
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import OmegaConf

from lossatlas.runs.check import ConfigError
from lossatlas.runs.compose import Job, compose_config, compose_job, plain
from lossatlas.runs.fingerprint import NOT_SCIENTIFIC
from lossatlas.runs.store import Run

SURVEYED_WITH = ("landscape", "engine", "logger", "runtime", "paths")
"""Sections of a configuration that are the survey's and not the run's."""

DEVICES = ("accelerator", "devices", "num_nodes", "deterministic")
"""Keys of the section ``trainer`` that are the survey's."""

PLACES = tuple(key for key in NOT_SCIENTIFIC if key.startswith("data."))
"""Keys of the section ``data`` that do not change what the data are."""


def survey_of(run: Run, overrides: Sequence[str]) -> Job:
    """The job of surveying ``run``, a finished run, as ``overrides`` say.

    Its configuration is the run's own but for landscapes, engine, logger, threads, places and devices; its overrides
    are those that the run was launched with and further runs are composed from. ValueError for an override of
    anything else.
    """
    check_overrides(run, overrides)
    recorded = run.config()
    typed = [override for override in overrides if _key(override) not in PLACES]
    config = compose_config(typed)
    OmegaConf.set_struct(config, False)
    trainer = {
        key: config.trainer[key] for key in DEVICES if key in config.trainer and _names("trainer", typed)
    }
    for section, node in recorded.items():
        if section not in SURVEYED_WITH:
            config[section] = {**node, **trainer} if section == "trainer" else node
    for override in overrides:
        if _key(override) in PLACES:
            OmegaConf.update(config, _key(override), _value(override))
    if "root" in config.data and _names("paths.data", overrides):
        config.data.root = config.paths.data
    config.paths.runs = str(run.folder.parent)
    return Job(_launched_with(run, typed), plain(config))


def check_overrides(run: Run, overrides: Sequence[str]) -> None:
    """Raise ValueError for the first override of what ``run`` was trained with."""
    allowed = {*SURVEYED_WITH, "trainer", *PLACES, *(f"trainer.{key}" for key in DEVICES)}
    for override in overrides:
        key = _key(override)
        if key not in allowed and key.partition(".")[0].partition("/")[0] not in SURVEYED_WITH:
            raise ValueError(
                f"{key}: what run {run.fingerprint} was trained with stays; "
                f"{', '.join(SURVEYED_WITH)} and trainer.devices can be overridden"
            )


def own_network(overrides: Sequence[str]) -> Job:
    """The job of surveying a network of the user's own, which ``model._target_`` or a file of the group names.

    `ConfigError` if neither does: the default choice is no network of the user's.
    """
    if not any(_key(override) in ("model", "model._target_") for override in overrides):
        raise ConfigError(
            "model._target_ is missing: which network are the weights of? type model._target_=yours.Net"
        )
    return compose_job(overrides)


def _launched_with(run: Run, typed: Sequence[str]) -> tuple[str, ...]:
    """Overrides that further runs are composed from: those of ``run``, with the places and devices that were typed."""
    manifest = run.manifest()
    recorded = manifest.overrides if manifest is not None else []
    kept = [o for o in recorded if _section(o) not in SURVEYED_WITH]
    places = [o for o in typed if _section(o) in ("logger", "runtime", "paths")]
    return (*kept, *places, f"paths.runs={run.folder.parent}")


def _names(key: str, overrides: Sequence[str]) -> bool:
    return any(_key(override) == key or _key(override).startswith(f"{key}.") for override in overrides)


def _key(override: str) -> str:
    return override.partition("=")[0].lstrip("+~")


def _section(override: str) -> str:
    return _key(override).partition(".")[0].partition("/")[0]


def _value(override: str) -> Any:
    value = OverridesParser.create().parse_override(override).value()
    return dict(value) if isinstance(value, Mapping) else value
