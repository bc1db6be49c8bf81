"""The ways of listing that the benchmark compares list the same runs."""

from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest
import yaml

ROOT = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def benchmark(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(ROOT)
    return import_module("listing")


def test_all_ways_list_the_runs_that_were_made(benchmark: ModuleType, tmp_path: Path) -> None:
    store = benchmark.make_store(tmp_path, 8)
    names = benchmark.without_index(tmp_path, yaml.SafeLoader)
    assert sorted(names) == store.fingerprints()
    assert names == benchmark.without_index(tmp_path, yaml.CSafeLoader)
    assert len(benchmark.listed(tmp_path).splitlines()) == 9
    assert len(benchmark.listed(tmp_path, "model=mlp", "optimizer=sgd").splitlines()) == 3
    found = benchmark.measure(tmp_path, repetitions=1)
    assert found.keys() == {"every record", "no index", "index", "filter", "find"}
