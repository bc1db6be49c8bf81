from collections.abc import Callable

import numpy as np
import pytest
import xarray as xr
from scipy import stats

from lossatlas.claims import Equivalence, InRange, PairedDifference, PairedRatio, Paper, Verdict
from lossatlas.claims.means import limits

LARGE, SMALL = {"batch_size": 164}, {"batch_size": 16}
NOISE = np.array([0.1, -0.2, 0.0, 0.3, -0.1, 0.2, -0.3, 0.05])


def sweep(large: np.ndarray, small: np.ndarray, **extra: object) -> xr.DataArray:
    values = np.stack([large, small])
    coords = {"batch_size": [164, 16], "seed": range(values.shape[1])}
    return xr.DataArray(values, coords, ("batch_size", "seed"), attrs={"long_name": "error", "units": "%"})


def given(values: xr.DataArray) -> Callable[[], xr.DataArray]:
    return lambda: values


def difference(values: xr.DataArray, **settings: object) -> Verdict:
    settings = {"greater": LARGE, "lesser": SMALL, **settings}
    return PairedDifference(id="D", text="larger is worse", measure=given(values), **settings)({})


def test_pairing_over_seeds_sees_through_what_the_seeds_share() -> None:
    """Seeds differ by 50, arms by 1: without pairing no test could tell."""
    seeds = np.array([0.0, 50.0, 10.0, 90.0, 30.0, 70.0, 20.0, 40.0])
    verdict = difference(sweep(seeds + 1 + NOISE, seeds))
    assert verdict.outcome == "holds"
    assert verdict.estimate == pytest.approx(1 + NOISE.mean())
    assert verdict.seeds == 8


def test_a_verdict_tells_both_arms_beside_the_papers_numbers() -> None:
    paper = Paper(first=11.07, second=7.37, source="Li et al. 2018, Fig. 2a")
    verdict = difference(sweep(np.arange(8) + 11.0, np.arange(8) + 7 + NOISE), paper=paper)
    large, small = verdict.arms
    assert (large.label, large.mean, large.paper) == ("batch size 164", 14.5, 11.07)
    assert (small.label, small.mean, small.paper) == (
        "batch size 16",
        pytest.approx(10.5 + NOISE.mean()),
        7.37,
    )
    assert large.sd == pytest.approx(np.sqrt(6))
    assert (verdict.statistic, verdict.units) == ("mean difference of error", "%")


def test_a_claim_that_the_numbers_contradict_fails() -> None:
    assert difference(sweep(NOISE, 1 - NOISE)).outcome == "fails"


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_pair_that_is_not_finite_is_left_out_and_told(bad: float) -> None:
    verdict = difference(sweep(np.r_[2.0, 2.1, 2.3, 1.9, 2.2, 2.1, bad], np.zeros(7)))
    assert (verdict.outcome, verdict.seeds) == ("holds", 6)
    assert verdict.note == "1 of 7 pairs left out: not surveyed, NaN or infinite"


def test_too_few_finite_pairs_cannot_tell_and_say_why() -> None:
    verdict = difference(sweep(np.r_[2.0, 2.1, 2.3, 1.9, 2.2, np.nan], np.zeros(6)))
    assert (verdict.outcome, verdict.seeds) == ("cannot tell", 5)
    assert verdict.note == (
        "5 usable pairs, at least 6 are needed at 95 %; 1 of 6 pairs left out: not surveyed, NaN or infinite"
    )


def test_nothing_surveyed_cannot_tell() -> None:
    verdict = difference(sweep(np.full(5, np.nan), np.full(5, np.nan)))
    assert (verdict.outcome, verdict.seeds) == ("cannot tell", 0)
    assert np.isnan([verdict.estimate, verdict.arms[0].mean]).all()


def over_alpha(gap: np.ndarray) -> xr.DataArray:
    """Arms whose difference is ``gap``, (seeds, 4)."""
    coords = {"batch_size": [164, 16], "seed": range(len(gap)), "alpha": [-1.0, -0.5, 0.5, 1.0]}
    return xr.DataArray(np.stack([gap, np.zeros_like(gap)]), coords, ("batch_size", "seed", "alpha"))


