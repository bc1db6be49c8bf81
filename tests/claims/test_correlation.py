from typing import Any

import numpy as np
import pytest
import xarray as xr
from scipy import stats

from lossatlas.claims import RankCorrelation, RankingAgreement, StrongerCorrelation, Verdict
from lossatlas.claims.rank_statistics import correlation_difference

RNG = np.random.default_rng(0)
COORDS = {"width": [1, 2, 4, 8, 16], "skip": [False, True], "seed": range(5)}
CELL = np.arange(10.0).reshape(5, 2, 1)
AREA = xr.DataArray(CELL + RNG.normal(size=(5, 2, 5)), COORDS, attrs={"long_name": "area"})
ERROR = xr.DataArray(9 - CELL + RNG.normal(size=(5, 2, 5)), COORDS, attrs={"long_name": "test error"})


def correlation(measure: xr.DataArray = AREA, other: xr.DataArray = ERROR, **settings: object) -> Verdict:
    claim = RankCorrelation(
        id="C",
        text="t",
        measure=lambda: measure,
        other=lambda: other,
        **{"negative": True, **settings},
    )
    return claim({})


def test_the_correlation_is_that_of_all_networks() -> None:
    verdict = correlation()
    assert verdict.estimate == pytest.approx(
        stats.spearmanr(AREA.values.ravel(), ERROR.values.ravel()).statistic
    )
    assert (verdict.outcome, verdict.seeds) == ("holds", 5)
    assert verdict.statistic == "rank correlation of area and test error over 50 networks"
    assert correlation(negative=False).outcome == "fails"
    assert correlation(other=xr.DataArray(RNG.normal(size=(5, 2, 5)), COORDS)).outcome == "cannot tell"


def test_the_correlation_may_be_that_of_means_over_seeds() -> None:
    verdict = correlation(of_means=True)
    expected = stats.spearmanr(AREA.values.mean(2).ravel(), ERROR.values.mean(2).ravel()).statistic
    assert verdict.estimate == pytest.approx(expected)
    assert verdict.statistic.endswith("over 10 means over seeds")


def test_the_part_that_the_claim_is_about_is_selected_and_directions_are_averaged() -> None:
    widths = AREA.expand_dims(direction=3) * xr.DataArray([0.5, 1.0, 1.5], dims="direction")
    expected = stats.spearmanr(AREA.values[:, 1].ravel(), ERROR.values[:, 1].ravel()).statistic
    verdict = correlation(widths, at={"skip": True}, mean_over=["direction"])
    assert verdict.estimate == pytest.approx(expected)
    with pytest.raises(ValueError, match="no dimension 'directions' to average over"):
        correlation(widths, mean_over=["directions"])
    with pytest.raises(ValueError, match="no dimension 'depth' to select 20 on"):
        correlation(at={"depth": 20})


def test_order_of_dimensions_does_not_matter() -> None:
    assert correlation(other=ERROR.transpose("seed", "skip", "width")) == correlation()


def test_networks_that_are_missing_are_told_and_cells_that_no_sweep_has_are_not_theirs() -> None:
    area = AREA.copy()
    area[3, 0] = np.nan
    area[0, 0, 2] = np.nan
    verdict = correlation(area)
    assert verdict.statistic.endswith("over 44 networks")
    assert verdict.note == "1 of 45 networks left out: not surveyed, or NaN"


def test_ties_are_told() -> None:
    error = ERROR.copy()
    error[0, 0, :3] = 9.0
    assert (
        correlation(other=error).note == "ties share their ranks: 2 of 50 networks repeat a value of another"
    )


def test_a_surface_beyond_float_range_is_the_largest() -> None:
    area = AREA.copy()
    area[3, 1] = np.inf
    assert correlation(area).outcome == "holds"


