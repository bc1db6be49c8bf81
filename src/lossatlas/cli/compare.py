"""``lossatlas compare``: what differs between runs, sweeps, experiments or stores.

Help and wrong names end here: what imports torch or xarray is imported where runs are compared.
"""

import argparse
import csv
import json
import re
import shlex
import sys
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

from lossatlas.choices import nearest
from lossatlas.cli.arguments import Parser
from lossatlas.cli.filters import selected
from lossatlas.runs.differing import differences
from lossatlas.runs.store.index import Listed, Settings, list_runs
from lossatlas.runs.store.lookup import find_run
from lossatlas.runs.store.store import Store
from lossatlas.words import counted

if TYPE_CHECKING:
    from lossatlas.comparison import Side

_LONGEST = 48  # letters of what tells a run apart, behind its fingerprint
_SHORT = 8  # digits of a fingerprint, in a name
_LAST = re.compile(r"^(?:[a-z_]\w*\.)+(?=\w+$)")  # modules before the name of a class or a function

EXAMPLES = """examples:
  lossatlas compare 3f0c 91ab
  lossatlas compare optimizer=sgd optimizer=adam --where 'experiment=sharpness data.batch_size=128'
  lossatlas compare 'sgd: optimizer=sgd optimizer.lr=0.1' 'adam: optimizer=adam' --html compared.html
  lossatlas compare depth width
  lossatlas compare runs /scratch/other/runs --csv > differences.csv
"""


def main(arguments: list[str]) -> int:
    """Run ``lossatlas compare SIDE SIDE ... [--store FOLDER] [--html FILE] [--json] [--csv]``."""
    options = _parse(arguments)
    sides = sides_of(options.sides, Path(options.store), shlex.split(options.where))
    from lossatlas.comparison import compare

    comparison = compare(sides, confidence=options.confidence)
    for problem in comparison.problems:
        print(problem, file=sys.stderr)
    if options.json:
        print(json.dumps(comparison.to_json(), indent=2, ensure_ascii=False, allow_nan=False))
    elif options.csv:
        from lossatlas.comparison.differences import Difference, plain

        writer = csv.DictWriter(sys.stdout, [field.name for field in fields(Difference)], lineterminator="\n")
        writer.writeheader()
        writer.writerows(plain(one) for one in comparison.differences)
    else:
        from lossatlas.cli.comparing import show

        show(comparison)
    if options.html:
        from lossatlas.comparison.page import write_page

        write_page(comparison, Path(options.html), shlex.join(["lossatlas", "compare", *options.sides]))
        print(f"page: {options.html}", file=sys.stderr if options.json or options.csv else sys.stdout)
    return 0


def command_parser() -> Parser:
    """Parser of the command's arguments."""
    parser = Parser(
        "lossatlas compare",
        description="Compare what is there: configurations, curves, landscapes and numbers, with intervals where both "
        "sides have six seeds or more in common. All sides are compared with the first. Nothing is computed anew.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "sides",
        nargs="+",
        metavar="SIDE",
        help="the fingerprint of a run, its beginning or its folder; filters as lossatlas runs has them, in quotes "
        "where they are several; the name of an experiment; the folder of a store. 'NAME: SIDE' gives it a name",
    )
    parser.add_argument(
        "--where", default="", metavar="FILTERS", help="only runs that pass these, on all sides"
    )
    parser.add_argument("--store", default="runs", help="folder of the runs (default: runs)")
    parser.add_argument(
        "--confidence", type=float, default=0.95, help="of each interval alone (default: 0.95)"
    )
    parser.add_argument(
        "--html", metavar="FILE", help="write a page with all pictures, which needs no other file"
    )
    kinds = parser.add_mutually_exclusive_group()
    kinds.add_argument("--json", action="store_true", help="print everything as JSON")
    kinds.add_argument("--csv", action="store_true", help="print the differences as a table, a row a side")
    return parser


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = command_parser()
    options = parser.parse_intermixed_args(list(arguments))
    if len(options.sides) < 2:
        parser.error("two SIDEs or more are compared; give another")
    return options


