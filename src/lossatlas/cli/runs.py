"""``lossatlas runs``: list the run store; ``check`` whether its files are whole, ``prune`` what is no longer wanted."""

import argparse
import csv
import json
import sys
from collections.abc import Sequence
from typing import Any

from lossatlas.cli.arguments import Parser
from lossatlas.cli.console import console
from lossatlas.cli.filters import selected
from lossatlas.cli.plain_table import table_lines
from lossatlas.cli.run_columns import DEFAULT, Column, Entry, column, in_bytes, plain
from lossatlas.runs.differing import differences
from lossatlas.runs.store.index import Record, list_runs
from lossatlas.runs.store.store import Store
from lossatlas.words import counted

_NARROW = 100  # columns of a terminal below which the table's own are set closer
_FILTERS = (
    "only runs with this: a value of their configuration (optimizer.lr=0.1, or lr=0.1), a group's choice (model=mlp), "
    "status, experiment or scale; seed=0,1: one of the two; seed!=0; 'test_error<2%%', 'lr>=0.01', 'age>7d': compared"
)


def main(arguments: list[str]) -> int:
    """Run ``lossatlas runs [check|prune] [FILTER ...] [--store FOLDER]``."""
    if arguments[:1] == ["prune"]:
        from lossatlas.cli import pruning

        return pruning.main(arguments[1:])
    if arguments[:1] == ["check"]:
        from lossatlas.cli import checking

        return checking.main(arguments[1:])
    options = command_parser().parse_intermixed_args(arguments)
    runs = list_runs(Store(options.store))
    entries = [Entry(listed) for listed in runs]
    _tell_apart(entries)
    names = [name.strip() for name in options.columns.split(",")] if options.columns else list(DEFAULT)
    names += ["size"] if options.disk and "size" not in names else []
    columns = [column(name, entries) for name in names]
    wanted = {id(listed) for listed in selected(runs, options.filters)}
    passed = [entry for entry in entries if id(entry.listed) in wanted]
    if options.sort:
        passed = _sorted(passed, [column(name, entries) for name in options.sort.split(",")], options.reverse)
    elif options.reverse:
        passed.reverse()
    _show(passed, columns, options)
    for entry in passed:
        if entry.problem:
            print(entry.problem, file=sys.stderr)
    return 0


def command_parser() -> Parser:
    """Parser of the command's arguments."""
    parser = Parser(
        "lossatlas runs",
        usage="lossatlas runs [FILTER ...] [--sort COLUMN] [--columns COLUMN,...] [--disk] [--json | --csv]\n"
        "       lossatlas runs check [FILTER ...]\n"
        "       lossatlas runs prune FILTER ... [--checkpoints] [--yes]",
        description="List the run store, oldest run first; check that its files are whole; remove runs.",
    )
    parser.add_argument("filters", nargs="*", metavar="FILTER", help=_FILTERS)
    parser.add_argument("--store", default="runs", help="folder of the runs (default: runs)")
    parser.add_argument(
        "--sort", metavar="COLUMN,...", help="by these columns, not by age; what has none is last"
    )
    parser.add_argument("--reverse", action="store_true", help="the other way round")
    parser.add_argument(
        "--columns",
        metavar="COLUMN,...",
        help=f"which to show: {', '.join(DEFAULT)}, scale, created, seconds, size, a metric (test_loss), a group whose "
        "choice is told (model), a key (optimizer.lr, or lr)",
    )
    parser.add_argument(
        "--disk", action="store_true", help="how much room each takes on the disk, and all together"
    )
    kinds = parser.add_mutually_exclusive_group()
    kinds.add_argument(
        "--json", action="store_true", help="print everything, or the columns asked for, as JSON"
    )
    kinds.add_argument("--csv", action="store_true", help="print the columns as CSV")
    return parser


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


def _sorted(entries: Sequence[Entry], columns: Sequence[Column], reverse: bool) -> list[Entry]:
    """By several columns, the first of them counting most; entries without a value stay last either way."""
    found = list(entries)
    for one in reversed(columns):
        known = [entry for entry in found if one.value(entry) not in (None, "")]
        found = [
            *sorted(known, key=one.order, reverse=reverse),
            *(entry for entry in found if entry not in known),
        ]
    return found


def _show(entries: Sequence[Entry], columns: Sequence[Column], options: argparse.Namespace) -> None:
    if options.json:
        shown = [_as_json(entry, columns if options.columns else (), options.disk) for entry in entries]
        print(json.dumps(shown, indent=2, ensure_ascii=False, allow_nan=False))
    elif options.csv:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow([one.name for one in columns])
        writer.writerows([plain(one.value(entry)) for one in columns] for entry in entries)
    elif entries:
        _print(entries, columns)
        if options.disk:
            total = sum(entry.size for entry in entries)
            print(f"{counted(len(entries), 'run')}, {in_bytes(total)}")
    else:
        print(f"no runs in {options.store}/" + (" that match" if options.filters else ""))


def _as_json(entry: Entry, columns: Sequence[Column], disk: bool) -> dict[str, Any]:
    """The ``columns`` of a run; all that is listed of it where there are none."""
    if columns:
        return {one.name: plain(one.value(entry)) for one in columns}
    record = entry.listed.record
    found: dict[str, Any] = {"run": entry.run.fingerprint, "status": entry.status}
    if record is not None:
        found |= {key: value for key, value in vars(record).items() if key != "status"}
        found["metrics"] = {name: plain(value) for name, value in record.metrics.items()}
    return (
        found | ({"size": entry.size} if disk else {}) | ({"problem": entry.problem} if entry.problem else {})
    )


def _print(entries: Sequence[Entry], columns: Sequence[Column]) -> None:
    terminal = console()
    narrow = terminal.width < _NARROW
    rows = [[one.text(one.value(entry)) for one in columns] for entry in entries]
    header = [one.heading for one in columns]
    folded = [number for number, one in enumerate(columns) if one.may_be_long]
    gap = 1 if narrow else 2  # and "test error" in two lines
    most = {header.index("test error"): 7} if narrow and "test error" in header else {}
    for line in table_lines(header, rows, width=terminal.width, gap=gap, folded=folded, most=most):
        print(line)
