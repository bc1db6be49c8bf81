r"""The sweeps that a user's overrides mean: an experiment's own, and those that its arms make of it.

``experiment.sweeps`` holds arms by name, each what it sets over ``hydra.sweeper.params`` in the same form, on top of
what the experiment itself sets::

    experiment:
      sweeps:
        plain: {study/push: nothing, experiment.arm: plain}
        mean: {study/merging: mean, experiment.arm: mean, experiment.strength: "${experiment.values.middle}"}

As in ``hydra.sweeper.params``, interpolations are resolved in the experiment; ``\${seed}``, with a backslash, is
resolved in each job. An experiment whose ``hydra.sweeper.params`` leave an axis out is only its arms.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from hydra.core.override_parser.types import Override
from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from omegaconf import DictConfig, OmegaConf

from lossatlas.choices import nearest
from lossatlas.runs.composition.job import Job
from lossatlas.runs.composition.overrides import Overrides, key_of, tell_former_names
from lossatlas.runs.composition.parsing import texts, typed_value
from lossatlas.runs.composition.sweep import Composer, compose_base, params_of, sweep_jobs

_EXPERIMENT = "experiment="
_ARMS = "experiment.sweeps"


@dataclass(frozen=True)
class Sweep:
    """Jobs launched together, the overrides that mean them, and what the experiment plans for them.

    Parameters
    ----------
    overrides : tuple of str
        As they are typed.
    jobs : tuple of Job
        Composed from them.
    planned : mapping of str to sequence
        Override of an axis -> its values, whatever the user made of them.
    arm : str, optional
        Its name in ``experiment.sweeps``; None for the experiment's own sweep.
    """

    overrides: tuple[str, ...]
    jobs: tuple[Job, ...]
    planned: Mapping[str, Sequence[Any]]
    arm: str | None = None


def compose_sweeps(overrides: Sequence[str], *, multirun: bool = False) -> list[Sweep]:
    """Compose the jobs that ``overrides`` mean: those of the experiment's own sweep, then those of its arms.

    What the user sets of an axis (``experiment.axes``) selects among the values that an arm itself sets for it; the own
    sweep, and arms that have the axis from it, take those that no arm plans too, such as further seeds. A sweep of
    which nothing is left is dropped, and what it planned stands with the first. Everything else that the user sets
    holds for all. ``~experiment.sweeps`` leaves the own sweep alone, ``~experiment.sweeps.NAME`` leaves out one arm.

    Parameters
    ----------
    overrides : sequence of str
        As they are typed.
    multirun : bool, default False
        Whether they are a sweep even if the experiment's own file does not say so; by default they are not.

    Returns
    -------
    list of Sweep
        The experiment's own first; a single one, with nothing planned, where there are no axes.

    Raises
    ------
    ValueError
        As `compose_jobs`, and, with its name, for an arm that is not written as ``hydra.sweeper.params`` are or cannot
        be composed.
    """
    tell_former_names(overrides)
    overrides = Overrides(overrides).expanded()
    base = compose_base(overrides)
    typed = [override for override in overrides if not override.startswith(f"~{_ARMS}")]
    axes, composer = _axes(base), Composer()
    if "also" in base.experiment:
        raise ValueError(
            f"experiment.also: no such key; {_ARMS} holds arms, each what it sets over hydra.sweeper.params"
        )
    if not axes:
        return [Sweep(tuple(typed), tuple(sweep_jobs(base, typed, composer, multirun=multirun)), {})]
    return [
        replace(sweep, jobs=tuple(_jobs(sweep, base, composer, multirun=multirun)))
        for sweep in _left(_plans(base, axes), typed, axes)
    ]


def _axes(base: DictConfig) -> list[str]:
    """Overrides that the experiment's axes are. ValueError unless they are such, by name."""
    experiment = base.experiment
    if not OmegaConf.is_dict(experiment):
        raise ValueError(f"experiment={experiment}: expected the name of an experiment, or what one sets")
    axes = experiment.axes if "axes" in experiment else {}
    if not isinstance(axes, Mapping) or not all(isinstance(axis, str) for axis in axes.values()):
        raise ValueError(f"experiment.axes={axes}: expected overrides by name, as {{rate: optimizer.lr}}")
    return [str(axis) for axis in axes.values()]


def _jobs(sweep: Sweep, base: DictConfig, composer: Composer, *, multirun: bool) -> list[Job]:
    try:
        return sweep_jobs(base, sweep.overrides, composer, multirun=multirun)
    except MissingConfigException as error:
        if sweep.arm is None or not error.missing_cfg_file:
            raise
        group, _, choice = str(error.missing_cfg_file).rpartition("/")
        hint = nearest(choice, error.options or [])
        raise ValueError(f"{_ARMS}.{sweep.arm}: {group}={choice}: no such choice; {hint}") from error
    except (ValueError, HydraException) as error:
        if sweep.arm is None:
            raise
        raise ValueError(f"{_ARMS}.{sweep.arm}: {' '.join(str(error).split())}") from error


