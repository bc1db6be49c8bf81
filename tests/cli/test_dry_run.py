"""`lossatlas train --dry-run`: what is there, and what the rest takes, before any of it is computed."""

import re
from pathlib import Path

import pytest
from typed import DATA, QUICK, attempts, type_here

SWEEP = ("-m", *DATA, "model=mlp", "model.hidden=[8]", *QUICK, "hydra/launcher=basic")
LINE = ("landscape=line", "landscape.line.points=3", "landscape.line.directions=1")


def test_nothing_is_there_at_first_and_nothing_is_computed(folder: Path) -> None:
    answer = type_here("train", *SWEEP, "seed=0,1", *LINE, "--dry-run")
    assert (answer.status, answer.err) == (0, "")
    header, *rows = answer.out.splitlines()[:3]
    assert re.split(r"\s{2,}", header) == ["run", "what differs", "run is", "landscapes"]
    assert [re.split(r"\s{2,}", row)[1:] for row in rows] == [
        ["seed=0", "to train", "to survey: line"],
        ["seed=1", "to train", "to survey: line"],
    ]
    words = " ".join(answer.out.split())
    assert "2 runs: 0 there with all landscapes, 2 to be computed" in words
    assert "training: 2 runs x 2 epochs x 64 images" in words
    assert list(folder.iterdir()) == []


def test_what_is_there_is_named_and_does_not_count(folder: Path) -> None:
    type_here("train", *SWEEP, "seed=0", *LINE)
    type_here("train", *SWEEP, "seed=1")
    before = attempts(folder)
    answer = type_here("train", *SWEEP, "seed=0,1,2", *LINE, "--dry-run")
    cells = [re.split(r"\s{2,}", row)[1:] for row in answer.out.splitlines()[1:4]]
    assert cells == [
        ["seed=0", "there", "1 there"],
        ["seed=1", "there", "to survey: line"],
        ["seed=2", "to train", "to survey: line"],
    ]
    words = " ".join(answer.out.split())
    assert "3 runs: 1 there with all landscapes, 2 to be computed" in words
    assert "training: 1 run x 2 epochs x 64 images" in words
    assert "line: 2 x 3 points" in words
    assert re.search(
        r"By those like them that are there, 1 training will take \d+ s, one after the other\.", words
    )
    assert attempts(folder) == before
    type_here("train", *SWEEP, "seed=0,1,2", *LINE)
    done = type_here("train", *SWEEP, "seed=0,1,2", *LINE, "--dry-run").out
    assert done.splitlines()[-1] == "3 runs: 3 there with all landscapes, 0 to be computed"


@pytest.mark.parametrize("wrong", ["optimizer=sgdd", "model.hiden=[8]", "landscape.line.points=0.5"])
def test_what_could_not_be_launched_is_told_as_if_it_were(folder: Path, wrong: str) -> None:
    launched = type_here("train", *SWEEP, "seed=0,1", *LINE, wrong)
    planned = type_here("train", *SWEEP, "seed=0,1", *LINE, wrong, "--dry-run")
    assert (planned.status, planned.complaint) == (launched.status, launched.complaint)
    assert planned.status == 1
