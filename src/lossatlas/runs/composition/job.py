"""A job: what a user, a sweep or a study asks for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from lossatlas.runs.composition.overrides import Overrides
from lossatlas.runs.store.fingerprint import NOT_SCIENTIFIC, fingerprint
from lossatlas.runs.store.references import references


@dataclass(frozen=True)
class Job:
    """One run to be had: the overrides that a job is launched with, and the plain configuration that they give.

    Fingerprint and upstream jobs are those of the configuration when they are first asked for.
    """

    overrides: Overrides
    config: dict[str, Any]

    def __post_init__(self) -> None:
        object.__setattr__(self, "overrides", Overrides(self.overrides))

    @cached_property
    def fingerprint(self) -> str:
        """Fingerprint of the run."""
        return fingerprint(self.config)

    @cached_property
    def upstream(self) -> tuple["Job", ...]:
        """Jobs of the runs that the study names, in their order.

        Their places, logger and the like are those of this job.
        """
        around = {key: self.config[key] for key in SURROUNDINGS if key in self.config}
        named = [reference.value for reference in references(self.config["study"], kinds=("run",))]
        return tuple(_named(value, around) for value in named if isinstance(value, Mapping))


SURROUNDINGS = tuple(key for key in NOT_SCIENTIFIC if "." not in key and key not in ("hydra", "overrides"))
"""Sections that a run takes from the one that names it."""


def _named(run: Mapping[str, Any], around: Mapping[str, Any]) -> Job:
    config = {key: part for key, part in run.items() if key != "overrides"}
    return Job(Overrides(run.get("overrides", ())), {**around, **config, "landscape": {}})


class ConfigError(ValueError):
    """A configuration that cannot be run, in one line."""


def trusted_by(config: Mapping[str, Any]) -> tuple[str, ...]:
    """Targets that a run which was written elsewhere may name as well, whatever they do: those of ``runtime.trust``.

    `ConfigError` if these are no names.

    >>> trusted_by({"runtime": {"threads": 1}}), trusted_by({"runtime": {"trust": ["theirs.Net"]}})
    ((), ('theirs.Net',))
    """
    given = config.get("runtime", {}).get("trust")
    names = (given,) if isinstance(given, str) else () if given is None else given
    if not isinstance(names, Sequence) or not all(isinstance(name, str) for name in names):
        raise ConfigError(f"runtime.trust={given}: expected names of targets, as [theirs.Net]")
    return tuple(names)
