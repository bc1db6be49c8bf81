"""What ``lossatlas reproduce`` has answered before, told again while nothing has changed that the answer depends on.

Composing an experiment's jobs and opening their landscapes takes seconds, importing torch as long again. So a whole
answer leaves a note of all files that it is made of, by their state, and of what it was asked in: the next call that
finds all of them as they were reads the verdict, and imports none of that.
"""

import hashlib
import json
import os
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from lossatlas.files import replacing

States = dict[str, list[int] | None]
_FORMAT = 1
_KINDS = {"format": int, "asked in": str, "results": str, "runs": str, "files": dict, "folders": dict}
_SAYS_NOTHING = frozenset({"_", "SHLVL", "PWD", "OLDPWD", "COLUMNS", "LINES", "TERM", "TERM_PROGRAM"})
"""Variables of the environment that differ from call to call and change no answer."""

_INSTALLED = (".dist-info", ".egg-info", ".egg-link", ".pth")
"""How names end by which a folder of packages tells what is installed, and in which version."""


def tell_again(arguments: Sequence[str]) -> bool:
    """Print the answer that ``lossatlas reproduce`` gave to these arguments, if it still holds; else return False."""
    started = time.monotonic()
    note = _read(_place(arguments)) if _can_be_kept(arguments) else None
    if note is None or note["asked in"] != asked_in(arguments) or note["files"] != states(note["files"]):
        return False
    if any(_names(folder) != names for folder, names in note["folders"].items()):
        return False
    show(Path(note["results"]), Path(note["runs"]), started=started)
    return True


def keep(arguments: Sequence[str], asked: str, *, results: Path, runs: Path, files: States) -> None:
    """Note that these arguments are answered by the folder ``results``, made of ``files`` of the store ``runs``.

    ``asked`` is what `asked_in` was at the beginning, before anything else was imported or set, and ``files`` the
    `states` of the store's files before they were read: what another process changes since is asked anew.

    Nothing is noted where it could not be told that the answer has changed: with options, with a folder or a file of
    the user's own, and for a class that is named; nor where there is no place for it.
    """
    if not _can_be_kept(arguments):
        return
    made = [path for path in sorted(results.rglob("*")) if path.is_file()]
    note = {
        "format": _FORMAT,
        "asked in": asked,
        "results": str(results),
        "runs": str(runs),
        "files": {**files, **states(made)},
        "folders": {str(folder.resolve()): _names(folder) for folder in {path.parent for path in made}},
    }
    with suppress(OSError):
        place = _place(arguments)
        place.parent.mkdir(parents=True, exist_ok=True)
        with replacing(place) as temporary:
            temporary.write_text(json.dumps(note), encoding="utf-8")


def show(results: Path, runs: Path, *, started: float, remarks: Sequence[str] = ()) -> None:
    """Print the verdicts, ``remarks`` on them, where everything lies, and the time since ``started`` (monotonic)."""
    from lossatlas.claims import table, verdicts_from_json
    from lossatlas.cli.console import READABLE, console

    out = console(READABLE, markup=True)
    verdict = results / "verdict.json"
    out.print(table(verdicts_from_json(verdict.read_text(encoding="utf-8"))))
    for remark in remarks:
        out.print(remark)
    places = {
        "figure": results / "figure.png",
        "to turn by hand": results / "surface.html",
        "verdict": verdict,
        "data": results / "data",
        "runs": runs,
        "W&B, offline": results / "wandb",
    }
    for what, path in places.items():
        if path.exists():
            out.print(f"{what + ':':<17}{path}", soft_wrap=True, markup=False)
    out.print(f"answered in {time.monotonic() - started:.0f} s")


def _can_be_kept(arguments: Sequence[str]) -> bool:
    """Whether the files that the answer depends on are known: the package's own, the store's, and the results.

    >>> _can_be_kept(["depth", "seed=0,1", "paths.runs=/tmp"]), _can_be_kept(["depth", "--no-train"])
    (True, False)
    >>> _can_be_kept(["depth", "figures.matplotlibrc=/"]), _can_be_kept(["depth", "model._target_=mine.Net"])
    (False, False)
    """

    def is_known(argument: str) -> bool:
        key, _, value = argument.partition("=")
        own = "_target_" in argument or "searchpath" in key or "${" in value
        is_place = key in ("paths.runs", "paths.results", "paths.data")
        return not argument.startswith("-") and not own and (is_place or not _holds_a_path(value))

    return all(map(is_known, arguments))


def _holds_a_path(value: str) -> bool:
    parts = value.replace("[", " ").replace("]", " ").replace(",", " ").replace(":", " ").split()
    return any("/" in part or os.sep in part or Path(part.strip("'\"")).is_file() for part in (value, *parts))


def _place(arguments: Sequence[str]) -> Path:
    """File of the note on these arguments, given in this folder."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "lossatlas" / "answers" / f"{_digest([os.getcwd(), *arguments])[:32]}.json"


def _read(place: Path) -> dict[str, Any] | None:
    """A note; None if there is none, or none that can be used."""
    try:
        note = json.loads(place.read_text(encoding="utf-8"))
        kinds = {name: type(value) for name, value in note.items()}
        return note if kinds == _KINDS and note["format"] == _FORMAT else None
    except (OSError, ValueError, AttributeError):
        return None


def asked_in(arguments: Sequence[str]) -> str:
    """Digest of all but the store's files that decides on an answer: code, configurations, versions, environment."""
    package = Path(__file__).parents[1]
    checkout = package.parents[1]
    folders = [package] + [checkout / name for name in ("conf", "experiments") if (checkout / name).is_dir()]
    environment = {name: value for name, value in os.environ.items() if name not in _SAYS_NOTHING}
    return _digest(
        {
            "arguments": list(arguments),
            "folder": os.getcwd(),
            "python": [sys.version, sys.executable, sys.path[1:]],
            "environment": environment,
            "packages": [[name for name in _names(place) if name.endswith(_INSTALLED)] for place in sys.path],
            "sources": states(path for folder in folders for path in _sources(folder)),
        }
    )


def _sources(folder: Path) -> Iterator[str]:
    """Files of code and configuration; results that are published, and what Python makes, are none."""
    for root, inner, names in os.walk(folder, followlinks=True):
        inner[:] = sorted(name for name in inner if name not in ("results", "__pycache__"))
        yield from (os.path.join(root, name) for name in sorted(names))


def states(paths: Iterable[str | Path]) -> States:
    """Size, times and number of each file, by its absolute path; None for one that is gone."""

    def state(path: str) -> list[int] | None:
        try:
            found = os.stat(path)
        except OSError:
            return None
        return [found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino]

    return {path: state(path) for path in map(os.path.abspath, paths)}


def _names(folder: str | Path) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
