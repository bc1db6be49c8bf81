"""Composition of many: the jobs that a sweep means, and those that other jobs are turned into."""

from collections.abc import Callable, Mapping, Sequence
from itertools import product
from typing import Any

from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.types import Override, OverrideType
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from lossatlas.runs.composition.compose import (
    SEVERAL,
    being_named,
    compose_config,
    compose_job,
    job_of,
    start_hydra,
)
from lossatlas.runs.composition.job import Job
from lossatlas.runs.composition.overrides import Overrides, key_of
from lossatlas.runs.composition.parsing import parsed, texts


class Composer:
    """Composes jobs of sweeps; those that differ in the values of keys alone share all but the last step.

    Hydra sets the values of keys when all files are merged, so that the configurations are the same. A composer knows
    the choices as they were when it was first used, so that each sweep or experiment has its own.

    Examples
    --------
    >>> composer = Composer()
    >>> slow, fast = (composer.job(["model=mlp", f"optimizer.lr={rate}"]) for rate in (0.01, 0.1))
    >>> fast == compose_job(["model=mlp", "optimizer.lr=0.1"])
    True
    """

    def __init__(self) -> None:
        self._shared: dict[tuple[str, ...], DictConfig] = {}
        self._named: dict[Overrides, Job] = {}
        self._is_group: dict[str, bool] = {}

    def job(self, overrides: Sequence[str]) -> Job:
        """Compose one job, as `compose_job` does."""
        overrides = Overrides(overrides)
        values = self._values(overrides)
        key = tuple(key_of(text) if text in values else text for text in overrides)
        if key not in self._shared:
            self._shared[key] = compose_config(overrides)
        config = self._shared[key]
        for override in values.parsed:
            OmegaConf.update(config, override.key_or_group, override.value())
        return job_of(overrides, config, self._named_job)

    def _named_job(self, overrides: Overrides) -> Job:
        if overrides not in self._named:
            with being_named(overrides):
                self._named[overrides] = self.job(overrides)
        return self._named[overrides]

    def _values(self, overrides: Overrides) -> Overrides:
        """Those that only set a key which is there, to what has no keys of its own; none sets a part of another's."""
        if not GlobalHydra.instance().is_initialized():
            start_hydra()
        keys = [key_of(text) for text in overrides if not self._is_choice(parsed(text))]

        def is_alone(key: str) -> bool:
            return not any(f"{one}.".startswith(f"{key}.") or f"{key}.".startswith(f"{one}.") for one in keys)

        found = []
        for text in overrides:
            override, key = parsed(text), key_of(text)
            if self._is_choice(override) or key.startswith("hydra."):
                continue
            keys.remove(key)
            if override.type == OverrideType.CHANGE and not _has_keys(override.value()) and is_alone(key):
                found.append(text)
            keys.append(key)
        return Overrides(found)

    def _is_choice(self, override: Override) -> bool:
        group = str(override.key_or_group)
        if group not in self._is_group:
            loader = GlobalHydra.instance().config_loader()
            self._is_group[group] = bool(loader.get_group_options(group, results_filter=None))
        return override.package is not None or self._is_group[group]


def _has_keys(value: Any) -> bool:
    return isinstance(value, Mapping) or (isinstance(value, list) and any(map(_has_keys, value)))


def compose_jobs(overrides: Sequence[str], *, multirun: bool = False) -> list[Job]:
    """Compose all jobs that ``overrides`` mean: one, or those of a sweep.

    It is a sweep if ``multirun`` says so or the experiment's own file does (``hydra.mode: MULTIRUN``). ValueError for
    a sweeper that decides on its jobs as it goes. The arms of an experiment are left out; see `compose_sweeps`.
    """
    overrides = Overrides(overrides).expanded()
    return sweep_jobs(compose_base(overrides), overrides, Composer(), multirun=multirun)


def sweep_jobs(
    base: DictConfig, overrides: Sequence[str], composer: Composer, *, multirun: bool = False
) -> list[Job]:
    """As `compose_jobs`, with what the jobs share composed already."""
    if not multirun and base.hydra.mode != RunMode.MULTIRUN:
        return [compose_job(overrides)]
    if not str(base.hydra.sweeper["_target_"]).endswith(".BasicSweeper"):
        raise ValueError(
            "hydra/sweeper: expected basic; all jobs of a sweep are checked before the first is launched"
        )
    params = [f"{key}={value}" for key, value in params_of(base).items()]
    combined = Overrides((*params, *overrides)).parsed
    values = {
        override.get_key_element(): _each_value(override) for override in combined
    }  # a key's last holds
    return [composer.job(job) for job in product(*values.values())]


def _each_value(override: Override) -> list[str]:
    """The overrides of single values that one of a sweep means, as Hydra's basic sweeper writes them.

    ValueError for a sweep without end, such as ``interval(0, 1)``.
    """
    key = override.get_key_element()
    if override.is_sweep_override() and not override.is_discrete_sweep():
        raise ValueError(f"{override.input_line}: expected values one by one, as {key}=0,1,2")
    return [f"{key}={text}" for text in texts(override)]


def params_of(base: DictConfig) -> dict[str, str]:
    """The overrides that an experiment sweeps by itself, and their values as they are typed."""
    return {str(key): str(value) for key, value in (base.hydra.sweeper.get("params") or {}).items()}


def compose_base(overrides: Sequence[str]) -> DictConfig:
    """Compose what the jobs of a sweep share. As for Hydra itself, what they share must fit the default choices.

    ValueError for a key of one of the choices that are swept, which the jobs of the others do not have.
    """
    typed = Overrides(overrides)
    for override in typed.parsed:
        if override.is_discrete_sweep():
            _check_shared(override, typed.fixed())
    return compose_config(typed.fixed())


def _check_shared(swept: Override, fixed: Overrides) -> None:
    """Raise ValueError if ``fixed`` set what comes with one choice of a group of several alone, which is ``swept``."""
    group, choices = str(swept.key_or_group), texts(swept)
    if group not in SEVERAL:
        return
    for key in fixed.keys:
        section, _, rest = key.partition(f"{key_of(group)}.")
        name = rest.partition(".")[0]
        if not section and name in choices:
            together = f"{group}=[{','.join(choices)}]"
            raise ValueError(
                f"{key}: only jobs with {group}={name} have it; for all of them in each job type {together}"
            )


def other_job(job: Job, overrides: Sequence[str]) -> Job:
    """Job that ``overrides`` turn this one into."""
    return compose_job(job.overrides.merged(overrides))


def other_job_among(jobs: Sequence[Job]) -> Callable[[Job, Sequence[str]], Job]:
    """Function as `other_job`, which composes each job once, and none that is one of ``jobs``."""
    known = {frozenset(job.overrides): job for job in jobs}
    composer = Composer()

    def find(job: Job, overrides: Sequence[str]) -> Job:
        merged = job.overrides.merged(overrides)
        if (key := frozenset(merged)) not in known:
            known[key] = composer.job(merged)
        return known[key]

    return find
