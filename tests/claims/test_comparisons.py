from collections.abc import Callable

import numpy as np
import pytest
import xarray as xr

from lossatlas.claims import Equivalence, PairedDifference, PairedRatio, Paper, Verdict

LARGE, SMALL = {"batch_size": 164}, {"batch_size": 16}
NOISE = np.array([0.1, -0.2, 0.0, 0.3, -0.1])


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
    seeds = np.array([0.0, 50.0, 10.0, 90.0, 30.0])
    verdict = difference(sweep(seeds + 1 + NOISE, seeds))
    assert verdict.outcome == "holds"
    assert verdict.estimate == pytest.approx(1 + NOISE.mean())
    assert verdict.seeds == 5


def test_a_verdict_tells_both_arms_beside_the_papers_numbers() -> None:
    paper = Paper(first=11.07, second=7.37, source="Li et al. 2018, Fig. 2a")
    verdict = difference(sweep(np.arange(5) + 11.0, np.arange(5) + 7 + NOISE), paper=paper)
    large, small = verdict.arms
    assert (large.label, large.mean, large.paper) == ("batch size 164", 13.0, 11.07)
    assert (small.label, small.mean, small.paper) == ("batch size 16", pytest.approx(9.02), 7.37)
    assert large.sd == pytest.approx(np.sqrt(2.5))
    assert (verdict.statistic, verdict.units) == ("mean difference of error", "%")


def test_a_claim_that_the_numbers_contradict_fails() -> None:
    assert difference(sweep(NOISE, 1 - NOISE)).outcome == "fails"


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_pair_that_is_not_finite_is_left_out_and_told(bad: float) -> None:
    verdict = difference(sweep(np.r_[2.0, 2.1, 2.3, 1.9, 2.2, bad], np.zeros(6)))
    assert (verdict.outcome, verdict.seeds) == ("holds", 5)
    assert verdict.note == "1 of 6 pairs left out: not surveyed, NaN or infinite"


def test_too_few_finite_pairs_cannot_tell_and_say_why() -> None:
    verdict = difference(sweep(np.r_[2.0, 2.1, 2.3, 1.9, np.nan], np.zeros(5)))
    assert (verdict.outcome, verdict.seeds) == ("cannot tell", 4)
    assert verdict.note == (
        "4 usable pairs, at least 5 are needed; 1 of 5 pairs left out: not surveyed, NaN or infinite"
    )


def test_nothing_surveyed_cannot_tell() -> None:
    verdict = difference(sweep(np.full(5, np.nan), np.full(5, np.nan)))
    assert (verdict.outcome, verdict.seeds) == ("cannot tell", 0)
    assert np.isnan([verdict.estimate, verdict.arms[0].mean]).all()


def test_at_every_alpha_means_at_the_worst_one_of_each_seed() -> None:
    """Greater by 1 on average, yet smaller at one alpha, a different one for each seed."""
    gap = np.full((5, 4), 2.0)
    gap[np.arange(5), np.arange(5) % 4] = -1.0 + NOISE / 10
    coords = {"batch_size": [164, 16], "seed": range(5), "alpha": [-1.0, -0.5, 0.5, 1.0]}
    values = xr.DataArray(np.stack([gap, np.zeros((5, 4))]), coords, ("batch_size", "seed", "alpha"))
    assert difference(values, mean_over=["alpha"]).outcome == "holds"
    verdict = difference(values, worst_over=["alpha"])
    assert verdict.outcome == "fails"
    assert verdict.estimate == pytest.approx(-1 + NOISE.mean() / 10)
    assert verdict.statistic == "mean difference of the measure, at the worst alpha"


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
    is_open = np.array([[large] * 5, [small] * 5])
    return values.assign_coords(open=(values.dims, is_open))


def test_a_lower_bound_on_the_greater_side_can_only_strengthen_the_claim() -> None:
    verdict = difference(with_open(sweep(NOISE + 2, NOISE * 0), large=True, small=False))
    assert verdict.outcome == "holds"
    assert verdict.note == "batch size 164: 5 of 5 reach the end of what was surveyed"


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
    small = np.array([1.0, 2.0, 4.0, 8.0, 16.0])
    values = sweep(small * np.array([8.0, 10.0, 12.5, 10.0, 10.0]), small)
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
    verdict = ratio(sweep(np.r_[9.0, 8.0, 9.0, 8.5, 9.1, 9.0], np.r_[1.0, 1.0, 1.0, 1.0, 1.0, 0.0]), factor=5)
    assert (verdict.outcome, verdict.seeds) == ("holds", 5)


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
