"""A job: what a user, a sweep or a study asks for."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lossatlas.runs.store.fingerprint import NOT_SCIENTIFIC
from lossatlas.runs.store.references import replaced


@dataclass(frozen=True)
class Job:
    """One run to be had: the overrides that a job is launched with, and the configuration that they give."""

    overrides: tuple[str, ...]
    config: dict[str, Any]


SURROUNDINGS = tuple(key for key in NOT_SCIENTIFIC if "." not in key and key not in ("hydra", "overrides"))
"""Sections that a run takes from the one that names it."""


def prerequisites(config: Mapping[str, Any]) -> list[Job]:
    """Jobs of the runs that the study of ``config`` names, in their order.

    Their places, logger and the like are those of ``config``.
    """
    found: list[Job] = []
    around = {key: config[key] for key in SURROUNDINGS if key in config}

    def run(value: Any) -> None:
        if isinstance(value, Mapping):
            named = {key: part for key, part in value.items() if key != "overrides"}
            found.append(Job(tuple(value.get("overrides", ())), {**around, **named, "landscape": {}}))

    replaced(config["study"], {"run": run})
    return found


class ConfigError(ValueError):
    """A configuration that cannot be run, in one line."""
