"""Columns of the list of runs: what is known of a run, its metrics, its choices and the keys of its configuration."""

import math
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from lossatlas.choices import nearest
from lossatlas.cli.filters import meant, scale_of
from lossatlas.experiments.cost.in_words import duration
from lossatlas.runs.composition.choices import Group, groups
from lossatlas.runs.store.index import Listed, Record, Settings
from lossatlas.runs.store.manifest import age_seconds
from lossatlas.runs.store.progress import read_progress

DEFAULT = ("run", "experiment", "differs", "status", "epochs", "test_error", "age")
"""Those of the table where none are asked for."""

_UNITS = (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))
_BYTES = (("GB", 1e9), ("MB", 1e6), ("kB", 1e3))


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

    @cached_property
    def size(self) -> int:
        """Bytes of all files in its folder."""
        return size_of(self.run.folder)


@dataclass(frozen=True)
class Column:
    """What it is called, its heading, its value for a run (None: none), and how that is written."""

    name: str
    heading: str
    value: Callable[[Entry], Any]
    text: Callable[[Any], str]
    may_be_long: bool = False

    def order(self, entry: Entry) -> tuple[bool, float, str]:
        """What runs are sorted by: numbers by their size, before words."""
        value = self.value(entry)
        try:
            return False, float(value), ""
        except (TypeError, ValueError):
            return True, 0.0, str(value)


def column(name: str, entries: Sequence[Entry]) -> Column:
    """The column of that name among what these ``entries`` have. ValueError, with the nearest, if there is none."""
    if name in _KNOWN:
        heading, value, text = _KNOWN[name]
        return Column(name, heading, value, text, name in ("experiment", "differs"))
    records = [entry.listed.record for entry in entries if entry.listed.record]
    metrics = {key for record in records for key in record.metrics}
    if name in metrics or name in DEFAULT:
        return Column(name, name.replace("_", " "), lambda entry: _metric(entry, name), _number_of(name))
    if name in groups() and name != "experiment":
        group = Group(name)
        return Column(name, name, lambda entry: _choice(entry, group), str, may_be_long=True)
    settings = dict.fromkeys((key for record in records for key in record.settings), "")
    if not meant(name, settings):
        known = {*_KNOWN, *metrics, *settings, *(key.rpartition(".")[2] for key in settings), *groups()}
        hint = nearest(name, known)
        close = f"; {hint}" if "did you mean" in hint else "; lossatlas runs --help says which there are"
        raise ValueError(f"{name}: no such column{close}")
    return Column(name, name, lambda entry: _setting(entry, name), str, may_be_long=True)


def plain(value: Any) -> Any:
    """A value as JSON and CSV have it: what is not a finite number is None."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def size_of(folder: Path) -> int:
    """Bytes of the files below a folder; links count for themselves."""
    return sum(
        os.lstat(os.path.join(place, name)).st_size for place, _, files in os.walk(folder) for name in files
    )


def in_bytes(size: float) -> str:
    """A size in its largest unit.

    >>> in_bytes(312), in_bytes(23_400_000), in_bytes(1.2e9)
    ('312 B', '23.4 MB', '1.2 GB')
    """
    for unit, of_unit in _BYTES:
        if size >= of_unit:
            return f"{size / of_unit:.1f} {unit}"
    return f"{size:.0f} B"


def _age(seconds: float) -> str:
    """Age in its largest unit.

    >>> _age(0.2), _age(59.9), _age(7300), _age(200000)
    ('0 s', '59 s', '2 h', '2 d')
    """
    unit, size = next(((unit, size) for unit, size in _UNITS if seconds >= size), _UNITS[-1])
    return f"{int(seconds // size)} {unit}"


def _of_record(value: Callable[[Record], Any]) -> Callable[[Entry], Any]:
    return lambda entry: None if entry.listed.record is None else value(entry.listed.record)


def _epochs(entry: Entry) -> int | str | None:
    """Epochs of a finished run; of another, how many of all it had begun when it last said."""
    record = entry.listed.record
    if record is None or record.status == "finished":
        return None if record is None else record.epochs
    progress = read_progress(entry.run)
    return f"{progress.epoch}/{progress.epochs}" if progress is not None and progress.epochs else None


def _differs(entry: Entry) -> str:
    return " ".join(f"{key}={value}" for key, value in entry.differs.items())


def _or_nothing(text: Callable[[Any], str]) -> Callable[[Any], str]:
    return lambda value: "" if value is None else text(value)


_KNOWN: dict[str, tuple[str, Callable[[Entry], Any], Callable[[Any], str]]] = {
    # name: heading, value, how it is written
    "run": ("run", lambda entry: entry.run.fingerprint, str),
    "experiment": ("experiment", lambda entry: entry.experiment, str),
    "scale": ("scale", _of_record(scale_of), _or_nothing(str)),
    "differs": ("what differs", _differs, str),
    "status": ("status", lambda entry: entry.status, str),
    "epochs": ("epochs", _epochs, _or_nothing(str)),
    "created": ("created", _of_record(lambda record: record.created), _or_nothing(str)),
    "age": ("age", _of_record(lambda record: age_seconds(record.created)), _or_nothing(_age)),
    "seconds": ("trained in", _of_record(lambda record: record.seconds), _or_nothing(duration)),
    "size": ("size", lambda entry: entry.size, in_bytes),
}


def _metric(entry: Entry, name: str) -> float | None:
    return None if entry.listed.record is None else entry.listed.record.metrics.get(name)


def _number_of(name: str) -> Callable[[Any], str]:
    """How a metric is written: an error as a percentage."""
    is_share = name.endswith("_error") and "calibration" not in name
    return _or_nothing(lambda value: f"{value:.2%}" if is_share else f"{value:.4g}")


def _setting(entry: Entry, name: str) -> str:
    record = entry.listed.record
    if record is None:
        return ""
    return ", ".join(dict.fromkeys(record.settings[key] for key in meant(name, record.settings)))


def _choice(entry: Entry, group: Group) -> str:
    """The choice of a group that a run is of; what is made of its section where it is none of them."""
    record = entry.listed.record
    return "" if record is None else group.choice_of(record.settings, record.overrides)
