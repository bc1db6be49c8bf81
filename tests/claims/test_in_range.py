import numpy as np
import pytest
import xarray as xr
from scipy import stats

from lossatlas.claims import InRange, Paper, Verdict
from lossatlas.claims.statistics import mean_between

LOSSES = np.array([2.31, 2.29, 2.30, 2.31, 2.30])


def within(values: np.ndarray = LOSSES, is_open: bool = False, **settings: object) -> Verdict:
    data = xr.DataArray(
        [values], {"depth": [56], "seed": range(len(values))}, attrs={"long_name": "loss", "units": "nats"}
    )
    data = data.assign_coords(open=xr.full_like(data, is_open, dtype=bool)) if is_open else data
    return InRange(id="W", text="t", measure=lambda: data, at={"depth": 56}, **settings)({})


@pytest.mark.parametrize(
    ("least", "most", "outcome"),
    [
        (2.25, 2.35, "holds"),
        (None, 2.35, "holds"),
        (2.25, None, "holds"),
        (2.3, 2.35, "cannot tell"),
        (None, 2.3, "cannot tell"),
        (2.4, 2.5, "fails"),
        (None, 2.2, "fails"),
        (2.4, None, "fails"),
    ],
)
def test_the_place_of_the_interval_decides(least: float | None, most: float | None, outcome: str) -> None:
    verdict = within(least=least, most=most)
    assert verdict.outcome == outcome
    assert verdict.interval == pytest.approx(stats.ttest_1samp(LOSSES, 0).confidence_interval(0.95))


def test_a_verdict_tells_value_bounds_and_the_papers_number() -> None:
    verdict = within(least=2.2, most=2.32, paper=Paper(first=2.3, second=None, source="text"))
    (arm,) = verdict.arms
    assert (arm.label, arm.mean, arm.paper) == ("depth 56", pytest.approx(2.302), 2.3)
    assert (verdict.statistic, verdict.units) == ("mean of loss, between 2.2 and 2.32", "nats")
    assert verdict.against == 2.32  # the nearer one
    assert within(most=3).statistic == "mean of loss, below 3"
    assert within(least=2).statistic == "mean of loss, above 2"


def test_the_interval_covers_the_mean_so_that_a_bound_at_it_is_missed_as_rarely_as_allowed() -> None:
    """1,000 samples of five whose mean is the bound itself: 2.5 % either way, at 95 %."""
    samples = np.random.default_rng(0).normal(1.0, 0.3, (1000, 5))
    outcomes = [mean_between(sample, -np.inf, 1.0, 0.95).outcome for sample in samples]
    for outcome in ("holds", "fails"):
        assert outcomes.count(outcome) / 1000 < 0.025 + 3 * np.sqrt(0.025 * 0.975 / 1000)


def test_seeds_that_are_not_finite_are_left_out_and_told() -> None:
    verdict = within(np.r_[LOSSES, np.nan, np.inf], most=3)
    assert (verdict.outcome, verdict.seeds) == ("holds", 5)
    assert verdict.note == "2 of 7 seeds left out: not surveyed, NaN or infinite"
    assert within(LOSSES[:4], most=3).note == "4 usable seeds, at least 5 are needed"


def test_the_same_value_in_all_seeds_is_its_own_interval() -> None:
    verdict = within(np.full(5, 2.0), least=1, most=3)
    assert (verdict.outcome, verdict.interval) == ("holds", (2.0, 2.0))
    assert verdict.note == "the same in all 5 seeds: the interval is that value"


@pytest.mark.parametrize(
    ("least", "most", "outcome"),
    [(2.0, None, "holds"), (2.0, 3.0, "cannot tell"), (None, 2.0, "fails"), (3.0, None, "cannot tell")],
)
def test_lower_bounds_show_that_the_mean_is_large_and_never_that_it_is_small(
    least: float | None, most: float | None, outcome: str
) -> None:
    assert within(is_open=True, least=least, most=most).outcome == outcome


def test_bounds_are_checked_when_the_claim_is_made() -> None:
    with pytest.raises(ValueError, match="W: give least, most or both"):
        within()
    with pytest.raises(ValueError, match="W: least must be below most, got 3 and 2"):
        within(least=3, most=2)
