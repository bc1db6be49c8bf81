import numpy as np
import pytest
import xarray as xr
from scipy import stats

from lossatlas.claims.measures import Measure, linearity

SECONDS = xr.DataArray(
    np.random.default_rng(3).normal(size=(2, 5, 4)) + np.array([0, 1, 3, 10]),
    {"model": ["wide", "deep"], "seed": range(5), "checkpoints": [0, 1, 3, 10]},
    attrs={"long_name": "time of a step", "units": "s"},
)


def given(values: xr.DataArray) -> Measure:
    return lambda datasets: values


@pytest.mark.parametrize("among", [None, [0, 3, 10], [10, 1, 0, 3]])
def test_it_is_the_square_of_scipys_correlation_for_each_seed(among: list[int] | None) -> None:
    found = linearity({}, of=given(SECONDS), along="checkpoints", among=among)
    assert found.dims == ("model", "seed")
    taken = SECONDS.sel(checkpoints=among or [0, 1, 3, 10], model="deep", seed=2)
    assert found.sel(model="deep", seed=2) == pytest.approx(
        stats.linregress(taken.checkpoints, taken).rvalue ** 2
    )
    assert found.attrs["long_name"] == "share of time of a step that is linear in checkpoints"


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_it_is_unknown_where_a_value_is(bad: float) -> None:
    seconds = SECONDS.copy()
    seconds.loc[{"checkpoints": 3, "model": "wide", "seed": 1}] = bad
    found = linearity({}, of=given(seconds), along="checkpoints")
    assert np.isnan(found.sel(model="wide", seed=1))
    assert np.isfinite(found).sum() == 9


def test_it_is_unknown_where_a_value_is_only_a_bound_or_nothing_varies() -> None:
    bounded = SECONDS.assign_coords(open=(SECONDS.dims, SECONDS.values > SECONDS.values.max() - 1e-9))
    assert np.isfinite(linearity({}, of=given(bounded), along="checkpoints")).sum() == 9
    assert np.isnan(linearity({}, of=given(0 * SECONDS), along="checkpoints")).all()


def test_an_axis_of_words_or_of_two_values_is_refused() -> None:
    with pytest.raises(ValueError, match=r"a line fits two values always; checkpoints has \[0, 1\]"):
        linearity({}, of=given(SECONDS), along="checkpoints", among=[0, 1])
    with pytest.raises(ValueError, match="a line needs an axis of numbers; model has"):
        linearity({}, of=given(SECONDS), along="model")