def test_at_every_alpha_is_at_each_and_not_at_the_worst_of_each_seed() -> None:
    """Each seed is less at one alpha, another one each time, by chance: nowhere is it less in the mean."""
    rng = np.random.default_rng(0)
    gap = 3.0 + rng.normal(size=(12, 4))
    gap[np.arange(12), np.arange(12) % 4] -= 4.0
    assert (gap.min(axis=1) < 0).sum() > 6
    verdict = difference(over_alpha(gap), worst_over=["alpha"])
    assert verdict.outcome == "cannot tell"
    assert verdict.estimate == pytest.approx(gap.mean(axis=0).min())
    assert verdict.arms[0].mean == pytest.approx(verdict.estimate)
    assert verdict.statistic == "mean difference of the measure, at the worst alpha"


@pytest.mark.parametrize(("at_last", "outcome"), [(3.0, "holds"), (0.0, "cannot tell"), (-3.0, "fails")])
def test_at_every_alpha_is_decided_by_the_one_where_it_is_least(at_last: float, outcome: str) -> None:
    gap = 3.0 + np.random.default_rng(0).normal(scale=0.3, size=(12, 4))
    gap[:, 3] += at_last - 3.0
    assert difference(over_alpha(gap), mean_over=["alpha"]).outcome == "holds"
    assert difference(over_alpha(gap), worst_over=["alpha"]).outcome == outcome


def test_a_missing_alpha_leaves_the_seed_out_of_a_claim_on_every_alpha() -> None:
    gap = np.full((5, 2), 2.0)
    gap[3, 1] = np.nan
    coords = {"batch_size": [164, 16], "seed": range(5), "alpha": [-1.0, 1.0]}
    values = xr.DataArray(np.stack([gap, np.zeros((5, 2))]), coords, ("batch_size", "seed", "alpha"))
    assert difference(values, worst_over=["alpha"]).seeds == 4


def test_the_other_dimensions_are_averaged_or_selected() -> None:
    both = xr.concat(
        [sweep(NOISE + 1, NOISE * 0), sweep(NOISE + 5, NOISE * 0)], xr.Variable("wd", [0.0, 5e-4])
    )
    assert difference(both, mean_over=["wd"]).estimate == pytest.approx(3 + NOISE.mean())
    assert difference(both, at={"wd": 0.0005}).estimate == pytest.approx(5 + NOISE.mean())


def test_a_dimension_that_nobody_names_is_an_error() -> None:
    both = xr.concat([sweep(NOISE, NOISE), sweep(NOISE, NOISE)], xr.Variable("wd", [0.0, 5e-4]))
    with pytest.raises(ValueError, match="dimension 'wd' is left open: name it in the arms, at, mean_over"):
        difference(both)
    with pytest.raises(ValueError, match=r"batch_size has no 128; it has \[164, 16\]"):
        difference(sweep(NOISE, NOISE), greater={"batch_size": 128})
    with pytest.raises(ValueError, match=r"no dimension 'optimizer' to select 'sgd' on; there are \['batch"):
        difference(sweep(NOISE, NOISE), at={"optimizer": "sgd"})
    with pytest.raises(ValueError, match="no dimension 'direction' to average over"):
        difference(sweep(NOISE, NOISE), mean_over=["direction"])


def with_open(values: xr.DataArray, large: bool, small: bool) -> xr.DataArray:
    is_open = np.array([[large] * 8, [small] * 8])
    return values.assign_coords(open=(values.dims, is_open))


def test_a_lower_bound_on_the_greater_side_can_only_strengthen_the_claim() -> None:
    verdict = difference(with_open(sweep(NOISE + 2, NOISE * 0), large=True, small=False))
    assert verdict.outcome == "holds"
    assert verdict.note == "batch size 164: 8 of 8 reach the end of what was surveyed"


@pytest.mark.parametrize(("shift", "large", "small"), [(2.0, False, True), (-2.0, True, False)])
def test_an_outcome_that_rests_on_lower_bounds_is_withheld(shift: float, large: bool, small: bool) -> None:
    verdict = difference(with_open(sweep(NOISE + shift, NOISE * 0), large=large, small=small))
    assert verdict.outcome == "cannot tell"
    assert "rests on values that are only lower bounds" in verdict.note


def ratio(values: xr.DataArray, factor: float) -> Verdict:
    claim = PairedRatio(
        id="R", text="sharper", measure=given(values), greater=LARGE, lesser=SMALL, factor=factor
    )
    return claim({})


