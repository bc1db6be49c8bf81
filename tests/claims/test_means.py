import numpy as np
import pytest
from scipy import stats

from lossatlas.claims.means import limits, mean_above, mean_between, mean_within, tails

RNG = np.random.default_rng(0)
DIFFERENCES = RNG.normal(1, 1, 10)
STEPS = np.array([-1.0, -0.5, -0.25, 0.0, 0.0, 0.25, 0.5, 1.0])  # of no skewness


def by_flips(sample: np.ndarray, alternative: str) -> float:
    """Of all flips of signs, by scipy."""
    kind = {"permutation_type": "samples", "alternative": alternative, "n_resamples": np.inf}
    return float(stats.permutation_test((sample,), lambda x, axis: x.mean(axis=axis), **kind).pvalue)


def by_hall(sample: np.ndarray) -> float:
    """One-sided p value of the mean being above 0, from Hall's equation (1992, section 2) with scipy's skewness."""
    n, g = len(sample), stats.skew(sample, bias=False)
    a = sample.mean() / sample.std(ddof=1)
    score = np.sqrt(n) * (a + g * a**2 / 3 + g**2 * a**3 / 27 + g / (6 * n))
    (t,) = (root.real for root in np.roots([1.25 / n, 0, 1, -score]) if abs(root.imag) < 1e-9)
    return float(stats.t.sf(t, n - 1))


def by_t(sample: np.ndarray) -> float:
    """The same by Hall's t or, where the mean is far off, by Student's with the tail of lognormal values."""
    t = float(stats.ttest_1samp(sample, 0.0).statistic)
    return min(by_hall(sample), 4 * float(stats.t.sf(t / 2.2, (len(sample) - 1) / 2)))


@pytest.mark.parametrize("draw", ["normal", "standard_cauchy", "exponential"])
def test_the_p_value_is_the_larger_of_scipys_sign_flips_and_of_t(draw: str) -> None:
    decisive = set()
    for _ in range(10):
        sample = getattr(RNG, draw)(size=9) + 0.5
        flips, hall = by_flips(sample, "greater"), by_t(sample)
        assert tails(sample[:, None], 0.0)[0, 0] == pytest.approx(max(flips, hall))
        assert tails(-sample[:, None], 0.0)[1, 0] == pytest.approx(max(flips, hall))
        decisive.add(flips > hall)
    assert True in decisive or draw != "standard_cauchy"


def test_the_interval_has_what_is_not_rejected() -> None:
    for sample in RNG.exponential(size=(10, 9, 1)):
        low, high = limits(sample, 0.025)[:, 0]
        for end, inwards, side in ((low, 1e-9, 0), (high, -1e-9, 1)):
            assert tails(sample, end - inwards)[side, 0] <= 0.025
            assert tails(sample, end + inwards)[side, 0] >= 0.025


@pytest.mark.parametrize("n", [6, 10, 20])
def test_a_quarter_of_the_tail_of_t_for_lognormal_values_is_added_to_that_of_halls(n: int) -> None:
    """The t of 20,000 lognormal samples is beyond 2.2 times that of half the degrees of freedom no oftener than it."""
    sample = RNG.lognormal(size=(n, 20_000)) - np.exp(0.5)
    t = stats.ttest_1samp(sample, 0.0).statistic
    for tail in (0.025 / 4, 0.025 / 40):
        assert (t < -2.2 * stats.t.isf(tail, (n - 1) / 2)).mean() <= 1.5 * tail


def test_a_mean_that_is_many_standard_errors_away_is_decided_however_skewed() -> None:
    """Nine of ten seeds about 0.65, one 0.13: Hall's interval alone would begin at -0.15."""
    sample = np.array([0.643, 0.522, 0.768, 0.771, 0.779, 0.719, 0.59, 0.466, 0.574, 0.13])
    estimate = mean_above(sample, 0.0, 0.95)
    assert (estimate.outcome, 0 < estimate.low < sample.min()) == ("holds", True)
    assert mean_above(np.where(sample < 0.2, -0.3, sample), 0.0, 0.95).outcome == "cannot tell"


def test_of_many_values_signs_are_flipped_by_chance_and_the_same_each_time() -> None:
    sample = np.random.default_rng(1).standard_cauchy(size=16) + 0.3
    assert tails(sample[:, None], 0.0)[0, 0] == pytest.approx(by_flips(sample, "greater"), abs=0.02)
    assert mean_above(sample, 0.0, 0.95) == mean_above(sample, 0.0, 0.95)


def test_the_interval_covers_the_true_mean_at_least_as_often_as_it_says() -> None:
    """500 samples of eight, normal and skewed: 80 % less 3 standard errors of the share."""
    for samples, truth in ((RNG.normal(3, 2, (8, 500)), 3.0), (RNG.exponential(size=(8, 500)), 1.0)):
        low, high = limits(samples, 0.1)
        assert ((low < truth) & (truth < high)).mean() > 0.8 - 3 * np.sqrt(0.8 * 0.2 / 500)


@pytest.mark.parametrize(("shift", "outcome"), [(2.0, "holds"), (-2.0, "fails"), (0.2, "cannot tell")])
def test_the_side_of_the_threshold_decides(shift: float, outcome: str) -> None:
    assert mean_above(STEPS + 7 + shift, 7.0, 0.95).outcome == outcome