def test_bounds_decide_only_what_they_cannot_undo() -> None:
    wide = np.quantile(AREA, 0.8) <= AREA
    verdict = correlation(AREA.assign_coords(open=wide))
    assert verdict.outcome == "holds"
    assert verdict.note.endswith("10 of 50 values reach the end of what was surveyed")
    lifted = AREA.copy()
    lifted.values[wide.values] = np.inf
    assert verdict.p_value == max(correlation(AREA).p_value, correlation(lifted).p_value)
    narrow = np.quantile(AREA, 0.6) >= AREA
    verdict = correlation(AREA.assign_coords(open=narrow))
    assert verdict.outcome == "cannot tell"
    assert verdict.note.startswith("would be 'holds', but rests on values that are only lower bounds")
    assert np.isnan(verdict.p_value)  # among other claims it counts as one that is far from decided


def test_three_seeds_cannot_tell() -> None:
    verdict = correlation(AREA.isel(seed=slice(3)), ERROR.isel(seed=slice(3)))
    assert (verdict.outcome, verdict.seeds) == ("cannot tell", 3)
    assert verdict.note == "3 usable seeds, at least 5 are needed"


# One more than another: differences of rank correlations against scipy's.


def networks(seeds: int = 5, cells: int = 6, noise: float = 0.5, seed: int = 0) -> list[np.ndarray]:
    """Test errors of ``cells`` settings, and two quantities that follow them, the second ``noise`` times as loosely."""
    rng = np.random.default_rng(seed)
    other = np.arange(cells) + rng.normal(size=(seeds, cells))
    return [other + 0.5 * rng.normal(size=other.shape), other + noise * rng.normal(size=other.shape), other]


def stronger(parts: list[np.ndarray], **options: Any) -> StrongerCorrelation:
    coords = {"seed": range(len(parts[0])), "width": range(parts[0].shape[1])}
    one, two, other = (xr.DataArray(part, coords, ("seed", "width")) for part in parts)
    measures = {"measure": lambda: one, "than": lambda: two, "other": lambda: other}
    return StrongerCorrelation(**{"id": "L", "text": "It tells more", **measures, **options})


def test_the_estimate_is_the_difference_of_scipys_correlations() -> None:
    one, two, other = networks(noise=4.0)
    one[0, 0] = np.nan  # left out of both
    kept = ~np.isnan(one)
    rhos = [stats.spearmanr(part[kept], other[kept]).statistic for part in (one, two)]
    estimate = correlation_difference(one, two, other, confidence=0.95)
    assert estimate.value == pytest.approx(rhos[0] - rhos[1], abs=1e-12)
    assert estimate.low < estimate.value < estimate.high
    negative = stronger([-one, -two, other], negative=True)({})
    assert negative.estimate == pytest.approx(estimate.value, abs=1e-12)
    assert "29 networks" in negative.note


@pytest.mark.parametrize(
    ("noise", "margin", "outcome"),
    [(30.0, 0.0, "holds"), (0.5, 0.0, "cannot tell"), (0.5, 0.2, "holds")],
)
def test_a_stronger_correlation_says_whether_it_is_closer(noise: float, margin: float, outcome: str) -> None:
    """0.5 is as loose as the first, which then is neither closer nor, by more than 0.2, less close."""
    verdict = stronger(networks(seeds=8, cells=8, noise=noise, seed=3), margin=margin)({})
    assert (verdict.outcome, verdict.against, verdict.seeds) == (outcome, -margin, 8)


def test_a_correlation_that_is_weaker_is_not_the_stronger() -> None:
    one, two, other = networks(seeds=8, cells=8, noise=30.0, seed=3)
    assert stronger([two, one, other])({}).outcome == "fails"


def test_a_bound_that_could_change_the_outcome_withholds_it() -> None:
    parts = networks(seeds=8, cells=8, noise=30.0, seed=3)
    plain = stronger(parts)
    is_open = np.zeros(parts[0].shape, bool)
    is_open[:, :4] = True  # the least of the first measure could be the largest
    wide = plain.measure().assign_coords(open=(("seed", "width"), is_open))
    verdict = stronger(parts, measure=lambda: wide)({})
    assert (plain({}).outcome, verdict.outcome) == ("holds", "cannot tell")
    assert "32 values reach the end of what was surveyed" in verdict.note


