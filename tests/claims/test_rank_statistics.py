from itertools import permutations

import numpy as np
import pytest
from scipy import stats

from lossatlas.claims.rank_statistics import (
    arrangements,
    correlation_difference,
    mean_trend,
    rank_correlation,
)

RNG = np.random.default_rng(0)


def noisy(rng: np.random.Generator, *, n: int = 8, k: int = 4, rise: float = 0.5) -> np.ndarray:
    """(n, k) levels that rise by ``rise`` a step, plus independent noise."""
    return rise * np.arange(k) + rng.normal(size=(n, k))


def test_the_estimate_is_the_mean_of_scipys_spearman_correlations() -> None:
    values = noisy(RNG)
    rhos = [stats.spearmanr(row, np.arange(4)).statistic for row in values]
    assert mean_trend(values, 0.95).value == pytest.approx(np.mean(rhos))


def test_what_half_of_the_rows_do_and_the_other_half_undo_is_no_trend() -> None:
    """Page's test would call it one: each row's order is no chance."""
    rows = np.vstack([np.tile([1.0, 2, 3, 4], (7, 1)), np.tile([4.0, 3, 2, 1], (3, 1))])
    assert stats.page_trend_test(rows).pvalue < 0.05
    assert mean_trend(rows, 0.95).outcome == "cannot tell"


def test_interval_and_p_value_agree_at_every_confidence() -> None:
    values = noisy(np.random.default_rng(3), rise=1.2)
    p_value = mean_trend(values, 0.95).p_value
    assert 0 < p_value < 0.2
    assert mean_trend(values, 1 - 1.01 * p_value).outcome == "holds"
    assert mean_trend(values, 1 - 0.99 * p_value).outcome == "cannot tell"


def test_a_trend_needs_six_rows_and_three_levels() -> None:
    few = mean_trend(np.tile([1.0, 2, 3], (5, 1)), 0.95)
    assert (few.outcome, few.value, few.p_value) == ("cannot tell", 1.0, 1 / 16)
    assert few.note.endswith("5 usable seeds, at least 6 are needed at 95 %")
    assert mean_trend(np.tile([1.0, 2, 3], (6, 1)), 0.95).outcome == "holds"
    with pytest.raises(ValueError, match="a trend needs 3 levels or more, got 2"):
        mean_trend(np.ones((6, 2)), 0.95)


def test_infinities_rank_above_all_others() -> None:
    assert mean_trend(np.tile([1.0, 1e300, np.inf], (5, 1)), 0.95).value == 1.0


@pytest.mark.parametrize("holes", [False, True])
def test_over_networks_the_correlation_is_scipys(holes: bool) -> None:
    one, two = RNG.integers(6, size=(2, 5, 4)).astype(float)  # with ties
    if holes:
        one[0, 1] = two[3, 2] = np.nan
    expected = stats.spearmanr(one.ravel(), two.ravel(), nan_policy="omit").statistic
    assert rank_correlation(one, two, 0.95).value == pytest.approx(expected)


def test_of_means_the_correlation_is_that_of_the_cells() -> None:
    one, two = RNG.normal(size=(2, 5, 6))
    expected = stats.spearmanr(one.mean(0), two.mean(0)).statistic
    assert rank_correlation(one, two, 0.95, of_means=True).value == pytest.approx(expected)


def by_hand(one: np.ndarray, two: np.ndarray) -> float:
    """Two-sided p value of scipy's correlations over all orders of the second's columns."""
    rhos = [
        stats.spearmanr(one.ravel(), two[:, list(order)].ravel()).statistic
        for order in permutations(range(two.shape[1]))
    ]
    far = np.abs(np.sign(rhos[0]) * np.array(rhos)) >= abs(rhos[0]) - 1e-9
    return min(1.0, 2 * np.mean(far & (np.sign(rhos) == np.sign(rhos[0]))))


