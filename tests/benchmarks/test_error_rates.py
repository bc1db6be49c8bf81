"""How often claims are decided where nothing is so: what the page says, and a simulation of fewer runs."""

import json
import math
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

ROOT = Path(__file__).parents[2] / "benchmarks"
REPORT = json.loads((ROOT / "error_rates.json").read_text(encoding="utf-8"))
SCENARIOS = list(REPORT["rates"])


@pytest.fixture
def error_rates(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(ROOT)
    return import_module("error_rates")


def most(runs: int) -> float:
    """3.75 % and three standard errors of so many runs."""
    return 0.0375 + 3 * math.sqrt(0.0375 * (1 - 0.0375) / runs)


def test_the_table_has_every_kind_of_claim_and_distribution(error_rates: ModuleType) -> None:
    assert list(error_rates.SCENARIOS) == SCENARIOS
    for rates in REPORT["rates"].values():
        assert list(rates) == list(error_rates.DISTRIBUTIONS)


@pytest.mark.parametrize("name", SCENARIOS)
def test_no_rate_of_the_table_is_above_one_and_a_half_times_what_is_said(name: str) -> None:
    assert np.max([[*of_n.values()] for of_n in REPORT["rates"][name].values()]) <= 0.0375


def check(error_rates: ModuleType, name: str, share: float) -> None:
    runs = round(share * error_rates.SCENARIOS[name].runs)
    for distribution in error_rates.DISTRIBUTIONS:
        for n in error_rates.SEEDS:
            assert max(error_rates.rates(name, distribution, n, share)) <= most(runs), (distribution, n)


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_few_runs_err_no_more_often(error_rates: ModuleType, name: str) -> None:
    check(error_rates, name, share=0.02)


@pytest.mark.slow
@pytest.mark.parametrize("name", SCENARIOS)
def test_half_of_the_tables_runs_err_no_more_often(error_rates: ModuleType, name: str) -> None:
    check(error_rates, name, share=0.5)


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_claims_say_what_the_functions_that_they_call_say(error_rates: ModuleType, name: str) -> None:
    scenario = error_rates.SCENARIOS[name]
    for distribution in ("skewed", "tied"):
        claims, functions = (
            judge(scenario, distribution, 10, 15) for judge in (error_rates.by_claims, error_rates.at_once)
        )
        np.testing.assert_array_equal(claims, functions)


def test_claims_that_are_so_are_found(error_rates: ModuleType) -> None:
    """That nothing is decided wrongly is easy where nothing is decided: of ten seeds, two deviations are."""
    scenario = error_rates.SCENARIOS["`PairedDifference` of arms that do not differ"]
    shifted = {"normal": lambda rng, shape: 2 + rng.normal(size=shape)}
    error_rates_of: Any = error_rates.at_once
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(error_rates, "DISTRIBUTIONS", shifted)
        found = {n: error_rates_of(scenario, "normal", n, 200)[:, 0].mean() for n in (5, 10, 20)}
    assert found[5] == 0
    assert found[10] > 0.75
    assert found[20] > 0.99
