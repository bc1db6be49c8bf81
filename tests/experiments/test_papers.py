"""Scale paper against the papers: each table of papers/ is a second transcription of what one of them prints.

``SETTINGS`` holds what jobs are to have. A set means that the jobs have its members among them, in all combinations
with those of the row's other sets; anything else holds for every job of the row. ``CLAIMS`` holds printed numbers and
bounds of claims, ``CURVES`` points of printed curves. `readings` says what keys mean.
"""

import csv
import runpy
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import product
from pathlib import Path
from statistics import mean, median
from types import SimpleNamespace
from typing import Any

import pytest
from composed import Config, configs_of
from omegaconf import OmegaConf
from readings import MISSING, agrees, hashable, read

from lossatlas.experiments.catalogue import experiments
from lossatlas.experiments.definition import definition
from lossatlas.runs.composition.compose import compose_config
from lossatlas.runs.composition.search_path import config_folder

TABLES = {
    path.stem: runpy.run_path(str(path)) for path in sorted((Path(__file__).parent / "papers").glob("*.py"))
}
REDUCED = {"max": max, "mean": mean, "median": median}


def rows(part: str, experiment: str) -> Iterator[tuple[Any, ...]]:
    """Rows of the tables on an experiment, each with its paper in front of what it says."""
    for paper, table in TABLES.items():
        for where, named, *row in table.get(part, []):
            if experiment in named.split():
                yield (f"{paper}, {where}", *row)


def named_in(part: str) -> list[str]:
    """Experiments that the tables have rows on."""
    return [name for name in experiments() if any(True for _ in rows(part, name))]


def quick() -> set[str]:
    """An experiment of each table, the first that it names: composing all of them takes a minute."""
    return {table["SETTINGS"][0][1].split()[0] for table in TABLES.values()}


def disagreements(
    chosen: list[Config], jobs: Mapping[Any, Any], settings: Mapping[Any, Any]
) -> Iterator[str]:
    """What a row of settings says and the configurations of its jobs do not have."""
    unmet = {
        key: wanted - {hashable(read(config, key)) for config in chosen}
        for key, wanted in jobs.items()
        if isinstance(wanted, set)
    }
    if not chosen or any(unmet.values()):
        yield f"no job has {jobs}"
    swept = {key: wanted for key, wanted in settings.items() if isinstance(wanted, set)}
    for key, wanted in settings.items():
        found = [read(config, key, wanted) for config in chosen if key not in swept]
        wrong = [value for value in found if not agrees(value, wanted)]
        if wrong:
            yield f"{key}: {'missing' if wrong[0] is MISSING else wrong[0]!r}, expected {wanted!r}"
    cells = {tuple(hashable(read(config, key)) for key in swept) for config in chosen}
    if swept and cells != set(product(*swept.values())):
        yield f"{tuple(swept)}: {sorted(cells, key=str)}, expected {list(swept.values())} in all combinations"


@pytest.mark.parametrize(
    "experiment",
    [pytest.param(name, marks=[] if name in quick() else pytest.mark.slow) for name in named_in("SETTINGS")],
)
def test_jobs_have_the_papers_settings(experiment: str) -> None:
    wrong = [
        f"{where}: {what}"
        for where, jobs, settings in rows("SETTINGS", experiment)
        for what in disagreements(configs_of(experiment, jobs), jobs, settings)
    ]
    assert not wrong, "\n".join(wrong)


def test_rows_are_on_experiments_that_there_are() -> None:
    parts = [
        part
        for table in TABLES.values()
        for name, part in table.items()
        if name in ("SETTINGS", "CLAIMS", "CURVES")
    ]
    named = {name for part in parts for _, named, *_ in part for name in named.split()}
    assert named <= set(experiments())


def test_a_row_that_nothing_fits_is_told() -> None:
    configs = [
        {"epochs": 3, "model": {"_target_": "lossatlas.models.VGG", "width": width}} for width in (1, 2)
    ]
    fitting: dict[str, Any] = {"epochs": 3, "model": "VGG", "model.width": {1, 2}}
    assert list(disagreements(configs, {}, fitting)) == []
    for wrong in (
        {"epochs": 4},
        {"model": "ResNet"},
        {"model.width": {1}},
        {"model.width": {1, 2, 3}},
        {"model.depth": 9},
        {"model": {"width": 1}},
        {"model": {}},
    ):
        assert len(list(disagreements(configs, {}, wrong))) == 1
    assert list(disagreements([], {"epochs": 4}, {})) == ["no job has {'epochs': 4}"]
    assert len(list(disagreements(configs, {"model.width": {1, 2, 3}}, {}))) == 1


