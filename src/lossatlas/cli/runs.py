"""``lossatlas runs``: list the run store."""

import argparse
from collections.abc import Sequence

import yaml
from rich.table import Table

from lossatlas.cli.console import console
from lossatlas.cli.differences import Settings, differences, flatten
from lossatlas.cli.status import status_of
from lossatlas.runs.fingerprint import scientific
from lossatlas.runs.manifest import Manifest, age_seconds
from lossatlas.runs.progress import read_progress
from lossatlas.runs.store import Run, Store, StoreError

NARROW = 100  # columns of a terminal below which the table's own are set closer
UNITS = (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))


def main(arguments: list[str]) -> int:
    """Run ``lossatlas runs [KEY=VALUE ...] [--store FOLDER]``."""
    parser = argparse.ArgumentParser("lossatlas runs", description="List the run store, oldest run first.")
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
    tell_apart(entries)
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
        return any(key in part and _same(part[key], wanted) for part in (record, self.differs, self.settings))


def tell_apart(entries: Sequence[Entry]) -> None:
    """Give each entry the settings in which the runs of its experiment differ."""
    for experiment in {entry.experiment for entry in entries}:
        group = [entry for entry in entries if entry.experiment == experiment and entry.status != "damaged"]
        launched = [entry.manifest.overrides if entry.manifest else [] for entry in group]
        found = differences(launched, [entry.settings for entry in group])
        for entry, differs in zip(group, found, strict=True):
            entry.differs = differs


def _split(text: str) -> tuple[str, str]:
    key, separator, value = text.partition("=")
    if not separator:
        raise ValueError(f"{text}: a filter is written KEY=VALUE")
    return key, value


def _same(value: str, wanted: str) -> bool:
    try:
        return float(value) == float(wanted)
    except ValueError:
        return value == wanted


def _print(entries: Sequence[Entry]) -> None:
    terminal = console()
    narrow = terminal.width < NARROW
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
    unit, size = next(((unit, size) for unit, size in UNITS if seconds >= size), UNITS[-1])
    return f"{int(seconds // size)} {unit}"
