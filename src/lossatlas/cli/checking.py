"""``lossatlas runs check``: whether the files of a store are what was written."""

import sys
from collections import Counter

from rich.console import Console

from lossatlas.cli.arguments import Parser
from lossatlas.cli.filters import selected
from lossatlas.runs.store.index import list_runs
from lossatlas.runs.store.store import Store
from lossatlas.words import counted


def main(arguments: list[str]) -> int:
    """Run ``lossatlas runs check [FILTER ...] [--store FOLDER]``; 1 if anything is damaged."""
    options = command_parser().parse_intermixed_args(arguments)
    from lossatlas.runs.store.upkeep import problems, set_aside_files  # imports xarray

    entries = selected(list_runs(Store(options.store)), options.filters)
    wrong, aside = 0, []
    with Console(stderr=True).status("reading files"):
        for entry in entries:
            found = problems(entry)
            wrong += bool(found)
            aside += set_aside_files(entry.run)
            for line in found:
                print(line, file=sys.stderr)
    counts = Counter(entry.status for entry in entries)
    told = ", ".join(f"{count} {status}" for status, count in counts.items())
    print(f"{counted(len(entries), 'run')} in {options.store}/{f': {told}' if told else ''}")
    if aside:
        print(
            f"{counted(len(aside), 'file')} that were damaged before lie set aside: {', '.join(sorted(set(aside)))}"
        )
    print(
        f"{counted(wrong, 'run')} with damage; asked for again, what is damaged is computed anew"
        if wrong
        else "all whole"
    )
    return 1 if wrong else 0


def command_parser() -> Parser:
    """Parser of the command's arguments."""
    parser = Parser(
        "lossatlas runs check",
        description="Read every file of the store's runs, and say which are damaged or missing. Changes nothing.",
    )
    parser.add_argument(
        "filters", nargs="*", metavar="FILTER", help="only runs that pass, as lossatlas runs has them"
    )
    parser.add_argument("--store", default="runs", help="folder of the runs (default: runs)")
    return parser
