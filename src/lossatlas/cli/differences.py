"""What tells the runs of an experiment apart: the overrides that they were not all launched with."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from lossatlas.runs.fingerprint import NOT_SCIENTIFIC

Settings = dict[str, str]


def differences(launched: Sequence[Sequence[str]], configs: Sequence[Settings]) -> list[Settings]:
    """For each run of an experiment the settings in which the runs differ, under their `short_keys`.

    ``launched`` are the overrides that each was launched with, ``configs`` their flat configurations, for the values
    of what only others were launched with. What follows from an override, such as the other arguments of another
    optimizer, is left out; but runs that their overrides do not tell apart, as after a change of a default, are told
    apart by their configurations.

    >>> configs = [{"seed": "0", "data.size": "8"}, {"seed": "1", "data.size": "8"}]
    >>> differences([["data.size=8"], ["seed=1", "data.size=8"]], configs)
    [{'seed': '0'}, {'seed': '1'}]
    """
    typed = [_settings(overrides) for overrides in launched]
    whole = [{**config, **settings} for config, settings in zip(configs, typed, strict=True)]
    keys = _differing(whole, _keys(typed))
    told = [tuple(settings.get(key) for key in keys) for settings in whole]
    alike = [settings for settings, values in zip(whole, told, strict=True) if told.count(values) > 1]
    keys += [key for key in _differing(alike, _keys(alike)) if key not in keys]
    short = short_keys(keys)
    return [{short[key]: settings[key] for key in keys if key in settings} for settings in whole]


def short_keys(keys: Iterable[str]) -> dict[str, str]:
    """Last part of each key, or all of it where several have the same last part.

    >>> short_keys(["optimizer.lr", "data.batch_size", "data.root", "paths.root"])
    {'optimizer.lr': 'lr', 'data.batch_size': 'batch_size', 'data.root': 'data.root', 'paths.root': 'paths.root'}
    """
    last = {key: key.rpartition(".")[2] for key in keys}
    count = Counter(last.values())
    return {key: name if count[name] == 1 else key for key, name in last.items()}


def flatten(node: Any, path: str = "") -> Settings:
    """Leaves of nested mappings by their path; a ``_target_`` stands for the whole that it names.

    >>> flatten({"seed": 1, "model": {"_target_": "lossatlas.models.MLP", "hidden": [4]}})
    {'seed': '1', 'model': 'lossatlas.models.MLP', 'model.hidden': '[4]'}
    """
    if not isinstance(node, Mapping):
        return {path.removesuffix("._target_"): str(node)}
    parts = (flatten(value, f"{path}.{key}" if path else str(key)) for key, value in node.items())
    return {key: value for part in parts for key, value in part.items()}


def _settings(overrides: Sequence[str]) -> Settings:
    """What overrides set of what changes a result; an experiment's file stands for its scale."""
    pairs = (override.lstrip("+~").partition("=") for override in overrides)
    settings = {"scale" if key == "experiment" else key: value.rpartition("/")[2] for key, _, value in pairs}
    return {key: value for key, value in settings.items() if _changes_results(key)}


def _changes_results(key: str) -> bool:
    parts = key.replace("/", ".").split(".")
    return not any(".".join(parts[:end]) in NOT_SCIENTIFIC for end in range(1, len(parts) + 1))


def _keys(settings: Iterable[Settings]) -> list[str]:
    return list(dict.fromkeys(key for each in settings for key in each))


def _differing(settings: Sequence[Settings], keys: Iterable[str]) -> list[str]:
    return [key for key in keys if len({_comparable(each.get(key)) for each in settings}) > 1]


def _comparable(value: str | None) -> str | float | None:
    try:
        return float(value) if value is not None else None
    except ValueError:
        return value