def test_a_stronger_correlation_of_too_few_seeds_cannot_tell() -> None:
    assert stronger(networks(seeds=4))({}).outcome == "cannot tell"
    constant = stronger([np.ones((5, 6)), *networks()[1:]])({})
    assert (constant.outcome, constant.estimate) == ("cannot tell", pytest.approx(np.nan, nan_ok=True))


def test_a_margin_is_not_negative() -> None:
    with pytest.raises(ValueError, match=r"^L: margin must be >= 0, got -1$"):
        stronger(networks(), margin=-1)


# Of two arms

CELLS = {"batch_size": [16, 164], "weight_decay": [0.0, 1e-5, 1e-4, 5e-4, 1e-3, 2e-3], "seed": range(5)}
WIDE, NARROW = np.full((6, 5), 2.0), np.full((6, 5), 1.0)


def ranking(width: np.ndarray, error: np.ndarray, is_open: np.ndarray | None = None, **at: Any) -> Verdict:
    widths = xr.DataArray(width, CELLS)
    if is_open is not None:
        widths = widths.assign_coords(open=(widths.dims, is_open))
    claim = RankingAgreement(
        id="L-F3",
        text="wider is better",
        measure=lambda: widths,
        other=lambda: xr.DataArray(error, CELLS),
        first={"batch_size": 16},
        second={"batch_size": 164},
        opposite=True,
        pool=["weight_decay"],
        at=at,
    )
    return claim({})


def test_each_setting_is_one_value_the_share_of_its_seeds_that_agree() -> None:
    width, error = np.stack([WIDE, NARROW]), np.stack([NARROW, WIDE])
    assert ranking(width, error).p_value == 2**-5  # six settings on one side
    error[:, 1, 3] = [2.0, 1.0]
    verdict = ranking(width, error)
    assert verdict.estimate == pytest.approx(29 / 30)
    assert (verdict.outcome, verdict.seeds) == ("holds", 5)
    assert verdict.statistic.startswith("share of 30 comparisons in 6 settings")


def test_many_seeds_of_few_settings_cannot_tell() -> None:
    """All ten agree, but it is the arms of two settings that do, by what their seeds share."""
    verdict = ranking(np.stack([WIDE, NARROW]), np.stack([NARROW, WIDE]), weight_decay=[0.0, 5e-4])
    assert (verdict.outcome, verdict.estimate) == ("cannot tell", 1.0)
    assert verdict.note.endswith("2 usable settings, at least 6 are needed at 95 %")


def test_the_opposite_ranking_fails() -> None:
    verdict = ranking(np.stack([WIDE, NARROW]), np.stack([WIDE, NARROW]))
    assert (verdict.outcome, verdict.estimate) == ("fails", 0.0)


def test_ties_and_missing_values_are_left_out_and_told() -> None:
    width, error = np.stack([WIDE, NARROW]), np.stack([NARROW, WIDE])
    width[:, 0, 0] = 1.0
    error[0, 1, 1] = np.nan
    verdict = ranking(width, error)
    assert verdict.statistic.startswith("share of 28 comparisons")
    assert verdict.note.endswith("2 of 30 comparisons left out: missing, tied or only bounded")


def test_a_bound_ranks_only_what_it_exceeds() -> None:
    """Wide ones open: still wider. Narrow ones open: nobody knows."""
    width, error = np.stack([WIDE, NARROW]), np.stack([NARROW, WIDE])
    wide_open = np.stack([np.full((6, 5), True), np.full((6, 5), False)])
    assert ranking(width, error, wide_open).outcome == "holds"
    verdict = ranking(width, error, ~wide_open)
    assert (verdict.outcome, verdict.seeds) == ("cannot tell", 0)
