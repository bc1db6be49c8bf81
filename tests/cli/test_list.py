"""`lossatlas reproduce --list`: what there is, what it costs, and what came of it."""

import json
import os
import subprocess
import sys
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typed import type_here

from lossatlas.cli.listing import listing
from lossatlas.experiments.catalogue import AtScale, Listed, catalogue, cost, experiments, listed
from lossatlas.runs.composition.search_path import config_folder

MEASURED = {
    "seconds": 293.4,
    "processor_seconds": 551,
    "cells": 40,
    "trained": 40,
    "surveyed": 40,
    "cores": 2,
}


def judged(*outcomes: str) -> tuple[dict[str, Any], ...]:
    return tuple({"id": f"L-F{k}", "outcome": outcome} for k, outcome in enumerate(outcomes, start=1))


def drawn(experiment: Listed, width: int) -> str:
    stream = StringIO()
    Console(file=stream, width=width).print(listing([experiment]))
    return stream.getvalue()


DEPTH = Listed(
    "depth",
    "Depth and shortcuts",
    "Do landscapes of deep networks without shortcuts turn chaotic?",
    "Li et al. 2018 (arXiv:1712.09913), figure 5",
    (
        AtScale(
            "digits", judged("holds", "holds", "fails", "cannot tell"), published=True, measured=MEASURED
        ),
        AtScale("paper", estimated={"gpu_hours": 1234.0}),
    ),
)


@pytest.mark.parametrize("width", [80, 120])
def test_a_row_has_question_source_cost_and_verdict_of_each_scale(width: int) -> None:
    text = drawn(DEPTH, width)
    assert max(map(len, text.splitlines())) <= width
    words = " ".join(text.split())
    assert "…" not in words
    for part in (
        "depth",
        "scale digits",
        "scale paper",
        "9 min 11 s",
        "2 hold, 1 fails, 1 open",
        "fails: L-F3",
        "not run",
    ):
        assert part in words
    assert all(
        word in words for word in (DEPTH.question + " " + DEPTH.source + " about 1,200 GPU hours").split()
    )


def test_headlines_count_outcomes_corrected_for_the_number_of_claims_and_then_others() -> None:
    corrected = ("holds", "cannot tell", "cannot tell", "cannot tell")
    claims = judged("holds", "holds", "fails", "cannot tell")
    at = AtScale("digits", tuple(c | {"corrected": o} for c, o in zip(claims, corrected, strict=True)))
    assert at.counts() == "1 holds, 3 open (uncorrected: 2 hold, 1 fails, 1 open)"
    assert at.ids("cannot tell") == ["L-F2", "L-F3", "L-F4"]
    agreed = tuple(claim | {"corrected": claim["outcome"]} for claim in claims)
    assert AtScale("digits", agreed).counts() == "2 hold, 1 fails, 1 open"


def test_the_cost_of_a_part_is_not_shown_as_that_of_the_whole() -> None:
    part = AtScale("digits", measured={**MEASURED, "trained": 12})
    assert cost(part) == "in part: 9 min 11 s of processor time"
    assert cost(AtScale("digits")) == ""


def test_the_command_lists_every_experiment_with_its_published_verdict() -> None:
    answer = type_here("reproduce", "--list")
    assert (answer.status, answer.err) == (0, "")
    found = {entry.name: entry for entry in catalogue()}
    assert list(found) == experiments()
    for name in experiments():
        assert name in answer.out
        path = config_folder() / "experiment" / name / "results" / "digits" / "verdict.json"
        if path.exists():
            claims = json.loads(path.read_bytes())["claims"]
            at = next(at for at in found[name].scales if at.scale == "digits")
            assert at.published
            assert len(at.ids("holds")) == sum(claim["corrected"] == "holds" for claim in claims)
            assert found[name].question.strip()
            assert found[name].source.strip()


def test_the_users_own_verdict_comes_before_the_published_one(folder: Path) -> None:
    own = folder / "mine" / "sharpness" / "digits" / "verdict.json"
    own.parent.mkdir(parents=True)
    own.write_text(json.dumps({"claims": judged("fails"), "cost": {**MEASURED, "processor_seconds": 7.0}}))
    answer = type_here("reproduce", "sharpness", "--list", "paths.results=mine")
    assert "1 fails " in answer.out  # and no star
    assert "7 s of processor time" in answer.out
    (at, _) = listed("sharpness", folder / "mine").scales
    assert not at.published
    own.write_text("{")
    (at, _) = listed("sharpness", folder / "mine").scales
    assert at.published  # what cannot be read is not there


def test_an_experiment_is_to_be_named_unless_all_are_listed() -> None:
    answer = type_here("reproduce")
    assert answer.status == 2
    assert "which EXPERIMENT? --list shows them" in answer.err


def test_the_list_comes_at_once_without_torch(folder: Path) -> None:
    code = (
        "import sys; from lossatlas.cli.main import main; main(['reproduce', '--list']); "
        "heavy = {'torch', 'xarray', 'pandas', 'matplotlib'} & set(sys.modules); sys.exit(f'{heavy}' if heavy else 0)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code],
        check=False,
        cwd=folder,
        env=os.environ,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