def sides_of(texts: Sequence[str], store: Path, where: Sequence[str] = ()) -> list["Side"]:
    """The sides that are typed, each with its finished runs. ValueError for one that names no run."""
    named = [_named(text) for text in texts]
    found = [_runs_of(text, store, where) for _, text in named]
    labels = [name or text for name, text in named]
    single = [of_side[0] for of_side in found if len(of_side) == 1]
    told = dict(zip((entry.run.folder for entry in single), _told_apart(single), strict=True))
    for number, ((name, _), of_side) in enumerate(zip(named, found, strict=True)):
        if not name and len(of_side) == 1:
            labels[number] = told[of_side[0].run.folder]
    for number, label in enumerate(labels):
        if label in labels[:number]:
            raise ValueError(
                f"{label}: two sides are called so; 'NAME: {texts[number]}' gives one a name of its own"
            )
    return [_side(label, entries) for label, entries in zip(labels, found, strict=True)]


def _side(label: str, entries: Sequence[Listed]) -> "Side":
    from lossatlas.comparison import Side

    finished = tuple(entry for entry in entries if entry.status == "finished")
    if not finished:
        raise ValueError(f"{label}: {counted(len(entries), 'run')}, none of which is finished")
    return Side(label, finished, len(entries) - len(finished))


def _named(text: str) -> tuple[str, str]:
    """Name and side of "NAME: SIDE"; "" for a side without a name.

    >>> _named("sgd: optimizer=sgd"), _named("optimizer=sgd"), _named("C:/runs")
    (('sgd', 'optimizer=sgd'), ('', 'optimizer=sgd'), ('', 'C:/runs'))
    """
    name, colon, side = text.partition(": ")
    return (name.strip(), side.strip()) if colon and side.strip() else ("", text.strip())


def _runs_of(text: str, store: Path, where: Sequence[str]) -> list[Listed]:
    """The runs that a side means, oldest first."""
    first, *filters = shlex.split(text) or [""]
    if not _is_a_filter(first) and _is_a_store(first):
        return _checked(text, selected(list_runs(Store(first)), [*filters, *where]))
    if _is_a_filter(first):
        return _checked(text, selected(list_runs(Store(store)), [first, *filters, *where]))
    known = list_runs(Store(store))
    experiments = {entry.record.experiment for entry in known if entry.record} - {""}
    if first in experiments:
        return _checked(text, selected(known, [f"experiment={first}", *filters, *where]))
    return [_listed(first, store, experiments)]


def _is_a_filter(word: str) -> bool:
    return any(sign in word for sign in "=<>")


def _is_a_store(text: str) -> bool:
    folder = Path(text)
    return bool(text) and not (folder / "manifest.json").exists() and any(folder.glob("*/manifest.json"))


def _checked(text: str, runs: list[Listed]) -> list[Listed]:
    if not runs:
        raise ValueError(f"{text}: no run that is there passes")
    return runs


def _listed(text: str, store: Path, experiments: set[str]) -> Listed:
    """The run of a fingerprint or a folder."""
    try:
        run = find_run(Store(store), text)
    except ValueError as error:
        hint = nearest(text, experiments) if experiments else ""
        if "did you mean" in hint:
            raise ValueError(f"{text}: no run, store or experiment of a run; {hint}") from error
        raise
    entries = list_runs(Store(run.folder.parent))
    return next(entry for entry in entries if entry.run.fingerprint == run.fingerprint)


def _told_apart(entries: Sequence[Listed]) -> list[str]:
    """A name for each of several runs: the beginning of its fingerprint, and what it differs in if that is short."""
    records = [entry.record for entry in entries if entry.record is not None]
    if len(records) < len(entries):
        return [entry.run.fingerprint[:_SHORT] for entry in entries]
    found = differences([record.overrides for record in records], [record.settings for record in records])
    return [
        " ".join([entry.run.fingerprint[:_SHORT], *_fitting(settings)])
        for entry, settings in zip(entries, found, strict=True)
    ]


def _fitting(settings: Settings) -> list[str]:
    """As many of ``settings`` as are not too long for a name, of what is made of a section its own name alone.

    >>> _fitting({"optimizer": "torch.optim.SGD", "lr": "0.1", "augment": "{'flip': {'p': 0.5}, 'crop': {'pad': 4}}"})
    ['optimizer=SGD', 'lr=0.1']
    """
    told = [f"{key}={_LAST.sub('', value)}" for key, value in settings.items()]
    return [text for number, text in enumerate(told) if len(" ".join(told[: number + 1])) <= _LONGEST]
