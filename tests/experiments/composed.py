"""The jobs of experiments, composed once in each process of the tests, and selected by what they are to have."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from readings import agrees, hashable, read

from lossatlas.experiments.sweeps import Sweep, compose_sweeps
from lossatlas.runs.composition.job import Job

Config = dict[str, Any]


@cache
def sweeps(experiment: str, scale: str = "paper") -> list[Sweep]:
    """Sweeps with the jobs of one seed, whose configurations nobody may change."""
    return compose_sweeps([f"experiment={experiment}", f"scale={scale}", "seed=0"])


def jobs_of(experiment: str, having: Mapping[Any, Any] | None = None, scale: str = "paper") -> list[Job]:
    """Jobs of one seed that have what ``having`` says, as the tables of papers/ say it; of a set one member."""
    jobs = [job for sweep in sweeps(experiment, scale) for job in sweep.jobs]
    return [job for job in jobs if has(job.config, having or {})]


def configs_of(
    experiment: str, having: Mapping[Any, Any] | None = None, scale: str = "paper"
) -> list[Config]:
    """Their configurations."""
    return [job.config for job in jobs_of(experiment, having, scale)]


def has(config: Config, having: Mapping[Any, Any]) -> bool:
    """Whether a configuration has all that ``having`` says."""
    return all(
        hashable(read(config, key)) in wanted
        if isinstance(wanted, set)
        else agrees(read(config, key), wanted)
        for key, wanted in having.items()
    )
