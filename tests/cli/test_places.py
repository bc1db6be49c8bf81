"""Commands where files cannot be written, in a store that is read-only or on a full disk, and what a kill has left."""

import os
import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from read_only import on_linux, read_only
from typed import TINY, Answer, manifests, type_here

from lossatlas.runs.store.store import Run, Store

NoRoom = Callable[[int], AbstractContextManager[None]]

LINE = ("landscape=line", "landscape.line.points=3", "landscape.line.directions=1")


def said(answer: Answer) -> list[str]:
    """What stands on standard error, but for the progress that a slow machine shows every ten seconds."""
    return [line for line in answer.err.splitlines() if not line.startswith("runs ")]


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def surveyed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with a store of two runs with a line each."""
    folder = tmp_path_factory.mktemp("surveyed")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert type_here("train", "-m", *TINY, *LINE, "seed=0,1", "hydra/launcher=basic").status == 0
    return folder


@pytest.fixture
def runs(surveyed: Path, folder: Path) -> list[Run]:
    """The two runs in the test's own store."""
    shutil.copytree(surveyed / "runs", folder / "runs")
    return Store("runs").runs()


@on_linux
def test_a_store_that_is_read_only_serves_what_is_finished(runs: list[Run]) -> None:
    before = contents(Path("runs"))
    with read_only(Path("runs")):
        trained = type_here("train", *TINY, *LINE)
        swept = type_here("train", "-m", *TINY, *LINE, "seed=0,1", "hydra/launcher=basic")
        listed = type_here("runs")
        found = type_here(
            "landscape", f"run={runs[0].fingerprint}", *LINE, "logger=none", "runtime.threads=1"
        )
        missing = type_here("train", *TINY, "seed=7")
    assert [(answer.status, said(answer)) for answer in (trained, swept, listed, found)] == [(0, [])] * 4
    assert trained.out.count("finished") == 1
    assert swept.out.count("finished") == listed.out.count("finished") == 2
    assert "no picture: " in found.out
    assert "is read-only" in found.out
    assert missing.status == 1
    assert [line for line in said(missing) if "permission denied" in line] == said(missing)
    assert contents(Path("runs")) == before


@pytest.mark.parametrize(
    ("size", "logger", "file"),
    [
        (0, "none", "lock.holder"),
        (500, "none", "config.yaml"),
        (3000, "csv", "checkpoint.ckpt"),
    ],
)
def test_a_full_disk_ends_in_one_line_that_names_the_file(
    folder: Path, no_room_beyond: NoRoom, size: int, logger: str, file: str
) -> None:
    words = ["data=synthetic_blobs", "model=mlp", *TINY[-5:], f"logger={logger}"]
    with no_room_beyond(size):
        answer = type_here("train", *words)
    assert answer.status == 1
    (run,) = (folder / "runs").iterdir()
    (line,) = said(answer)
    assert line.startswith(f"lossatlas: runs/{run.name}")
    assert "file too large" in line.lower()
    assert file in line or "cannot be used" in line
    assert not list(run.rglob(".*.tmp"))
    if size == 500:
        assert type_here("train", *words).status == 0  # there is room again
        assert len(manifests(folder)) == 1


def test_what_a_killed_survey_left_is_removed_when_it_is_asked_for_again(runs: list[Run]) -> None:
    (file,) = runs[0].landscapes.glob("line-*.nc")
    expected = file.read_bytes()
    left = file.with_name(f".{file.name}.k1ll3d_0.tmp")
    left.write_bytes(expected[:1000])
    file.unlink()  # the kill came before the file was whole
    assert type_here("train", *TINY, *LINE).status == 0
    assert file.read_bytes() == expected
    assert not left.exists()


def test_the_landscape_of_another_run_in_its_place_is_set_aside_and_measured_again(runs: list[Run]) -> None:
    files = [next(run.landscapes.glob("line-*.nc")) for run in runs]
    expected = files[0].read_bytes()
    shutil.copy(files[1], files[0])
    exported = type_here("export", runs[0].fingerprint, "--to", "csv")
    assert exported.status == 1
    assert exported.complaint == (
        f"{files[0]}: is in the place of another: its run is {runs[1].fingerprint}, not {runs[0].fingerprint}"
    )
    again = type_here("train", *TINY, *LINE)
    assert again.status == 0
    assert (
        f"not {runs[0].fingerprint}; set aside as {files[0].name}.damaged-1, computing it again" in again.err
    )
    assert files[0].read_bytes() == expected


def test_the_landscape_of_other_settings_in_its_place_is_measured_again(runs: list[Run]) -> None:
    (file,) = runs[0].landscapes.glob("line-*.nc")
    expected = file.read_bytes()
    assert type_here("train", *TINY, *LINE, "landscape.line.extent=0.5").status == 0
    (other,) = set(runs[0].landscapes.glob("line-*.nc")) - {file}
    shutil.copy(other, file)
    again = type_here("train", *TINY, *LINE)
    assert f"{file}: is in the place of another: its key is " in again.err
    assert file.read_bytes() == expected


def test_one_odd_manifest_hides_no_other_run_and_is_named(runs: list[Run]) -> None:
    odd, good = runs
    manifest = odd.manifest()
    assert manifest is not None
    manifest.created = "some day in May"
    odd.write_manifest(manifest)
    answer: Answer = type_here("runs")
    assert answer.status == 0
    assert good.fingerprint in answer.out
    assert "refused" in answer.out
    assert (
        answer.err == f"{odd.manifest_path}: cannot be used (Invalid isoformat string: 'some day in May')\n"
    )
    assert os.path.exists(odd.manifest_path)