def test_a_ratio_is_a_geometric_mean_held_against_the_factor() -> None:
    small = 2.0 ** np.arange(8)
    values = sweep(small * np.array([8.0, 10.0, 12.5, 10.0, 10.0, 10.0, 8.0, 12.5]), small)
    verdict = ratio(values, factor=5)
    assert verdict.outcome == "holds"
    assert verdict.estimate == pytest.approx(10.0)
    low, high = verdict.interval
    assert low * high == pytest.approx(100.0)  # symmetric on the log scale
    assert (verdict.against, verdict.units) == (5, "")
    assert verdict.arms[1].mean == pytest.approx(small.mean())
    assert ratio(values, factor=20).outcome == "fails"
    assert ratio(values, factor=10).outcome == "cannot tell"


def test_a_ratio_leaves_out_what_is_not_positive() -> None:
    verdict = ratio(sweep(np.r_[9.0, 8.0, 9.0, 8.5, 9.1, 8.8, 9.0], np.r_[np.ones(6), 0.0]), factor=5)
    assert (verdict.outcome, verdict.seeds) == ("holds", 6)


def test_a_ratio_is_not_touched_by_the_unit() -> None:
    values = sweep(NOISE + 9, NOISE + 1)
    assert ratio(1000 * values, 5).interval == pytest.approx(ratio(values, 5).interval)


def test_a_factor_and_a_margin_and_a_confidence_are_checked_when_the_claim_is_made() -> None:
    common = {"text": "t", "measure": given(sweep(NOISE, NOISE))}
    with pytest.raises(ValueError, match="K: factor must be above 0, got -5"):
        PairedRatio(id="K", greater=LARGE, lesser=SMALL, factor=-5, **common)
    with pytest.raises(ValueError, match="K: margin must be above 0, got 0"):
        Equivalence(id="K", first=LARGE, second=SMALL, margin=0, **common)
    with pytest.raises(ValueError, match=r"K: confidence must lie in \(0, 1\), got 95"):
        PairedDifference(id="K", greater=LARGE, lesser=SMALL, confidence=95, **common)


@pytest.mark.parametrize(("shift", "outcome"), [(0.0, "holds"), (4.0, "fails"), (1.0, "cannot tell")])
def test_equivalence_of_two_arms(shift: float, outcome: str) -> None:
    values = sweep(NOISE + shift, NOISE[::-1])
    claim = Equivalence(id="E", text="t", measure=given(values), first=LARGE, second=SMALL, margin=1.0)
    verdict = claim({})
    assert verdict.outcome == outcome
    assert verdict.statistic == "mean difference of error, within ±1"


# One setting within a range

LOSSES = np.array([2.31, 2.29, 2.30, 2.31, 2.30, 2.29, 2.32, 2.30])


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
    assert verdict.interval == pytest.approx(limits(LOSSES[:, None], 0.025).ravel())


def test_a_verdict_tells_value_bounds_and_the_papers_number() -> None:
    verdict = within(least=2.2, most=2.32, paper=Paper(first=2.3, second=None, source="text"))
    (arm,) = verdict.arms
    assert (arm.label, arm.mean, arm.paper) == ("depth 56", pytest.approx(LOSSES.mean()), 2.3)
    assert (verdict.statistic, verdict.units) == ("mean of loss, between 2.2 and 2.32", "nats")
    assert verdict.against == 2.32  # the nearer one
    assert within(most=3).statistic == "mean of loss, below 3"
    assert within(least=2).statistic == "mean of loss, above 2"


def test_seeds_that_are_not_finite_are_left_out_and_told() -> None:
    verdict = within(np.r_[LOSSES, np.nan, np.inf], most=3)
    assert (verdict.outcome, verdict.seeds) == ("holds", 8)
    assert verdict.note == "2 of 10 seeds left out: not surveyed, NaN or infinite"
    assert within(LOSSES[:4], most=3).note == "4 usable seeds, at least 6 are needed at 95 %"


@pytest.mark.parametrize(("n", "outcome"), [(5, "cannot tell"), (6, "holds")])
def test_values_that_are_all_the_same_are_judged_alike_by_every_kind(n: int, outcome: str) -> None:
    """They have no interval of no width; all on one side are a chance of 1/16 for five, 1/32 for six."""
    arms, one = sweep(np.ones(n), np.full(n, 0.5)), np.ones(n)
    equivalent = Equivalence(id="E", text="t", measure=given(arms), first=LARGE, second=SMALL, margin=1.0)
    for verdict in (difference(arms), ratio(arms, 1.5), equivalent({}), within(one, least=0, most=2)):
        assert verdict.outcome == outcome
        assert np.isnan(verdict.interval).all()
        assert verdict.p_value == stats.binomtest(n, n).pvalue
        assert "judged by the sign test" in verdict.note


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
