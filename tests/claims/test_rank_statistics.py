import numpy as np
import pytest
from scipy import stats

from lossatlas.claims.rank_statistics import mean_trend, rank_correlation

RNG = np.random.default_rng(0)


def noisy(
    rng: np.random.Generator, *, n: int = 5, k: int = 4, rise: float = 0.5, deviation: float = 0.0
) -> np.ndarray:
    """(n, k) levels that rise by ``rise`` a step, by so much more or less in each row, plus independent noise."""
    rises = rise + deviation * rng.normal(size=(n, 1))
    return rises * np.arange(k) + rng.normal(size=(n, k))


def test_the_estimate_is_the_mean_of_scipys_spearman_correlations() -> None:
    values = noisy(RNG)
    rhos = [stats.spearmanr(row, np.arange(4)).statistic for row in values]
    assert mean_trend(values, 0.95).value == pytest.approx(np.mean(rhos))


def test_where_rows_agree_the_p_value_is_that_of_scipys_page_test() -> None:
    for values in (
        np.tile([1.0, 2, 3, 4], (5, 1)),
        np.tile([2.0, 1, 3, 4, 5], (6, 1)),
        np.tile([1.0, 1, 2], (7, 1)),
    ):
        one_sided = stats.page_trend_test(values, method="asymptotic").pvalue
        assert mean_trend(values, 0.95).p_value == pytest.approx(2 * one_sided)


@pytest.mark.parametrize("deviation", [0.0, 2.0], ids=["noise", "half of the rows rise, half fall"])
def test_without_a_trend_one_is_claimed_no_more_often_than_allowed(deviation: float) -> None:
    """1,000 times at 90 %: at most 10 % + 3 standard errors. Page's test alone claims 27 % of the second kind."""
    rng = np.random.default_rng(1)
    samples = [noisy(rng, rise=0.0, deviation=deviation) for _ in range(1000)]
    claimed = np.mean([mean_trend(sample, 0.9).outcome != "cannot tell" for sample in samples])
    assert 0.02 < claimed < 0.1 + 3 * np.sqrt(0.1 * 0.9 / 1000)


@pytest.mark.parametrize(("rise", "deviation"), [(0.3, 0.0), (0.7, 0.0), (0.5, 0.5)])
def test_the_interval_covers_the_true_mean_correlation_at_least_as_often_as_it_says(
    rise: float, deviation: float
) -> None:
    rng = np.random.default_rng(2)
    truth = mean_trend(noisy(rng, n=50_000, rise=rise, deviation=deviation), 0.9).value
    estimates = [mean_trend(noisy(rng, rise=rise, deviation=deviation), 0.9) for _ in range(500)]
    assert np.mean([e.low <= truth <= e.high for e in estimates]) > 0.9 - 3 * np.sqrt(0.9 * 0.1 / 500)


def test_interval_and_p_value_agree_at_every_confidence() -> None:
    estimate = mean_trend(noisy(np.random.default_rng(3), rise=0.8), 0.95)
    assert 0 < estimate.p_value < 0.2
    assert (
        mean_trend(noisy(np.random.default_rng(3), rise=0.8), 1 - 1.01 * estimate.p_value).outcome == "holds"
    )
    assert (
        mean_trend(noisy(np.random.default_rng(3), rise=0.8), 1 - 0.99 * estimate.p_value).outcome
        == "cannot tell"
    )


def test_a_trend_needs_five_rows_and_three_levels() -> None:
    few = mean_trend(np.tile([1.0, 2, 3], (4, 1)), 0.95)
    assert (few.outcome, few.value, few.note) == ("cannot tell", 1.0, "4 usable seeds, at least 5 are needed")
    with pytest.raises(ValueError, match="a trend needs 3 levels or more, got 2"):
        mean_trend(np.ones((5, 2)), 0.95)


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


def networks(rng: np.random.Generator, n: int, slope: float) -> tuple[np.ndarray, np.ndarray]:
    """Two quantities of n seeds in six cells, which share a seed's luck and go with the cell."""
    cell, luck = np.arange(6) / 2, rng.normal(scale=0.5, size=(n, 1))
    return cell + luck + rng.normal(size=(n, 6)), slope * cell + luck + rng.normal(size=(n, 6))


@pytest.mark.parametrize("slope", [-1.0, -0.3, 0.5])
def test_the_interval_covers_the_true_correlation_as_often_as_it_says(slope: float) -> None:
    """400 times five seeds at 90 %, to within 3 standard errors or more often; the percentiles cover 80 %."""
    rng = np.random.default_rng(4)
    truth = rank_correlation(*networks(rng, 20_000, slope), 0.9, resamples=2).value
    estimates = [rank_correlation(*networks(rng, 5, slope), 0.9, resamples=200) for _ in range(400)]
    covered = np.mean([e.low < truth < e.high for e in estimates])
    assert 0.9 - 3 * np.sqrt(0.9 * 0.1 / 400) < covered < 0.97


def test_the_resamples_are_the_same_each_time() -> None:
    one, two = RNG.normal(size=(2, 5, 4))
    assert rank_correlation(one, two, 0.95) == rank_correlation(one, two, 0.95)


def test_one_order_in_all_seeds_is_judged_by_the_chance_that_they_agree() -> None:
    """Two cells in five seeds are a chance of one in 16; three cells of 1 in 3888."""
    two_cells, three_cells = np.tile([1.0, 2.0], (5, 1)), np.tile([1.0, 2.0, 3.0], (5, 1))
    undecided = rank_correlation(two_cells, two_cells, 0.95)
    assert (undecided.outcome, undecided.p_value) == ("cannot tell", 1 / 16)
    decided = rank_correlation(three_cells, -three_cells, 0.95)
    assert (decided.outcome, decided.value, decided.high) == ("fails", -1.0, -1.0)
    assert decided.p_value == pytest.approx(2 / 6**5)


def test_too_few_seeds_and_constants_cannot_tell() -> None:
    one, two = RNG.normal(size=(2, 5, 4))
    one[1] = np.nan
    few = rank_correlation(one, two, 0.95)
    assert (few.outcome, few.note) == ("cannot tell", "4 usable seeds, at least 5 are needed")
    constant = rank_correlation(np.ones((5, 4)), two, 0.95)
    assert (constant.outcome, constant.note) == ("cannot tell", "all the same: nothing to order by")
    nothing = rank_correlation(np.full((5, 4), np.nan), two, 0.95)
    assert (nothing.outcome, nothing.note) == ("cannot tell", "0 usable seeds, at least 5 are needed")
