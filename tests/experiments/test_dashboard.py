"""Workspaces and reports in W&B, laid out without an account."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("wandb_workspaces")  # the extra `dashboard`

from lossatlas.experiments.catalogue import experiment_folder
from lossatlas.experiments.dashboard import dashboard_of, layout
from lossatlas.files import read_json

PUBLISHED = experiment_folder("sharpness") / "results" / "digits" / "verdict.json"


@pytest.fixture(scope="module")
def laid_out() -> dict[str, Any]:
    return json.loads(layout(dashboard_of("sharpness"), project="flat"))


def nodes(part: Any) -> Iterator[dict[str, Any]]:
    if isinstance(part, dict):
        yield part
    for inner in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
        yield from nodes(inner)


def panels(part: Any) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for node in nodes(part):
        if "viewType" in node:
            found.setdefault(node["viewType"], []).append(node["config"])
    return found


@pytest.mark.parametrize("part", ["workspace", "report"])
def test_curves_flatness_landscapes_and_the_verdict_are_panels(laid_out: dict[str, Any], part: str) -> None:
    found = panels(laid_out[part])
    curves = found["Run History Line Plot"]
    assert {config["metrics"][0] for config in curves} >= {"train_loss", "validation_error"}
    assert {config["xAxis"] for config in curves} == {"epoch"}
    scattered = {(config["xAxis"], config["yAxis"]) for config in found["Scatter Plot"]}
    assert ("summary:sharpness/sharpness/0", "summary:final/test_error") in scattered
    media = {key for config in found["Media Browser"] for key in config["mediaKeys"]}
    assert {"landscape/surface", "figure"} <= media
    assert '"verdict"' in json.dumps(found["Weave"])


def test_the_runs_are_those_of_the_experiment_grouped_by_what_it_sweeps(laid_out: dict[str, Any]) -> None:
    (runs,) = [node for node in nodes(laid_out["workspace"]) if "grouping" in node]
    grouped = [each["name"] for each in runs["grouping"]]
    assert grouped[0] == "choices.value.model"  # its name: model itself is all that the choice sets
    assert "data.value.batch_size" in grouped
    (wanted,) = runs["filters"]["filters"]
    assert (wanted["key"], wanted["value"]) == ({"section": "run", "name": "group"}, "sharpness")
    assert "seed" not in json.dumps(runs["grouping"])


def test_the_report_says_the_question_the_command_and_the_published_verdicts(
    laid_out: dict[str, Any],
) -> None:
    said = json.dumps(laid_out["report"])
    assert "lossatlas reproduce sharpness" in said
    shown = dashboard_of("sharpness")
    assert shown.question in said
    assert all(claim.partition("** ")[2][:40] in said for claim in shown.claims)
    assert len(shown.claims) == len(read_json(PUBLISHED)["claims"])


def test_every_experiment_has_a_dashboard() -> None:
    """One of toys, whose figures move, and one whose landscapes are chosen by its arms."""
    for name in ("distance_toy", "cells", "wedges"):
        assert json.loads(layout(dashboard_of(name), project="flat"))["workspace"]
