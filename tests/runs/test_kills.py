"""A training and a survey that are killed where they change files, at any of the places, or at any moment."""

import os
import random
import signal
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import xarray as xr
from processes import PATIENCE, SERVER
from small_runs import Config, record, small

from lossatlas.runs.ensure import ensure
from lossatlas.runs.store.store import Run
from lossatlas.runs.surveyor import Surveyor

SURVEYED = (
    *("study.snapshot_epochs=[0,2]", "landscape=[line,surface]"),
    *("landscape.line.points=5", "landscape.line.directions=2", "landscape.surface.points=3"),
)
CHANGING = {
    "os.rename",
    "os.remove",
    "os.mkdir",
    "os.rmdir",
    "os.chmod",
    "os.truncate",
    "os.link",
    "os.utime",
}
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT


def work(config: Config, place: int | None = None) -> Run:
    """Train and survey; the process is killed right before it changes a file of the store for the ``place``-th time."""
    if place is not None:
        kill_at(place, config["paths"]["runs"])
    run = ensure(config)
    Surveyor(run, config, lambda overrides: run).survey_all()
    return run


def kill_at(place: int, root: str) -> None:
    left = place

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal left
        if event in CHANGING or (
            event == "open" and isinstance(arguments[2], int) and arguments[2] & WRITING
        ):
            left -= str(arguments[0]).startswith(root)
            if left < 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)


def exit_code(config: Config, *, place: int | None = None, seconds: float | None = None) -> int | None:
    """Exit status of a process that does the work, and is killed at a place or after some seconds if it lives then."""
    process = SERVER.Process(target=work, args=(config, place), daemon=True)
    process.start()
    process.join(PATIENCE if seconds is None else seconds)
    if seconds is not None and process.is_alive():
        process.kill()
        process.join(PATIENCE)
    return process.exitcode


def outcome(run: Run) -> tuple[dict[str, Any], dict[str, xr.Dataset]]:
    """What was computed; no file may be there that is none of it, but a report of progress goes when it is old."""
    names = {
        path.name for path in run.folder.rglob("*") if path.is_file() and "progress.json" not in path.name
    }
    assert not {name for name in names if name.endswith((".tmp", ".jsonl")) or "damaged" in name}
    datasets = {path.name: xr.load_dataset(path) for path in run.landscapes.glob("*.nc")}
    assert len(datasets) == 2
    return record(run), datasets


def same(one: dict[str, xr.Dataset], other: dict[str, xr.Dataset]) -> bool:
    return one.keys() == other.keys() and all(one[name].equals(other[name]) for name in one)


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], dict[str, xr.Dataset]]:
    return outcome(work(small(tmp_path_factory.mktemp("store"), *SURVEYED)))


@pytest.mark.parametrize("every", [31, pytest.param(1, marks=pytest.mark.slow)])
def test_a_kill_at_any_place_that_touches_files_changes_nothing(
    tmp_path: Path, expected: tuple[dict[str, Any], dict[str, xr.Dataset]], every: int
) -> None:
    places = 0
    while (
        status := exit_code(config := small(tmp_path / f"{places}", *SURVEYED), place=places)
    ) == -signal.SIGKILL:
        run = work(config)
        recorded, datasets = outcome(run)
        assert recorded == expected[0], f"killed at place {places}"
        assert same(datasets, expected[1]), f"killed at place {places}"
        places += every
    assert status == 0
    assert places >= 57


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 18))])
def test_kills_at_any_moment_however_many_change_nothing(
    tmp_path: Path, expected: tuple[dict[str, Any], dict[str, xr.Dataset]], seed: int
) -> None:
    """Each attempt lives for some part of the time that the whole takes, and the last as long as it needs."""
    begun = time.monotonic()
    assert exit_code(small(tmp_path / "whole", *SURVEYED)) == 0
    whole = time.monotonic() - begun
    config = small(tmp_path / "killed", *SURVEYED)
    rng = random.Random(seed)
    for _ in range(8):
        if exit_code(config, seconds=rng.uniform(0.05, 0.6) * whole) == 0:
            break
    recorded, datasets = outcome(work(config))
    assert recorded == expected[0]
    assert same(datasets, expected[1])