def _plans(base: DictConfig, axes: Sequence[str]) -> list[Sweep]:
    """All sweeps of the experiment, without jobs, as they are before the user's overrides have their say.

    An experiment whose own sweep leaves an axis out is only its arms.
    """
    own, arms = params_of(base), _arms(base)
    plans = [
        Sweep(tuple(f"{k}={v}" for k, v in arm.items()), (), _planned({**own, **arm}, axes), name)
        for name, arm in arms.items()
    ]
    has_own = not plans or all(axis in own for axis in axes)
    return [Sweep((), (), _planned(own, axes)), *plans] if has_own else plans


def _planned(params: Mapping[str, str], axes: Sequence[str]) -> dict[str, list[Any]]:
    parsed = Overrides(f"{k}={v}" for k, v in params.items() if k in axes).parsed
    return {o.get_key_element(): list(_texts(o).values()) for o in parsed if _is_finite(o)}


def _is_finite(override: Override) -> bool:
    return override.is_discrete_sweep() or not override.is_sweep_override()


def _texts(override: Override) -> dict[str, Any]:
    """The values that an override gives its key, by what is typed for them."""
    return {text: typed_value(text) for text in texts(override)}


def _arms(base: DictConfig) -> dict[str, dict[str, str]]:
    """What each arm sets, its values as they are typed."""
    arms = base.experiment.get("sweeps") or {}
    if not isinstance(arms, Mapping):
        raise ValueError(f"{_ARMS}: expected arms by name, as {{mean: {{study/merging: mean}}}}, got {arms}")
    return {str(name): _arm(f"{_ARMS}.{name}", arms[name]) for name in arms}


def _written(value: Any, *, within: bool = False) -> str:
    """A value as it is typed; text at the top is taken as typed already, so that ``0,1`` is a sweep.

    >>> _written([{"run": ["seed=1${seed}"]}]), _written("0,1"), _written(None), _written(True)
    ('[{run:["seed=1${seed}"]}]', '0,1', 'null', 'true')
    >>> _written("${values.${arm}}")
    '"${values.${arm}}"'
    """
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{key}:{_written(item, within=True)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(_written(item, within=True) for item in value) + "]"
    if isinstance(value, str):
        alone = value.startswith("${") and value.endswith("}")  # Hydra reads nested ones only in quotes
        quoted = '"' + value.replace('"', '\\"') + '"'
        return quoted if within or alone else value
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _arm(path: str, arm: Any) -> dict[str, str]:
    if not isinstance(arm, DictConfig):
        raise ValueError(f"{path}: expected what the arm sets, as {{study/merging: mean}}, got {arm!r}")
    found = {}
    for key, value in cast(dict[str, Any], OmegaConf.to_container(arm, resolve=True)).items():
        if value == "???":
            raise ValueError(f"{path}.{key}: is missing (???)")
        if key == "experiment" or key.startswith("hydra"):
            raise ValueError(f"{path}.{key}: expected a key of a job; an arm is of its own experiment")
        found[key] = _written(value)
        try:
            typed_value(found[key])
        except OverrideParseException:
            raise ValueError(
                f"{path}.{key}: expected a value as it is typed, got {value!r}; with signs of its own, in quotes"
            ) from None
    return found


def _left(plans: Sequence[Sweep], typed: Sequence[str], axes: Sequence[str]) -> list[Sweep]:
    """What the user's values of axes leave of ``plans``, as sweeps without jobs."""
    parsed = Overrides(typed).parsed
    asked = {o.get_key_element(): _texts(o) for o in parsed if o.get_key_element() in axes and _is_finite(o)}
    first, *further = plans
    of_arms = {key: [v for plan in further for v in plan.planned.get(key, ())] for key in asked}

    def selected(plan: Sweep, key: str) -> list[str]:
        planned = plan.planned.get(key, ())
        free = key not in map(key_of, plan.overrides)  # else the arm itself says which values it has
        told = asked[key].items()
        return [text for text, value in told if value in planned or (free and value not in of_arms[key])]

    choices = [(plan, {key: selected(plan, key) for key in asked}) for plan in plans]
    left = [(plan, chosen) for plan, chosen in choices if all(chosen.values())]
    if not left:  # no plan has all of that together: it is new, and the first sweep's as what is no axis
        left = [(first, {key: list(texts) for key, texts in asked.items()})]
    kept = [plan.planned for plan, _ in left]
    dropped = [plan.planned for plan in plans if plan.planned not in kept]
    left_over = _joined([left[0][0].planned, *dropped])
    found = [replace(plan, overrides=_overrides(plan, typed, chosen)) for plan, chosen in left]
    return [replace(found[0], planned=left_over), *found[1:]]


def _overrides(plan: Sweep, typed: Sequence[str], chosen: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """The arm's overrides, then the user's, which win, with those values of axes that are left."""
    experiment = [override for override in typed if override.startswith(_EXPERIMENT)]
    others = [override for override in typed if key_of(override) not in map(key_of, chosen)]
    swept = [f"{key}={','.join(texts)}" for key, texts in chosen.items()]
    return Overrides([*experiment, *plan.overrides]).merged([*others, *swept])


def _joined(planned: Sequence[Mapping[str, Sequence[Any]]]) -> dict[str, list[Any]]:
    keys = dict.fromkeys(key for one in planned for key in one)
    return {key: list(dict.fromkeys(v for one in planned for v in one.get(key, ()))) for key in keys}
