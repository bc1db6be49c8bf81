"""The settings in which runs differ: what tells the runs of a sweep apart."""

from collections import Counter
from collections.abc import Iterable, Sequence

from lossatlas.runs.composition.overrides import Overrides
from lossatlas.runs.store.fingerprint import no_result_changes
from lossatlas.runs.store.index import Settings, comparable


def differences(launched: Sequence[Sequence[str]], configs: Sequence[Settings]) -> list[Settings]:
    """For each run of an experiment the settings in which the runs differ, under their `_short_keys`.

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
    keys = differing(whole, _keys(typed))
    told = [tuple(settings.get(key) for key in keys) for settings in whole]
    times = Counter(told)
    alike = [settings for settings, values in zip(whole, told, strict=True) if times[values] > 1]
    keys += [key for key in differing(alike, _keys(alike)) if key not in keys]
    short = _short_keys(keys)
    return [{short[key]: settings[key] for key in keys if key in settings} for settings in whole]


def _short_keys(keys: Iterable[str]) -> dict[str, str]:
    """Last part of each key, or all of it where several have the same last part.

    >>> _short_keys(["optimizer.lr", "data.batch_size", "data.root", "paths.root"])
    {'optimizer.lr': 'lr', 'data.batch_size': 'batch_size', 'data.root': 'data.root', 'paths.root': 'paths.root'}
    """
    last = {key: key.rpartition(".")[2] for key in keys}
    count = Counter(last.values())
    return {key: name if count[name] == 1 else key for key, name in last.items()}


def _settings(overrides: Sequence[str]) -> Settings:
    """What overrides set of what changes a result; an experiment's file stands for its scale."""
    pairs = Overrides(overrides).items()
    settings = {"scale" if key == "experiment" else key: value.rpartition("/")[2] for key, value in pairs}
    return {key: value for key, value in settings.items() if no_result_changes(key) is None}


def _keys(settings: Iterable[Settings]) -> list[str]:
    return list(dict.fromkeys(key for each in settings for key in each))


def differing(settings: Sequence[Settings], keys: Iterable[str]) -> list[str]:
    """Those of ``keys`` of which there are several values; not to have a key is one.

    >>> differing([{"seed": "0", "lr": "0.1"}, {"seed": "0", "lr": "1e-1"}, {"seed": "1", "lr": "0.1"}], ["seed", "lr"])
    ['seed']
    """
    return [
        key for key in keys if len({comparable(value) for value in {each.get(key) for each in settings}}) > 1
    ]
