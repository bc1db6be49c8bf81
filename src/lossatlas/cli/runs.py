"""``lossatlas runs``: list the run store."""

import argparse
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from rich.console import Console
from rich.table import Table

from lossatlas.runs.fingerprint import scientific
from lossatlas.runs.manifest import Manifest, age_seconds
from lossatlas.runs.store import Run, Store, StoreError


def main(arguments: list[str]) -> int:
    """Run ``lossatlas runs [KEY=VALUE ...] [--store FOLDER]``."""
    parser = argparse.ArgumentParser("lossatlas runs", description="List the run store.")
    parser.add_argument(
        "filters",
        nargs="*",
        metavar="KEY=VALUE",
        help="only runs with this: a key of the configuration (optimizer.lr=0.1, seed=3), status or experiment",
    )
    parser.add_argument("--store", default="runs", help="folder of the runs (default: runs)")
    options = parser.parse_args(arguments)
    filters = dict(_split(text) for text in options.filters)
    entries = [entry for run in Store(options.store).runs() if _matches(entry := Entry(run), filters)]
    if not entries:
        Console().print(f"no runs in {options.store}/" + (" that match" if filters else ""), highlight=False)
        return 0
    _print(entries)
    return 0


class Entry:
    """A run as it is listed. A run whose record cannot be read is listed as damaged."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.manifest: Manifest | None = None
        self.flat: dict[str, str] = {}
        self.status = "damaged"
        try:
            self.manifest = run.manifest()
            self.flat = _flatten(scientific(run.config()))
        except (StoreError, OSError, ValueError):
            return
        if self.manifest is not None:
            dead = self.manifest.status == "running" and not run.is_locked()
            self.status = "interrupted" if dead else self.manifest.status

    @property
    def experiment(self) -> str:
        """Name of the experiment that first asked for the run, or nothing."""
        return (self.manifest.experiment or "") if self.manifest else ""

    def value(self, key: str) -> str | None:
        """Value of a filter's key, as text."""
        return {"status": self.status, "experiment": self.experiment}.get(key, self.flat.get(key))


def _split(text: str) -> tuple[str, str]:
    key, separator, value = text.partition("=")
    if not separator:
        raise ValueError(f"{text}: a filter is written KEY=VALUE")
    return key, value


def _matches(entry: Entry, filters: Mapping[str, str]) -> bool:
    return all(_same(entry.value(key), wanted) for key, wanted in filters.items())


def _same(value: str | None, wanted: str) -> bool:
    if value is None:
        return False
    try:
        return float(value) == float(wanted)
    except ValueError:
        return value == wanted


def _flatten(node: Any, path: str = "") -> dict[str, str]:
    if isinstance(node, Mapping):
        parts = (_flatten(value, f"{path}.{key}" if path else str(key)) for key, value in node.items())
        return {key: value for part in parts for key, value in part.items()}
    return {path: str(node)}


def _differing(entries: Sequence[Entry]) -> list[str]:
    """Keys whose value is not the same in all readable entries."""
    readable = [entry.flat for entry in entries if entry.flat]
    keys = dict.fromkeys(key for flat in readable for key in flat)
    return [key for key in keys if len({flat.get(key) for flat in readable}) > 1]


def _print(entries: Sequence[Entry]) -> None:
    differing = _differing(entries)
    table = Table(box=None, pad_edge=False)
    table.add_column("run", no_wrap=True, min_width=16)
    for heading in ("experiment", "what differs", "status", "epochs", "test error", "age"):
        table.add_column(heading)
    for entry in entries:
        differs = " ".join(f"{_short(key)}={entry.flat[key]}" for key in differing if key in entry.flat)
        table.add_row(entry.run.fingerprint, entry.experiment, differs, entry.status, *_numbers(entry))
    Console().print(table)


def _short(key: str) -> str:
    """Key without its last ``_target_``, which says no more than the part before it."""
    return key.removesuffix("._target_")


def _numbers(entry: Entry) -> tuple[str, str, str]:
    if entry.manifest is None:
        return "", "", ""
    error = entry.manifest.metrics.get("test_error")
    age = timedelta(seconds=round(age_seconds(entry.manifest.created)))
    return str(entry.manifest.epochs), "" if error is None else f"{error:.2%}", str(age)
