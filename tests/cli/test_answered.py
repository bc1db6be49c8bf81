"""A third `lossatlas reproduce` tells what it has told, and never where anything has changed since."""

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from lossatlas.cli import answered
from lossatlas.cli.answered import asked_in, keep, states, tell_again
from lossatlas.experiments.catalogue import experiment_folder

ARGUMENTS = ["depth", "seed=0,1", "paths.runs=store"]


@pytest.fixture
def place(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folder of an answer: a checkout of a few files, a package, a store, results, and the note of them."""
    checkout = folder / "checkout"
    for name in ("src/lossatlas/cli/answered.py", "conf/model/mlp.yaml", "experiments/depth/claims.py"):
        (checkout / name).parent.mkdir(parents=True)
        (checkout / name).write_text("as it was\n")
    (folder / "packages" / "torch-1.0.dist-info").mkdir(parents=True)
    for name in ("manifest.json", "landscapes/line-0.nc"):
        (folder / "store" / "run" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "store" / "run" / name).write_text("1")
    results = folder / "results" / "depth" / "digits"
    (results / "data").mkdir(parents=True)
    published = experiment_folder("depth") / "results" / "digits" / "verdict.json"
    shutil.copy(published, results / "verdict.json")
    for name in ("figure.png", "data/surface.nc"):
        (results / name).write_text("drawn")
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
    monkeypatch.setattr(answered, "__file__", str(checkout / "src/lossatlas/cli/answered.py"))
    own = {"PYTEST_CURRENT_TEST"}  # which is another in a test's set-up
    monkeypatch.setattr(answered, "_SAYS_NOTHING", answered._SAYS_NOTHING | own)
    monkeypatch.setattr(sys, "path", [*sys.path, str(folder / "packages")])
    files = states(path for path in (folder / "store").rglob("*") if path.is_file())
    keep(
        ARGUMENTS, asked_in(ARGUMENTS), results=Path("results/depth/digits"), runs=Path("store"), files=files
    )
    return folder


def test_what_has_not_changed_is_told_again(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert tell_again(ARGUMENTS)
    told = capsys.readouterr().out
    assert "figure:          results/depth/digits/figure.png" in told
    assert "runs:            store" in told
    os.utime(place)  # no file of the answer's
    (place / "checkout/experiments/depth/results").mkdir()
    (place / "checkout/experiments/depth/results/README.md").write_text("published")
    assert tell_again(ARGUMENTS)


def rewritten(name: str) -> Callable[[Path], object]:
    """Same size, and the same time of change as far as a program may set it."""

    def change(place: Path) -> None:
        path = place / name
        before = path.stat()
        path.write_text("2" * before.st_size)
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

    return change


CHANGES: dict[str, Callable[[Path], object]] = {
    "a choice": rewritten("checkout/conf/model/mlp.yaml"),
    "a new choice": lambda place: (place / "checkout/conf/model/new.yaml").write_text(""),
    "the experiment's claims": rewritten("checkout/experiments/depth/claims.py"),
    "the package": rewritten("checkout/src/lossatlas/cli/answered.py"),
    "a version": lambda place: (place / "packages/torch-1.0.dist-info").rename(
        place / "packages/torch-2.0.dist-info"
    ),
    "a manifest": rewritten("store/run/manifest.json"),
    "a landscape": rewritten("store/run/landscapes/line-0.nc"),
    "a landscape that is gone": lambda place: (place / "store/run/landscapes/line-0.nc").unlink(),
    "the verdict": rewritten("results/depth/digits/verdict.json"),
    "a figure that is gone": lambda place: (place / "results/depth/digits/figure.png").unlink(),
    "a file more among the results": lambda place: (place / "results/depth/digits/data/x.nc").write_text(""),
    "the store": lambda place: (place / "store").rename(place / "another"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_what_has_changed_is_not_told_again(place: Path, change: Callable[[Path], object]) -> None:
    change(place)
    assert not tell_again(ARGUMENTS)


@pytest.mark.parametrize(
    "arguments",
    [
        ["depth", "seed=0,1"],
        ["depth", "seed=0", "paths.runs=store"],
        [*ARGUMENTS, "style=dark"],
        [*ARGUMENTS, "--no-train"],
        [*ARGUMENTS, "--publish"],
        ["width", *ARGUMENTS[1:]],
    ],
    ids=" ".join,
)
def test_another_question_is_another(place: Path, arguments: list[str]) -> None:
    assert not tell_again(arguments)


def test_another_folder_and_another_environment_are_asked_anew(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WHERE_THE_DATA_IS", "elsewhere")
    assert not tell_again(ARGUMENTS)
    monkeypatch.delenv("WHERE_THE_DATA_IS")
    assert tell_again(ARGUMENTS)
    (place / "inner").mkdir()
    monkeypatch.chdir(place / "inner")
    assert not tell_again(ARGUMENTS)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b'{"format": 1}',
        b"\xff",
        b'{"format": 1, "asked in": "", "results": 1, "runs": "", "files": {}, "folders": null}',
    ],
)
def test_a_note_that_cannot_be_read_is_none(place: Path, content: bytes) -> None:
    (note,) = (place / "cache").rglob("*.json")
    note.write_bytes(content)
    assert not tell_again(ARGUMENTS)


@pytest.mark.parametrize(
    "argument", ["figures.matplotlibrc=mine", "ckpt=[mine]", "model._target_=mine.Net", "--config-dir=conf"]
)
def test_with_files_of_the_users_own_nothing_is_noted(folder: Path, argument: str) -> None:
    (folder / "mine").write_text("")
    keep(["depth", argument], asked_in(["depth", argument]), results=folder, runs=folder, files={})
    assert not tell_again(["depth", argument])


def test_nothing_is_noted_where_there_is_no_place(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder / "file"))
    keep(ARGUMENTS, asked_in(ARGUMENTS), results=folder, runs=folder, files={})
    assert not tell_again(ARGUMENTS)


def test_what_changes_while_an_answer_is_drawn_is_asked_anew(place: Path) -> None:
    before = states([place / "store/run/manifest.json"])
    rewritten("store/run/manifest.json")(place)
    keep(
        ARGUMENTS, asked_in(ARGUMENTS), results=Path("results/depth/digits"), runs=Path("store"), files=before
    )
    assert not tell_again(ARGUMENTS)
