"""The runs that a study names: to join by a curve, or to start from. They are part of its configuration, whole.

At composition ``{run: [overrides]}`` becomes ``{run: configuration}``, so that a run stays a function of its
configuration alone; the fingerprint of that configuration stands for it in the fingerprint of the run.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lossatlas.runs.fingerprint import NOT_SCIENTIFIC
from lossatlas.runs.job import Job
from lossatlas.runs.nodes import replaced

SURROUNDINGS = tuple(key for key in NOT_SCIENTIFIC if "." not in key and key not in ("hydra", "overrides"))
"""Sections that a run takes from the one that names it."""


def expanded(config: Mapping[str, Any], expand: Callable[[Any], Job]) -> dict[str, Any]:
    """``config`` with what ``expand`` makes of the value of each ``{run: ...}`` in its study, save of whole ones.

    >>> config = {"study": {"start": {"run": ["seed=1"]}}, "seed": 0, "paths": {}}
    >>> job = Job(("seed=1",), {"study": {}, "seed": 1, "paths": {}})
    >>> expanded(config, lambda value: job)["study"]
    {'start': {'run': {'study': {}, 'seed': 1, 'overrides': ['seed=1']}}}
    """

    def run(value: Any) -> dict[str, Any]:
        if isinstance(value, Mapping) or value == "???":  # that is missing is told with all that is
            return {"run": value}
        job = expand(value)
        named = {key: part for key, part in job.config.items() if key not in SURROUNDINGS}
        return {"run": {**named, "overrides": list(job.overrides)}}

    return {**config, "study": replaced(config["study"], {"run": run})}


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


def overrides_of(base: Sequence[str], named: Sequence[str]) -> list[str]:
    """What is composed for a run that a study names by the overrides ``named``, besides those of ``base``.

    The study of ``base`` is left out; the run is that of a classifier unless ``named`` chooses otherwise.

    >>> overrides_of(["study=curve", "study.seed=1", "epochs=3"], ["seed=1"])
    ['study=classifier', 'epochs=3', 'seed=1']
    """
    kept = [o for o in base if not _is_of_the_study(o)]
    chosen = any(o.partition("=")[0] in ("study", "experiment") for o in named)
    return merge_overrides([*([] if chosen else ["study=classifier"]), *kept], named)


def merge_overrides(base: Sequence[str], later: Sequence[str]) -> list[str]:
    """Overrides of ``base``, those that ``later`` names again replaced by its own.

    Where ``later`` makes another choice of a group, what ``base`` sets within that group goes with the old choice.

    >>> merge_overrides(["seed=0", "data.batch_size=16"], ["data.batch_size=128", "+x=1"])
    ['seed=0', 'data.batch_size=128', '+x=1']
    >>> merge_overrides(["scheduler=cyclic_cosine", "scheduler.cycles=5"], ["scheduler=step"])
    ['scheduler=step']
    """
    anew = [_key(o) for o in later if o not in base]
    kept = [o for o in base if not any(_key(o).startswith(f"{group}.") for group in anew)]
    by_key = {_key(override): override for override in kept}
    by_key.update({_key(override): override for override in later})
    return list(by_key.values())


def _is_of_the_study(override: str) -> bool:
    return _key(override).partition(".")[0] == "study"


def _key(override: str) -> str:
    return override.split("=", 1)[0].lstrip("+~").replace("/", ".")