def claims_of(experiment: str, scale: str = "paper") -> dict[str, SimpleNamespace]:
    """What the claims of an experiment carry, by id: printed numbers, bounds."""
    config = compose_config([f"experiment={experiment}/{scale}"])
    values = OmegaConf.to_container(config.experiment["values"], resolve=True)  # sweeps fill the other keys
    found = {}
    for claim in definition(experiment, {"values": values}).claims:
        paper, numbers = claim.paper, []
        if paper is not None:
            numbers = [paper.first, paper.second, *paper.further]
        while numbers and numbers[-1] is None:
            numbers.pop()
        bounds = {key: getattr(claim, key, None) for key in ("least", "most", "margin")}
        approximate = paper is not None and paper.approximate
        found[claim.id] = SimpleNamespace(printed=tuple(numbers), approximate=approximate, **bounds)
    return found


@pytest.mark.parametrize("experiment", named_in("CLAIMS"))
def test_claims_carry_what_the_papers_print(experiment: str) -> None:
    claims, wrong = claims_of(experiment), []
    for where, expected in rows("CLAIMS", experiment):
        for name, wanted in expected.items():
            carried = {"printed": wanted} if isinstance(wanted, tuple) else wanted
            found = {key: getattr(claims.get(name), key, MISSING) for key in carried}
            if not agrees(found, carried):
                wrong.append(f"{where}: {name} has {found}, expected {carried}")
    assert not wrong, "\n".join(wrong)


@cache
def reference(experiment: str) -> list[dict[str, Any]]:
    """Rows of an experiment's printed curves, numbers as such."""
    with (config_folder() / "experiment" / experiment / "reference.csv").open(newline="") as file:
        return [{key: _number(value) for key, value in row.items()} for row in csv.DictReader(file)]


def _number(value: str) -> Any:
    try:
        return float(value)
    except ValueError:
        return value


def curve(experiment: str, which: Mapping[str, Any]) -> dict[int, float]:
    """Values by epoch of the curve that has the values of ``which``."""
    chosen = [r for r in reference(experiment) if all(agrees(r[key], value) for key, value in which.items())]
    return {int(row["epoch"]): row["value"] for row in chosen}


@pytest.mark.parametrize("experiment", named_in("CURVES"))
def test_curves_are_those_of_the_papers(experiment: str) -> None:
    wrong = []
    for where, which, values in rows("CURVES", experiment):
        course = curve(experiment, which)
        for at, expected in values.items():
            reduce, first, last = at if isinstance(at, tuple) else ("mean", at, at)
            found = REDUCED[reduce]([course[epoch] for epoch in range(first, last + 1) if epoch in course])
            if found != expected:
                wrong.append(f"{where}: {which} at {at} is {found}, expected {expected}")
    assert not wrong, "\n".join(wrong)


def test_of_the_curves_of_figure_4_3_of_the_thesis_the_wider_ones_overtake_where_claims_say() -> None:
    """The narrowest but one is passed last after so many epochs, by the widest but one and by the widest."""

    def passes(network: str, width: int) -> int:
        wide, narrow = (
            curve(
                "distance_width",
                {"model": network, "quantity": "squared_distance_0", "sigma": (w / 2) ** 0.5},
            )
            for w in (width, 100)
        )
        return 1 + max(epoch for epoch in wide if wide[epoch] <= narrow[epoch])

    assert [passes("resnet32_padded", width) for width in (1000, 10_000)] == [124, 324]
    assert [passes("mobilenetv2", width) for width in (1000, 10_000)] == [118, 206]


def test_figure_4_10_of_the_thesis_says_the_opposite_of_its_two_networks() -> None:
    """By its legend hills help MobileNetV2 and harm ResNet-32, and they carry the one nearer and the other farther."""
    for network, better, farther in (("mobilenetv2", 1, 0), ("resnet32_padded", 0, 1)):
        errors, distances = (
            [
                curve(
                    "distance_schedule",
                    {"model": network, "schedule": "cosine", "strength": s, "rate": 10, "quantity": quantity},
                )[600]
                for s in (0, 1)
            ]
            for quantity in ("test_error", "squared_distance_0")
        )
        assert errors[better] < errors[1 - better]
        assert distances[farther] > distances[1 - farther]