def test_outcome_and_p_value_agree_at_every_confidence() -> None:
    p_value = mean_above(DIFFERENCES, 0.0, 0.95).p_value
    assert mean_above(DIFFERENCES, 0.0, 1 - 1.01 * p_value).outcome == "holds"
    assert mean_above(DIFFERENCES, 0.0, 1 - 0.99 * p_value).outcome == "cannot tell"


@pytest.mark.parametrize(
    ("sample", "said"),
    [([], "0 usable pairs"), ([3.0], "1 usable pair"), ([3.0, 3.1, 3.2, 3.3, 3.4], "5 usable pairs")],
)
def test_fewer_than_six_cannot_tell_however_clear(sample: list[float], said: str) -> None:
    """Of five on one side the sign test has p = 1/16, and one in five that is otherwise is missed one time in three."""
    estimate = mean_above(np.array(sample), 0.0, 0.95)
    assert estimate.outcome == "cannot tell"
    assert estimate.note == f"{said}, at least 6 are needed at 95 %"
    assert np.isnan(estimate.low) == (len(sample) < 5)
    assert len(sample) < 5 or estimate.p_value == 1 / 16


@pytest.mark.parametrize(("n", "decided"), [(10, False), (11, True)])
def test_one_of_26_claims_takes_eleven(n: int, decided: bool) -> None:
    """2^-9 is more than 0.05 / 26, 2^-10 is less."""
    estimate = mean_above(5 + np.linspace(-0.1, 0.1, n), 0.0, 1 - 0.05 / 26)
    assert (estimate.outcome == "holds") == decided


def test_no_difference_in_any_pair_cannot_tell() -> None:
    estimate = mean_above(np.zeros(30), 0.0, 0.95)
    assert (estimate.outcome, estimate.p_value) == ("cannot tell", 1.0)


@pytest.mark.parametrize(
    ("n", "value", "outcome"), [(5, 1.0, "cannot tell"), (6, 1.0, "holds"), (6, -1.0, "fails")]
)
def test_the_same_difference_in_all_pairs_is_judged_by_the_sign_test(
    n: int, value: float, outcome: str
) -> None:
    estimate = mean_above(np.full(n, value), 0.0, 0.95)
    assert estimate.p_value == pytest.approx(stats.binomtest(n, n).pvalue)
    assert (estimate.outcome, np.isnan(estimate.low)) == (outcome, True)
    assert estimate.note.startswith(f"the same in all {n} pairs, so no interval: judged by the sign test")


def test_rounding_of_a_difference_is_not_taken_for_spread() -> None:
    differences = np.array([0.3, 0.5, 0.7, 0.9, 1.1]) - np.array([0.2, 0.4, 0.6, 0.8, 1.0])
    assert np.ptp(differences) > 0
    assert np.isnan(mean_above(differences, 0.0, 0.95).low)


def test_at_several_places_it_is_above_at_each_or_below_at_one() -> None:
    """Above at each place at the level of one test; below at one at that of as many tests as there are places."""
    samples = np.stack([DIFFERENCES + shift for shift in (0.0, 1.0, 2.0)], axis=1)
    one, all_three = mean_above(DIFFERENCES, 0.0, 0.95), mean_above(samples, 0.0, 0.95)
    assert (all_three.value, all_three.low, all_three.p_value) == (one.value, one.low, one.p_value)
    below = mean_above(samples - 3.0, 0.0, 0.95)
    assert below.value == pytest.approx(one.value - 3.0)
    assert below.p_value == pytest.approx(3 * mean_above(DIFFERENCES - 3.0, 0.0, 0.95).p_value)


@pytest.mark.parametrize(("shift", "outcome"), [(0.0, "holds"), (6.0, "fails"), (1.9, "cannot tell")])
def test_equivalence_asks_whether_the_whole_interval_lies_within_the_margin(
    shift: float, outcome: str
) -> None:
    assert mean_within(STEPS + shift, 2.0, 0.95).outcome == outcome
    assert mean_within(-STEPS - shift, 2.0, 0.95).outcome == outcome


@pytest.mark.parametrize(("shift", "outcome"), [(0.9, "holds"), (4.0, "fails")])
def test_equivalence_outcome_and_p_value_agree(shift: float, outcome: str) -> None:
    p_value = mean_within(STEPS + shift, 2.0, 0.95).p_value
    assert 0 < p_value < 0.05
    assert mean_within(STEPS + shift, 2.0, 1 - 1.01 * p_value).outcome == outcome
    assert mean_within(STEPS + shift, 2.0, 1 - 0.99 * p_value).outcome == "cannot tell"


def test_a_bound_alone_is_half_an_interval() -> None:
    above = mean_above(DIFFERENCES, 0.0, 0.95)
    assert mean_between(DIFFERENCES, 0.0, np.inf, 0.95) == above
    assert mean_between(-DIFFERENCES, -np.inf, 0.0, 0.95).p_value == above.p_value


def test_a_margin_must_be_positive() -> None:
    with pytest.raises(ValueError, match="margin must be above 0, got 0"):
        mean_within(np.zeros(5), 0.0, 0.95)
