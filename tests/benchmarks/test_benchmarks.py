"""What the benchmarks compare is alike, and what their page claims is what was measured."""

import json
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

ROOT = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def training(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    monkeypatch.syspath_prepend(ROOT)
    monkeypatch.chdir(tmp_path)
    return import_module("training")


@pytest.fixture
def startup(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(ROOT)
    return import_module("startup")


def tiny(training: ModuleType) -> dict[str, Any]:
    return training.configuration("mlp", batch_size=250, steps=6)  # two epochs of four steps


def test_the_compared_ways_of_training_end_with_the_same_weights(training: ModuleType) -> None:
    config = tiny(training)
    _, bare = training.bare(config)
    for way in (training.lightning, training.lossatlas):
        clock, weights = way(config)
        assert all(torch.equal(weights[name], tensor) for name, tensor in bare.items())
        assert 0 < clock.seconds["steps"] < clock.seconds["whole"]


def test_ways_that_do_not_do_the_same_work_are_not_compared(training: ModuleType) -> None:
    config = tiny(training)
    _, weights = training.bare(config)
    _, others = training.bare({**config, "seed": 1})
    with pytest.raises(AssertionError, match=r"lossatlas and the bare loop differ in .*weight"):
        training._check_equal({"bare": weights, "lossatlas": others})


def test_import_times_are_added_up_by_package(startup: ModuleType) -> None:
    text = (
        "import time: self [us] | cumulative | imported package\n"
        "import time:       100 |        100 |     torch._C\n"
        "a warning on the same stream\n"
        "import time:        30 |        130 |   torch\n"
        "import time:         7 |        137 | lossatlas.cli.main\n"
    )
    assert list(startup._import_times(text)) == [("torch", 100), ("torch", 30), ("lossatlas", 7)]


@pytest.mark.slow
def test_a_command_that_fails_before_its_first_step_has_no_time(startup: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="ended with 1 before its first step"):
        startup.seconds_to_first_step(["model=resnt20"], tmp_path)


@pytest.mark.parametrize("path", sorted(ROOT.glob("*.json")), ids=lambda path: path.stem)
def test_results_say_on_what_they_were_measured(path: Path) -> None:
    report = json.loads(path.read_text(encoding="utf-8"))
    assert report["processor"]
    assert report["versions"].keys() >= {"python", "torch", "lossatlas"}


def test_the_pages_tables_are_what_was_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT)
    tables = import_module("write_tables")
    assert {path.name for path in tables.PAGES} == {"README.md", "verdicts.md"}
    for path in tables.PAGES:
        assert path.read_text(encoding="utf-8") == tables.page(path)
