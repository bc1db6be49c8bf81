"""Sides of a comparison: which runs are paired, and what is told of their numbers."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from lossatlas.claims.means import mean_above
from lossatlas.comparison.configuration import settings_compared
from lossatlas.comparison.differences import Difference, differences
from lossatlas.comparison.side import Side, paired, place_of
from lossatlas.runs.store.index import Listed

Listing = Callable[..., Listed]
ERRORS = {
    "sgd": [0.05, 0.06, 0.055, 0.052, 0.058, 0.061, 0.053],
    "adam": [0.07, 0.081, 0.07, 0.075, 0.079, 0.08, 0.071],
}


def side(label: str, runs: Sequence[Listed]) -> Side:
    return Side(label, tuple(runs))


def judged(sides: Sequence[Side]) -> list[Difference]:
    numbers = {place_of(run): run.record.metrics for one in sides for run in one.runs if run.record}
    return differences(sides, numbers)


def of_optimizers(listed: Listing, seeds: int = 7, shift: int = 0) -> list[Side]:
    return [
        side(name, [listed({"error": errors[s]}, optimizer=name, seed=s + k * shift) for s in range(seeds)])
        for k, (name, errors) in enumerate(ERRORS.items())
    ]


def test_a_difference_is_judged_as_a_claim_is_paired_over_seeds(listed: Listing) -> None:
    first, second = judged(of_optimizers(listed))
    expected = mean_above(np.array(ERRORS["adam"]) - np.array(ERRORS["sgd"]), 0.0, 0.95)
    assert (second.difference, second.low, second.high) == pytest.approx(
        (expected.value, expected.low, expected.high)
    )
    assert (second.told, second.corrected, second.seeds) == ("greater", "greater", 7)
    assert (first.runs, first.told, first.seeds) == (7, "", 0)
    assert first.mean == pytest.approx(np.mean(ERRORS["sgd"]))
    assert first.sd == pytest.approx(np.std(ERRORS["sgd"], ddof=1))


def test_the_other_way_round_it_is_less(listed: Listing) -> None:
    _, second = judged(of_optimizers(listed)[::-1])
    assert second.told == "less"


@pytest.mark.parametrize(("seeds", "told"), [(1, ""), (4, ""), (5, "cannot tell"), (6, "greater")])
def test_few_seeds_have_no_interval_or_decide_nothing(listed: Listing, seeds: int, told: str) -> None:
    _, second = judged(of_optimizers(listed, seeds))
    assert second.told == told
    assert np.isnan(second.low) == (seeds < 5)
    assert second.difference == pytest.approx(
        np.mean(ERRORS["adam"][:seeds]) - np.mean(ERRORS["sgd"][:seeds])
    )
    assert ("at least 6 are needed" in second.note) == (seeds < 6)


def test_without_a_seed_in_common_means_are_compared_and_nothing_is_told(listed: Listing) -> None:
    _, second = judged(of_optimizers(listed, shift=100))
    assert (second.told, second.seeds, second.note) == ("", 0, "no seed in common, so no interval")
    assert second.difference == pytest.approx(np.mean(ERRORS["adam"]) - np.mean(ERRORS["sgd"]))


def test_many_differences_at_once_are_corrected_for_their_number(listed: Listing) -> None:
    """With six seeds no p value is below 1/32, so that of two differences neither is decided at once."""
    numbers = [{"error": 0.1 * s, "loss": 0.2 * s} for s in range(6)]
    low = side("low", [listed(of, seed=s) for s, of in enumerate(numbers)])
    high = side(
        "high", [listed({k: v + 1 + 0.01 * s for k, v in of.items()}, seed=s) for s, of in enumerate(numbers)]
    )
    for one in judged([low, high]):
        if one.side == "high":
            assert (one.told, one.corrected) == ("greater", "cannot tell")


def test_of_several_runs_of_a_seed_those_count_that_have_a_counterpart(listed: Listing) -> None:
    """Batches of 16 and 64 on one side, of 64 alone on the other: 64 is compared with 64."""
    first = side(
        "sgd", [listed({"x": b + s}, optimizer="sgd", batch=b, seed=s) for s in range(6) for b in (16, 64)]
    )
    second = side("adam", [listed({"x": 65 + s}, optimizer="adam", batch=64, seed=s) for s in range(6)])
    pairs, note = paired(second, first)
    assert [len(pair.second) for pair in pairs] == [1] * 6
    assert note == "6 of 12 runs of sgd without a counterpart"
    *_, difference = judged([first, second])
    assert difference.difference == pytest.approx(1.0)


def test_runs_without_any_counterpart_are_averaged_by_seed_and_that_is_said(listed: Listing) -> None:
    first = side("sgd", [listed({"x": r}, rate=r, seed=s) for s in range(2) for r in (1, 3)])
    second = side("adam", [listed({"x": r}, rate=r, seed=s) for s in range(2) for r in (5, 9)])
    pairs, note = paired(second, first)
    assert [(pair.seed, len(pair.first), len(pair.second)) for pair in pairs] == [("0", 2, 2), ("1", 2, 2)]
    assert note == "no runs that share rate: those of a seed are averaged"
    assert judged([first, second])[1].difference == pytest.approx(5.0)


def test_a_quantity_that_only_one_side_has_is_shown_and_not_compared(listed: Listing) -> None:
    first, second = side("a", [listed({"x": 1.0}, seed=0)]), side("b", [listed({"y": 2.0}, seed=0)])
    found = {(one.quantity, one.side): one for one in judged([first, second])}
    assert found["x", "b"].runs == 0
    assert np.isnan(found["y", "b"].difference)


def test_what_tells_sides_apart_comes_before_what_differs_within_them(listed: Listing) -> None:
    first = side("a", [listed(seed=s, lr=lr, epochs="1.0") for s in range(10) for lr in ("0.1", "1e-2")])
    second = side(
        "b", [listed(seed=s, lr=lr, epochs=1, momentum=0.9) for s in range(10) for lr in (0.1, 0.01)]
    )
    found = settings_compared([first, second])
    assert [(setting.key, setting.tells_apart) for setting in found] == [
        ("momentum", True),
        ("seed", False),
        ("lr", False),
    ]
    assert found[0].in_words() == ["–", "0.9"]
    assert found[1].in_words()[0] == "0, 1, 2, … 9 (10 values)"
    assert found[2].values[0] == ("1e-2", "0.1")
