import numpy as np
import pytest
import xarray as xr
from scipy import stats

from lossatlas.claims import RankCorrelation, Verdict

RNG = np.random.default_rng(0)
COORDS = {"width": [1, 2, 4, 8], "skip": [False, True], "seed": range(5)}
CELL = np.arange(8.0).reshape(4, 2, 1)
AREA = xr.DataArray(CELL + RNG.normal(size=(4, 2, 5)), COORDS, attrs={"long_name": "area"})
ERROR = xr.DataArray(9 - CELL + RNG.normal(size=(4, 2, 5)), COORDS, attrs={"long_name": "test error"})


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
    assert verdict.statistic == "rank correlation of area and test error over 40 networks"
    assert correlation(negative=False).outcome == "fails"
    assert correlation(other=xr.DataArray(RNG.normal(size=(4, 2, 5)), COORDS)).outcome == "cannot tell"


def test_the_correlation_may_be_that_of_means_over_seeds() -> None:
    verdict = correlation(of_means=True)
    expected = stats.spearmanr(AREA.values.mean(2).ravel(), ERROR.values.mean(2).ravel()).statistic
    assert verdict.estimate == pytest.approx(expected)
    assert verdict.statistic.endswith("over 8 means over seeds")


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
    assert verdict.statistic.endswith("over 34 networks")
    assert verdict.note == "1 of 35 networks left out: not surveyed, or NaN"


def test_ties_are_told() -> None:
    error = ERROR.copy()
    error[0, 0, :3] = 9.0
    assert (
        correlation(other=error).note == "ties share their ranks: 2 of 40 networks repeat a value of another"
    )


def test_a_surface_beyond_float_range_is_the_largest() -> None:
    area = AREA.copy()
    area[3, 1] = np.inf
    assert correlation(area).outcome == "holds"


def test_bounds_decide_only_what_they_cannot_undo() -> None:
    wide = np.quantile(AREA, 0.8) <= AREA
    verdict = correlation(AREA.assign_coords(open=wide))
    assert verdict.outcome == "holds"
    assert verdict.note.endswith("8 of 40 values reach the end of what was surveyed")
    narrow = np.quantile(AREA, 0.6) >= AREA
    verdict = correlation(AREA.assign_coords(open=narrow))
    assert verdict.outcome == "cannot tell"
    assert verdict.note.startswith("would be 'holds', but rests on values that are only lower bounds")


def test_three_seeds_cannot_tell() -> None:
    verdict = correlation(AREA.isel(seed=slice(3)), ERROR.isel(seed=slice(3)))
    assert (verdict.outcome, verdict.seeds) == ("cannot tell", 3)
    assert verdict.note == "3 usable seeds, at least 5 are needed"
