"""The index of a store: what is listed of its runs, kept so that not every record is read again.

It is a file in the store's folder, made by whoever lists the runs and may write there, and needed by nobody. What it
holds of a run counts as long as the run's manifest and configuration are the files that were read: the same inode and
size, last modified and changed at the same nanosecond.
"""

import json
import os
import re
import tempfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, fields
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from lossatlas import __version__
from lossatlas.files import remove_leftovers, replacing
from lossatlas.runs.store.fingerprint import (
    ADDED,
    NORMALIZATION_BEFORE,
    NOT_SCIENTIFIC,
    OBSERVERS,
    digest,
    scientific,
    with_added,
)
from lossatlas.runs.store.manifest import RecordRefused
from lossatlas.runs.store.progress import status_of
from lossatlas.runs.store.store import Run, Store, StoreError

INDEX = "index.json"
"""Name of the file in the folder of the store."""

_FORMAT = digest([2, __version__, list(NOT_SCIENTIFIC), list(OBSERVERS), list(ADDED.items())])
"""Which code can read it; the number is raised when a `Record` comes to hold something else."""

_UNREADABLE = (
    *(OSError, ValueError, TypeError, LookupError, AttributeError),  # StoreError is a ValueError
    *(RecursionError, yaml.YAMLError),  # an alias may be within itself
)
"""What reading a record that somebody has edited may raise."""

_SETTLED_NS = 2 * 10**9
"""Age from which a file that is written again has another time on every file system, in nanoseconds."""

Settings = dict[str, str]
"""Leaves of a configuration by their path, as text."""

_Signature = tuple[int, ...]


@dataclass(frozen=True)
class Record:
    """What is listed of a run: of its manifest, and of what changes results in its configuration."""

    status: str  # as the manifest has it
    created: str  # ISO 8601
    experiment: str  # that first asked for it; "" if none did
    scale: str  # of the experiment; "" if none did
    overrides: tuple[str, ...]
    epochs: int
    seconds: float  # of all attempts
    metrics: Mapping[str, float]
    settings: Settings


@dataclass(frozen=True)
class Listed:
    """A run of a store and its record."""

    run: Run
    record: Record | None  # None if it cannot be read
    status: str  # as of now; see `status_of`
    problem: str  # why the record cannot be read


def list_runs(store: Store) -> list[Listed]:
    """All runs of ``store`` that were started, oldest first; those whose record cannot be read come before all others.

    Records that the index does not hold, or not as they are now, are read, and the index is brought up to date where
    that can be written. `StoreError` if the folder cannot be read.
    """
    signatures = {name: _signature(store.root / name) for name in store.fingerprints()}
    kept = _load(store.root / INDEX)
    records = {
        name: record for name, (signature, record) in kept.items() if signatures.get(name) == signature
    }
    problems: dict[str, Exception] = {}
    begun = _clock(store.root) if len(records) < len(signatures) else None
    for name in signatures.keys() - records.keys():
        try:
            records[name] = _read(store.run(name))
        except _UNREADABLE as error:
            problems[name] = error
    if begun is not None:
        settled = {name for name in records if max(signatures[name][:4]) < begun - _SETTLED_NS}
        if settled - kept.keys() or any(kept[name][0] != signatures[name] for name in settled):
            _write(store.root / INDEX, {name: (signatures[name], records[name]) for name in sorted(settled)})
    listed = [_listed(store.run(name), records.get(name), problems.get(name)) for name in signatures]
    return sorted(listed, key=lambda entry: entry.record.created if entry.record else "")


def _listed(run: Run, record: Record | None, problem: Exception | None) -> Listed:
    if record is None:
        refused = isinstance(problem, RecordRefused)
        return Listed(run, None, "refused" if refused else "damaged", " ".join(str(problem).split()))
    return Listed(run, record, status_of(run) if record.status == "running" else record.status, "")


def _read(run: Run) -> Record:
    manifest = run.manifest()
    if manifest is None:
        raise StoreError(f"{run.manifest_path}: is gone")
    config = run.config()
    return Record(
        manifest.status,
        manifest.created,
        manifest.experiment or "",
        str((config.get("experiment") or {}).get("scale") or ""),
        tuple(manifest.overrides),
        manifest.epochs,
        sum(attempt.seconds for attempt in manifest.attempts),
        manifest.metrics,
        settings_of(config),
    )


