"""``lossatlas runs``: list the run store."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import yaml
from rich.table import Table

from lossatlas.cli.arguments import Parser
from lossatlas.cli.console import console
from lossatlas.runs.composition.overrides import Overrides
from lossatlas.runs.store.fingerprint import NOT_SCIENTIFIC, scientific
from lossatlas.runs.store.manifest import Manifest, age_seconds
from lossatlas.runs.store.progress import read_progress, status_of
from lossatlas.runs.store.store import Run, Store, StoreError

_NARROW = 100  # columns of a terminal below which the table's own are set closer

_UNITS = (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))


def main(arguments: list[str]) -> int:
    """Run ``lossatlas runs [KEY=VALUE ...] [--store FOLDER]``."""
    parser = Parser("lossatlas runs", description="List the run store, oldest run first.")
    parser.add_argument(
        "filters",
        nargs="*",
        metavar="KEY=VALUE",
        help="only runs with this: status, experiment, a key that is listed, or one of the configuration "
        "(optimizer.lr=0.1)",
    )
    parser.add_argument("--store", default="runs", help="folder of the runs (default: runs)")
    options = parser.parse_intermixed_args(arguments)
    filters = dict(_split(text) for text in options.filters)
    entries = [Entry(run) for run in Store(options.store).runs()]
    _tell_apart(entries)
    listed = [entry for entry in entries if all(entry.has(key, value) for key, value in filters.items())]
    if listed:
        _print(listed)
    else:
        print(f"no runs in {options.store}/" + (" that match" if filters else ""))
    return 0


class Entry:
    """A run as it is listed. A run whose record cannot be read is listed as damaged."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.status = status_of(run)
        self.manifest: Manifest | None = None
        self.settings: Settings = {}  # of its configuration, flat
        self.differs: Settings = {}  # those in which the runs of its experiment differ
        try:
            self.manifest = run.manifest()
            self.settings = flatten(scientific(run.config()))
        except (StoreError, OSError, ValueError, AttributeError, yaml.YAMLError):
            self.status = "damaged"

    @property
    def experiment(self) -> str:
        """Name of the experiment that first asked for the run, or nothing."""
        return (self.manifest.experiment or "") if self.manifest else ""

    def has(self, key: str, wanted: str) -> bool:
        """Whether the entry has that value, of its configuration or as it is listed; numbers compare as numbers."""
        record = {"status": self.status, "experiment": self.experiment}
        parts = (record, self.differs, self.settings)
        return any(key in part and _comparable(part[key]) == _comparable(wanted) for part in parts)


def _tell_apart(entries: Sequence[Entry]) -> None:
    """Give each entry the settings in which the runs of its experiment differ."""
    for experiment in {entry.experiment for entry in entries}:
        group = [entry for entry in entries if entry.experiment == experiment and entry.status != "damaged"]
        launched = [entry.manifest.overrides if entry.manifest else [] for entry in group]
        found = differences(launched, [entry.settings for entry in group])
        for entry, differs in zip(group, found, strict=True):
            entry.differs = differs


def _split(text: str) -> tuple[str, str]:
    if "=" not in text:
        raise ValueError(f"{text}: a filter is written KEY=VALUE")
    ((key, value),) = Overrides([text]).items()
    return key, value


def _print(entries: Sequence[Entry]) -> None:
    terminal = console()
    narrow = terminal.width < _NARROW
    table = Table(box=None, pad_edge=False, padding=(0, 1 if narrow else 2, 0, 0))
    table.add_column("run", no_wrap=True)
    table.add_column("experiment", overflow="fold")
    table.add_column("what differs", overflow="fold")
    table.add_column("status", no_wrap=True)
    table.add_column("epochs", no_wrap=True)
    table.add_column("test error", width=7 if narrow else None)
    table.add_column("age", no_wrap=True)
    for entry in entries:
        differs = " ".join(f"{key}={value}" for key, value in entry.differs.items())
        table.add_row(entry.run.fingerprint, entry.experiment, differs, entry.status, *_numbers(entry))
    terminal.print(table)


def _numbers(entry: Entry) -> tuple[str, str, str]:
    if entry.manifest is None:
        return "", "", ""
    error = entry.manifest.metrics.get("test_error")
    return (
        _epochs(entry.run, entry.manifest),
        "" if error is None else f"{error:.2%}",
        _age(age_seconds(entry.manifest.created)),
    )


def _epochs(run: Run, manifest: Manifest) -> str:
    """Epochs of a finished run; of another, how many of all it had begun when it last said."""
    if manifest.status == "finished":
        return str(manifest.epochs)
    progress = read_progress(run)
    return f"{progress.epoch}/{progress.epochs}" if progress is not None and progress.epochs else ""


def _age(seconds: float) -> str:
    """Age in its largest unit.

    >>> _age(0.2), _age(59.9), _age(7300), _age(200000)
    ('0 s', '59 s', '2 h', '2 d')
    """
    unit, size = next(((unit, size) for unit, size in _UNITS if seconds >= size), _UNITS[-1])
    return f"{int(seconds // size)} {unit}"


Settings = dict[str, str]


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
    keys = _differing(whole, _keys(typed))
    told = [tuple(settings.get(key) for key in keys) for settings in whole]
    alike = [settings for settings, values in zip(whole, told, strict=True) if told.count(values) > 1]
    keys += [key for key in _differing(alike, _keys(alike)) if key not in keys]
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
    pairs = Overrides(overrides).items()
    settings = {"scale" if key == "experiment" else key: value.rpartition("/")[2] for key, value in pairs}
    return {key: value for key, value in settings.items() if _changes_results(key)}


def _changes_results(key: str) -> bool:
    parts = key.split(".")
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
