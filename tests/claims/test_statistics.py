import numpy as np
import pytest
from scipy import stats

from lossatlas.claims.statistics import mean_above, mean_within, share_above_half

RNG = np.random.default_rng(0)
FIRST, SECOND = RNG.normal(2, 1, 8), RNG.normal(1, 1, 8)


def test_on_differences_the_interval_is_that_of_scipys_paired_t_test() -> None:
    test = stats.ttest_rel(FIRST, SECOND)
    low, high = test.confidence_interval(0.9)
    estimate = mean_above(FIRST - SECOND, 0.0, 0.9)
    assert (estimate.value, estimate.low, estimate.high) == pytest.approx(
        ((FIRST - SECOND).mean(), low, high)
    )
    assert estimate.p_value == pytest.approx(test.pvalue)


def test_the_interval_covers_the_true_mean_as_often_as_it_says() -> None:
    """500 samples of six: 80 % +- 3 standard errors of the share."""
    samples = np.random.default_rng(1).normal(3, 2, (500, 6))
    estimates = [mean_above(sample, 0.0, 0.8) for sample in samples]
    covered = np.mean([e.low < 3 < e.high for e in estimates])
    assert abs(covered - 0.8) < 3 * np.sqrt(0.8 * 0.2 / 500)


@pytest.mark.parametrize(("shift", "outcome"), [(2.0, "holds"), (-2.0, "fails"), (0.2, "cannot tell")])
def test_the_side_of_the_threshold_decides(shift: float, outcome: str) -> None:
    sample = np.array([-1.0, -0.5, 0.0, 0.5, 1.0])
    assert mean_above(sample + 7 + shift, 7.0, 0.95).outcome == outcome


def test_outcome_and_p_value_agree_at_every_confidence() -> None:
    estimate = mean_above(FIRST - SECOND, 0.0, 0.95)
    assert mean_above(FIRST - SECOND, 0.0, 1 - 1.01 * estimate.p_value).outcome == "holds"
    assert mean_above(FIRST - SECOND, 0.0, 1 - 0.99 * estimate.p_value).outcome == "cannot tell"


@pytest.mark.parametrize(
    ("sample", "said"),
    [([], "0 usable pairs"), ([3.0], "1 usable pair"), ([3.0, 3.1, 3.2, 3.3], "4 usable pairs")],
)
def test_fewer_than_five_cannot_tell_however_clear(sample: list[float], said: str) -> None:
    estimate = mean_above(np.array(sample), 0.0, 0.95)
    assert estimate.outcome == "cannot tell"
    assert estimate.note == f"{said}, at least 5 are needed"
    assert np.isnan(estimate.low)


def test_no_difference_in_any_pair_cannot_tell() -> None:
    estimate = mean_above(np.zeros(30), 0.0, 0.95)
    assert (estimate.outcome, estimate.note) == ("cannot tell", "no difference in any of 30 pairs")


@pytest.mark.parametrize(
    ("n", "value", "outcome"), [(5, 1.0, "cannot tell"), (6, 1.0, "holds"), (6, -1.0, "fails")]
)
def test_the_same_difference_in_all_pairs_is_judged_by_the_sign_test(
    n: int, value: float, outcome: str
) -> None:
    estimate = mean_above(np.full(n, value), 0.0, 0.95)
    assert estimate.p_value == pytest.approx(stats.binomtest(n, n).pvalue)
    assert estimate.outcome == outcome
    assert "judged by the sign test" in estimate.note


def test_rounding_of_a_difference_is_not_taken_for_spread() -> None:
    differences = np.array([0.3, 0.5, 0.7, 0.9, 1.1]) - np.array([0.2, 0.4, 0.6, 0.8, 1.0])
    assert np.ptp(differences) > 0
    assert np.isnan(mean_above(differences, 0.0, 0.95).low)


@pytest.mark.parametrize(("shift", "outcome"), [(0.0, "holds"), (3.0, "fails"), (0.9, "cannot tell")])
def test_equivalence_asks_whether_the_whole_interval_lies_within_the_margin(
    shift: float, outcome: str
) -> None:
    sample = np.array([-0.2, -0.1, 0.0, 0.1, 0.2])
    assert mean_within(sample + shift, 1.0, 0.95).outcome == outcome
    assert mean_within(-sample - shift, 1.0, 0.95).outcome == outcome


def test_equivalence_outcome_and_p_value_agree() -> None:
    sample = np.array([0.5, 0.1, 0.7, -0.2, 0.4, 0.6])
    p_value = mean_within(sample, 1.0, 0.95).p_value
    assert mean_within(sample, 1.0, 1 - 1.01 * p_value).outcome == "holds"
    assert mean_within(sample, 1.0, 1 - 0.99 * p_value).outcome == "cannot tell"


def test_pairs_that_are_all_equal_are_equivalent() -> None:
    estimate = mean_within(np.zeros(5), 1.0, 0.95)
    assert (estimate.outcome, estimate.low, estimate.high) == ("holds", 0.0, 0.0)
    assert estimate.note == "the same in all 5 pairs: the interval is that value"
    assert mean_within(np.full(5, 2.0), 1.0, 0.95).outcome == "fails"


def test_a_margin_must_be_positive() -> None:
    with pytest.raises(ValueError, match="margin must be above 0, got 0"):
        mean_within(np.zeros(5), 0.0, 0.95)


def test_the_share_has_clopper_and_pearsons_interval() -> None:
    """For n of n successes the lower bound solves p^n = 2.5 %."""
    estimate = share_above_half(10, 10, 0.95)
    assert estimate.low == pytest.approx(0.025 ** (1 / 10))
    assert estimate.high == 1.0
    assert estimate.p_value == pytest.approx(2 / 2**10)


@pytest.mark.parametrize(
    ("successes", "outcome"),
    [(10, "holds"), (9, "holds"), (8, "cannot tell"), (5, "cannot tell"), (1, "fails")],
)
def test_a_share_holds_if_its_interval_lies_above_one_half(successes: int, outcome: str) -> None:
    assert share_above_half(successes, 10, 0.95).outcome == outcome


@pytest.mark.parametrize("trials", [0, 4])
def test_a_share_of_too_few_cannot_tell(trials: int) -> None:
    estimate = share_above_half(trials, trials, 0.95)
    assert (estimate.outcome, estimate.note) == (
        "cannot tell",
        f"{trials} usable pairs, at least 5 are needed",
    )