def settings_of(config: Mapping[str, Any]) -> Settings:
    """What changes results in a configuration; keys that it is too old to have are at the values that it means.

    >>> settings = settings_of({"model": {"_target_": "lossatlas.models.MLP", "hidden": [4]}, "paths": {"runs": "r"}})
    >>> settings["model.activation"], settings["model.dropout"], "paths.runs" in settings
    ('relu', '0.0', False)
    """
    return flatten(with_added({"normalization": NORMALIZATION_BEFORE, **scientific(config)}))


def flatten(node: Any, path: str = "") -> Settings:
    """Leaves of nested mappings by their path; a ``_target_`` stands for the whole that it names.

    >>> flatten({"seed": 1, "model": {"_target_": "lossatlas.models.MLP", "hidden": [4]}})
    {'seed': '1', 'model': 'lossatlas.models.MLP', 'model.hidden': '[4]'}
    """
    return dict(_leaves(node, path))


def _leaves(node: Any, path: str) -> Iterator[tuple[str, str]]:
    if not isinstance(node, Mapping):
        yield path.removesuffix("._target_"), str(node)
        return
    for key, value in node.items():
        yield from _leaves(value, f"{path}.{key}" if path else str(key))


def comparable(text: str | None) -> Any:
    """Value that two texts for the same setting share: numbers as numbers, words as Hydra and Python write them.

    >>> comparable("5e-4") == comparable("0.0005"), comparable("[8,true]") == comparable("[8, True]")
    (True, True)
    >>> comparable("null") == comparable("None"), comparable("8") == comparable("[8]"), comparable(None)
    (True, False, None)
    """
    return None if text is None else _words(text)


@lru_cache(maxsize=65536)
def _words(text: str) -> tuple[Any, ...]:
    parts = re.split(r"([\[\]{},:])", re.sub(r"[\s'\"]", "", text))
    return tuple(_word(part) for part in parts if part) or ("",)


def _word(part: str) -> str | float:
    try:
        return float(part) if part.lower() != "nan" else "nan"
    except ValueError:
        return {"True": "true", "False": "false", "None": "null"}.get(part, part)


# The file


def _signature(folder: Path) -> _Signature:
    """What tells whether the record in ``folder`` is still the one that was read; times come first."""
    found = [_stat(f"{folder}/{name}") for name in ("manifest.json", "config.yaml")]
    times = [time for stat in found for time in (stat.st_mtime_ns, stat.st_ctime_ns)]
    return (*times, *(number for stat in found for number in (stat.st_size, stat.st_ino)))


def _stat(path: str) -> os.stat_result:
    try:
        return os.stat(path)
    except OSError:
        return os.stat_result([0] * 10)


def _clock(folder: Path) -> int | None:
    """The time by the clock of the file system, in nanoseconds; None where nothing can be written."""
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            return os.fstat(file.fileno()).st_mtime_ns
    except OSError:
        return None


def _load(path: Path) -> dict[str, tuple[_Signature, Record]]:
    """What an index holds; nothing if it is damaged, or that of other code."""
    try:
        head, body = path.read_bytes().split(b"\n", 1)
        if json.loads(head) != [_FORMAT, zlib.crc32(body)]:
            return {}
        leaves, runs = json.loads(body)
        pairs = [(key, value) for key, value in leaves]
        return {name: (tuple(signature), _record(values, pairs)) for name, signature, *values in runs}
    except _UNREADABLE:
        return {}


def _record(values: list[Any], leaves: list[tuple[str, str]]) -> Record:
    status, created, experiment, scale, overrides, epochs, seconds, metrics, settings = values
    flat = {leaves[n][0]: leaves[n][1] for n in settings}
    return Record(status, created, experiment, scale, tuple(overrides), epochs, seconds, metrics, flat)


def _write(path: Path, records: Mapping[str, tuple[_Signature, Record]]) -> None:
    """Replace the index, if it can be written. A leaf that many runs have is written once."""
    leaves: dict[tuple[str, str], int] = {}

    def numbers(settings: Settings) -> list[int]:
        return [leaves.setdefault(pair, len(leaves)) for pair in settings.items()]

    runs = [
        [name, signature, *_values(record), numbers(record.settings)]
        for name, (signature, record) in records.items()
    ]
    body = json.dumps([list(leaves), runs], separators=(",", ":")).encode()
    with suppress(OSError):
        remove_leftovers(path.parent, keep=[path.name])  # of those who were killed at the next line
    with suppress(OSError), replacing(path, sync=False) as temporary:
        temporary.write_bytes(json.dumps([_FORMAT, zlib.crc32(body)]).encode() + b"\n" + body)


def _values(record: Record) -> list[Any]:
    return [getattr(record, field.name) for field in fields(record) if field.name != "settings"]
