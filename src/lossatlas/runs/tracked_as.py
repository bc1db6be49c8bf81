"""What a tracker calls a run, and what it is to know of it beside its configuration."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from lossatlas.runs.composition.choices import Group
from lossatlas.runs.composition.overrides import Overrides
from lossatlas.runs.store.fingerprint import fingerprint, no_result_changes
from lossatlas.runs.store.index import flatten

GROUPS = ("data", "model", "init", "optimizer", "scheduler", "regularizer", "study")
"""Groups of choices that are told by name."""

_group = cache(Group)


def choices_of(config: Mapping[str, Any], overrides: Sequence[str]) -> dict[str, str]:
    """Names of the choices that a plain configuration is made of, where they can be told.

    Parameters
    ----------
    config : mapping
        Resolved configuration of a run.
    overrides : sequence of str
        What it was launched with.

    Returns
    -------
    dict of str to str
        Group -> name of its file in ``conf/``.

    Examples
    --------
    >>> from lossatlas.runs.composition.compose import compose_job
    >>> job = compose_job(["model=mlp", "optimizer.lr=0.3"])
    >>> found = choices_of(job.config, job.overrides)
    >>> found["data"], found["model"], found["optimizer"]
    ('digits', 'mlp', 'sgd')
    """
    settings = flatten(config)
    found = {}
    for name in GROUPS:
        group = _group(name)
        typed = dict(Overrides(overrides).items()).get(name)
        options = [typed, *group.options] if isinstance(typed, str) else [*group.options]
        match = next((option for option in options if group.is_choice(option, settings, overrides)), None)
        if match is not None:
            found[name] = match
    return found


def name_of(config: Mapping[str, Any], overrides: Sequence[str]) -> str:
    """Name that says what differs from other runs: network, what is swept or was typed, seed.

    Parameters
    ----------
    config : mapping
        Resolved configuration of a run.
    overrides : sequence of str
        What it was launched with.

    Returns
    -------
    str
        Of an experiment's run with the values along its axes, of another with those of the overrides that change it.

    Examples
    --------
    >>> from lossatlas.runs.composition.compose import compose_job
    >>> job = compose_job(["model=mlp", "optimizer.lr=0.3", "seed=2", "logger=none"])
    >>> name_of(job.config, job.overrides)
    'mlp, optimizer.lr=0.3, seed 2'
    >>> job = compose_job(["experiment=sharpness/digits", "data.batch_size=128"])
    >>> name_of(job.config, job.overrides).startswith("vgg9_narrow, ")
    True
    """
    network = (
        choices_of(config, overrides).get("model") or str(config["model"]["_target_"]).rpartition(".")[2]
    )
    axes = config["experiment"].get("axes") or {}
    settings = flatten(config)
    if axes:
        differs = [
            f"{axis} {settings[key]}"
            for axis, key in axes.items()
            if key in settings and key not in ("seed", "model")
        ]
    else:
        differs = [
            f"{key}={value}"
            for key, value in Overrides(overrides).items()
            if key not in ("seed", "model", "scale") and no_result_changes(key) is None
        ]
    return ", ".join([network, *differs, f"seed {config['seed']}"])


def known_of(config: Mapping[str, Any], overrides: Sequence[str]) -> dict[str, Any]:
    """What a tracker's configuration of a run has beside the run's own: its fingerprint, the names of its choices.

    Parameters
    ----------
    config : mapping
        Resolved configuration of a run.
    overrides : sequence of str
        What it was launched with.

    Returns
    -------
    dict of str to Any
        ``fingerprint``, and ``choices`` by group.
    """
    return {"fingerprint": fingerprint(config), "choices": choices_of(config, overrides)}
