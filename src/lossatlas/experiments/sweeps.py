"""The sweeps that a user's overrides mean: an experiment may have several, gathered in the same datasets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override

from lossatlas.runs.composition.compose import compose_config, compose_jobs
from lossatlas.runs.composition.job import Job
from lossatlas.runs.composition.overrides import Overrides, typed_value

EXPERIMENT = "experiment="


@dataclass(frozen=True)
class Sweep:
    """Jobs launched together, the overrides that mean them, and what their file plans."""

    overrides: tuple[str, ...]
    jobs: tuple[Job, ...]
    planned: Mapping[
        str, Sequence[Any]
    ]  # override -> values that the file sweeps, whatever the user made of them


def compose_sweeps(overrides: Sequence[str], *, multirun: bool = False) -> list[Sweep]:
    """Compose the jobs that ``overrides`` mean, and those of the sweeps that their experiment names beside.

    ``experiment.also`` lists further files of the experiment's folder, each a sweep of its own. What the user sets of
    an axis (``experiment.axes``) selects among the values that such a file plans for it; a sweep of which nothing is
    left is dropped, and what it planned stands with the first. Everything else that the user sets holds for all.
    ValueError as `compose_jobs`.
    """
    overrides = Overrides(overrides).expanded()
    if not _named(overrides):
        return [Sweep(tuple(overrides), tuple(compose_jobs(overrides, multirun=multirun)), {})]
    first = Sweep(tuple(overrides), (), planned_values(overrides))
    axes = _experiment(overrides)["axes"].values()
    further = [_beside(overrides, file) for file in _also(overrides)]
    selected = [_selected(sweep, overrides, list(axes)) for sweep in further]
    left = [sweep for sweep in selected if sweep is not None]
    for sweep, kept in zip(further, selected, strict=True):
        if kept is None:  # what it plans is still what the experiment is about
            first = replace(first, planned=_joined(first.planned, sweep.planned))
    return [
        replace(sweep, jobs=tuple(compose_jobs(sweep.overrides, multirun=multirun)))
        for sweep in (first, *left)
    ]


def _joined(one: Mapping[str, Sequence[Any]], other: Mapping[str, Sequence[Any]]) -> dict[str, list[Any]]:
    return {key: list(dict.fromkeys([*one.get(key, ()), *other.get(key, ())])) for key in {**one, **other}}


def planned_values(overrides: Sequence[str]) -> dict[str, list[Any]]:
    """Values that the experiment's own file sweeps, by override, whatever ``overrides`` make of them."""
    params = compose_config(_without_sweeps(overrides)).hydra.sweeper.get("params") or {}
    parsed = OverridesParser.create().parse_overrides([f"{key}={value}" for key, value in params.items()])
    return {
        override.get_key_element(): _values(override)
        for override in parsed
        if override.is_discrete_sweep() or not override.is_sweep_override()
    }


def _values(override: Override) -> list[Any]:
    if override.is_sweep_override():
        return [typed_value(value) for value in override.sweep_string_iterator()]
    return [typed_value(override.get_value_element_as_str())]


def _also(overrides: Sequence[str]) -> list[str]:
    return list(_experiment(overrides).get("also", []))


def _experiment(overrides: Sequence[str]) -> Mapping[str, Any]:
    node: Mapping[str, Any] = compose_config(_without_sweeps(overrides)).experiment
    return node


def _named(overrides: Sequence[str]) -> str | None:
    """Name of the experiment, if there is one."""
    chosen = [o.removeprefix(EXPERIMENT) for o in overrides if o.startswith(EXPERIMENT)]
    return chosen[-1].partition("/")[0] if chosen else None


def _beside(overrides: Sequence[str], file: str) -> Sweep:
    choice = f"{EXPERIMENT}{_named(overrides)}/{file}"
    own = [choice if o.startswith(EXPERIMENT) else o for o in overrides]
    return Sweep(tuple(own), (), planned_values([choice]))


def _selected(sweep: Sweep, overrides: Sequence[str], axes: Sequence[str]) -> Sweep | None:
    """The part of ``sweep`` that the user's ``overrides`` of its axes leave; None if that is nothing."""
    kept = [o for o in sweep.overrides if o.partition("=")[0] not in axes]
    for override in OverridesParser.create().parse_overrides(list(overrides)):
        key = override.get_key_element()
        if key not in axes or key not in sweep.planned:
            continue
        wanted = [value for value in _values(override) if value in sweep.planned[key]]
        if not wanted:
            return None
        kept.append(f"{key}={','.join(map(_written, wanted))}")
    return replace(sweep, overrides=tuple(kept))


def _written(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _without_sweeps(overrides: Sequence[str]) -> list[str]:
    parsed = OverridesParser.create().parse_overrides(list(overrides))
    return [o.input_line for o in parsed if not o.is_sweep_override() and o.input_line is not None]