@pytest.mark.parametrize("slope", [0.0, 0.5, -2.0])
def test_the_p_value_is_that_of_scipys_correlations_in_all_orders_of_the_settings(slope: float) -> None:
    setting, luck = np.arange(5.0), RNG.normal(size=(6, 1))
    one = setting + luck + RNG.normal(size=(6, 5))
    two = slope * setting + luck + RNG.normal(size=(6, 5))
    assert rank_correlation(one, two, 0.95).p_value == pytest.approx(by_hand(one, two))


def test_values_of_each_factor_change_places_and_not_settings_at_will() -> None:
    """Two factors of 2 and 3 values have 2! 3! = 12 arrangements, where six settings would have 720."""
    orders = arrangements((2, 3))
    assert len({tuple(order) for order in orders}) == len(orders) == 12
    assert orders[0].tolist() == list(range(6))
    for order in orders.reshape(-1, 2, 3):  # rows stay rows, columns columns
        assert len({tuple(row) for row in order // 3}) == 2
        assert all(len(set(row)) == 1 for row in (order // 3).tolist())
        assert all(len(set(column)) == 1 for column in (order % 3).T.tolist())


def test_one_factor_of_two_values_that_moves_both_quantities_is_no_correlation() -> None:
    """Eight settings of three factors: one of them makes all the difference in both, as it does half of the time."""
    optimizer = np.arange(2.0)[:, None, None]
    one, two = (10 * optimizer + RNG.normal(size=(20, 2, 2, 2)) for _ in range(2))
    estimate = rank_correlation(one, two, 0.95)
    assert estimate.value > 0.7
    assert estimate.outcome == "cannot tell"
    assert estimate.note == "8 arrangements of the values of the sweep's axes, at least 40 are needed at 95 %"


def test_the_interval_has_what_is_not_rejected_and_no_more_than_a_correlation_can_be() -> None:
    setting = np.arange(6.0)
    one, two = setting + RNG.normal(size=(5, 6)), setting + RNG.normal(size=(5, 6))
    for confidence in (0.5, 0.8, 0.9, 0.95, 0.99):
        estimate = rank_correlation(one, two, confidence)
        assert -1 <= estimate.low <= estimate.value <= estimate.high <= 1
        assert (estimate.outcome == "holds") == (estimate.low > 0) == (estimate.p_value <= 1 - confidence)


def test_what_two_quantities_share_cancels_in_their_difference() -> None:
    """The second is the first with a little noise: the difference is small, and so is the interval."""
    setting = np.arange(7.0)
    other, one = (setting + RNG.normal(size=(5, 7)) for _ in range(2))
    near = correlation_difference(one, one + 0.05 * RNG.normal(size=(5, 7)), other, 0.95)
    far = correlation_difference(one, RNG.normal(size=(5, 7)), other, 0.95)
    assert near.high - near.low < 0.2 < far.high - far.low


def test_arrangements_are_the_same_each_time() -> None:
    one, two = RNG.normal(size=(2, 5, 8))
    arrangements.cache_clear()
    first = rank_correlation(one, two, 0.95)
    arrangements.cache_clear()
    assert rank_correlation(one, two, 0.95) == first


def test_too_few_seeds_and_constants_cannot_tell() -> None:
    one, two = RNG.normal(size=(2, 5, 5))
    one[1] = np.nan
    few = rank_correlation(one, two, 0.95)
    assert (few.outcome, few.note) == ("cannot tell", "4 usable seeds, at least 5 are needed")
    assert rank_correlation(one, two, 0.95, of_means=True).note == few.note
    constant = rank_correlation(np.ones((5, 4)), RNG.normal(size=(5, 4)), 0.95)
    assert (constant.outcome, constant.note) == ("cannot tell", "all the same: nothing to order by")
    nothing = rank_correlation(np.full((5, 4), np.nan), RNG.normal(size=(5, 4)), 0.95)
    assert (nothing.outcome, nothing.note) == ("cannot tell", "0 usable seeds, at least 5 are needed")
