"""``lossatlas runs``: list the run store."""

import sys
from collections import Counter
from collections.abc import Iterable, Sequence

from lossatlas.cli.arguments import Parser
from lossatlas.cli.console import console
from lossatlas.cli.filters import Filter
from lossatlas.cli.plain_table import table_lines
from lossatlas.runs.composition.overrides import Overrides
from lossatlas.runs.store.fingerprint import no_result_changes
from lossatlas.runs.store.index import Listed, Record, Settings, comparable, list_runs
from lossatlas.runs.store.manifest import age_seconds
from lossatlas.runs.store.progress import read_progress
from lossatlas.runs.store.store import Run, Store

_NARROW = 100  # columns of a terminal below which the table's own are set closer

_HEADER = ("run", "experiment", "what differs", "status", "epochs", "test error", "age")

_UNITS = (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))


def main(arguments: list[str]) -> int:
    """Run ``lossatlas runs [KEY=VALUE ...] [--store FOLDER]``."""
    parser = Parser("lossatlas runs", description="List the run store, oldest run first.")
    parser.add_argument(
        "filters",
        nargs="*",
        metavar="KEY=VALUE",
        help="only runs with this: a value of their configuration (optimizer.lr=0.1, or lr=0.1), a group's choice "
        "(model=mlp), status, experiment or scale; seed=0,1: one of the two",
    )
    parser.add_argument("--store", default="runs", help="folder of the runs (default: runs)")
    options = parser.parse_intermixed_args(arguments)
    filters = [Filter(text) for text in options.filters]
    runs = list_runs(Store(options.store))
    for wanted in filters:
        wanted.check(runs)
    entries = [Entry(listed) for listed in runs]
    _tell_apart(entries)
    passed = [entry for entry in entries if all(wanted.passes(entry.listed) for wanted in filters)]
    if passed:
        _print(passed)
    else:
        print(f"no runs in {options.store}/" + (" that match" if filters else ""))
    for entry in passed:
        if entry.problem:
            print(entry.problem, file=sys.stderr)
    return 0


class Entry:
    """A row of the table. A run whose record cannot be read is listed as damaged."""

    def __init__(self, listed: Listed) -> None:
        self.listed = listed
        self.run = listed.run
        self.status = listed.status
        self.problem = listed.problem  # why its record cannot be read
        self.differs: Settings = {}  # the settings in which the runs of its experiment differ

    @property
    def experiment(self) -> str:
        """Name of the experiment that first asked for the run, or nothing."""
        return self.listed.record.experiment if self.listed.record else ""


def _tell_apart(entries: Sequence[Entry]) -> None:
    """Give each entry the settings in which the runs of its experiment differ."""
    groups: dict[str, list[tuple[Entry, Record]]] = {}
    for entry in entries:
        if entry.listed.record is not None:
            groups.setdefault(entry.experiment, []).append((entry, entry.listed.record))
    for group in groups.values():
        found = differences(
            [record.overrides for _, record in group], [record.settings for _, record in group]
        )
        for (entry, _), differs in zip(group, found, strict=True):
            entry.differs = differs


def _print(entries: Sequence[Entry]) -> None:
    terminal = console()
    narrow = terminal.width < _NARROW
    rows = [_row(entry) for entry in entries]
    gap, most = (1, {5: 7}) if narrow else (2, {})  # "test error" in two lines
    for line in table_lines(_HEADER, rows, width=terminal.width, gap=gap, folded=[1, 2], most=most):
        print(line)


def _row(entry: Entry) -> list[str]:
    differs = " ".join(f"{key}={value}" for key, value in entry.differs.items())
    numbers = _numbers(entry.listed.record, entry.run)
    return [entry.run.fingerprint, entry.experiment, differs, entry.status, *numbers]


def _numbers(record: Record | None, run: Run) -> tuple[str, str, str]:
    if record is None:
        return "", "", ""
    error = "" if record.test_error is None else f"{record.test_error:.2%}"
    return _epochs(run, record), error, _age(age_seconds(record.created))


def _epochs(run: Run, record: Record) -> str:
    """Epochs of a finished run; of another, how many of all it had begun when it last said."""
    if record.status == "finished":
        return str(record.epochs)
    progress = read_progress(run)
    return f"{progress.epoch}/{progress.epochs}" if progress is not None and progress.epochs else ""


def _age(seconds: float) -> str:
    """Age in its largest unit.

    >>> _age(0.2), _age(59.9), _age(7300), _age(200000)
    ('0 s', '59 s', '2 h', '2 d')
    """
    unit, size = next(((unit, size) for unit, size in _UNITS if seconds >= size), _UNITS[-1])
    return f"{int(seconds // size)} {unit}"


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
    times = Counter(told)
    alike = [settings for settings, values in zip(whole, told, strict=True) if times[values] > 1]
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


def _settings(overrides: Sequence[str]) -> Settings:
    """What overrides set of what changes a result; an experiment's file stands for its scale."""
    pairs = Overrides(overrides).items()
    settings = {"scale" if key == "experiment" else key: value.rpartition("/")[2] for key, value in pairs}
    return {key: value for key, value in settings.items() if no_result_changes(key) is None}


def _keys(settings: Iterable[Settings]) -> list[str]:
    return list(dict.fromkeys(key for each in settings for key in each))


def _differing(settings: Sequence[Settings], keys: Iterable[str]) -> list[str]:
    return [
        key for key in keys if len({comparable(value) for value in {each.get(key) for each in settings}}) > 1
    ]
