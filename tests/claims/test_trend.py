import numpy as np
import pytest
import xarray as xr

from lossatlas.claims import Paper, Trend, Verdict

DEPTHS = [20, 56, 110]
NOISE = np.random.default_rng(0).uniform(-0.4, 0.4, (3, 8))
RISING = np.array([[7.4], [8.2], [9.0]]) + NOISE


def trend(values: np.ndarray, is_open: np.ndarray | None = None, **settings: object) -> Verdict:
    data = xr.DataArray(
        values, {"depth": DEPTHS, "seed": range(values.shape[1])}, attrs={"long_name": "test error"}
    )
    if is_open is not None:
        data = data.assign_coords(open=(data.dims, is_open))
    return Trend(id="T", text="grows", measure=lambda: data, **{"along": "depth", **settings})({})


def test_a_rising_measure_holds_and_the_reverse_claim_fails() -> None:
    verdict = trend(RISING)
    assert (verdict.outcome, verdict.seeds, verdict.against) == ("holds", 8, 0.0)
    assert 0.8 < verdict.estimate <= 1
    assert verdict.statistic == "mean rank correlation of test error with depth"
    falling = trend(RISING, decreasing=True)
    assert (falling.outcome, falling.estimate) == ("fails", verdict.estimate)
    assert trend(RISING[::-1], decreasing=True).outcome == "holds"
    assert trend(RISING[::-1]).outcome == "fails"
    assert trend(NOISE).outcome == "cannot tell"


def test_each_level_is_an_arm_beside_the_papers_number() -> None:
    paper = Paper(first=8.18, second=13.31, further=[16.44], source="Li et al. 2018, Fig. 5")
    arms = trend(RISING, paper=paper).arms
    assert [(arm.label, arm.paper) for arm in arms] == [
        ("depth 20", 8.18),
        ("depth 56", 13.31),
        ("depth 110", 16.44),
    ]
    assert [arm.mean for arm in arms] == pytest.approx(RISING.mean(1))
    assert [arm.sd for arm in arms] == pytest.approx(RISING.std(1, ddof=1))


def test_levels_may_be_chosen_and_reordered() -> None:
    assert trend(RISING, among=[110, 56, 20]).outcome == "fails"
    with pytest.raises(ValueError, match="a trend needs 3 levels or more, got 2"):
        trend(RISING, among=[20, 56])
    with pytest.raises(ValueError, match=r"depth has no 8; it has \[20, 56, 110\]"):
        trend(RISING, among=[8, 20, 56])


def test_a_seed_with_a_hole_is_left_out_and_told() -> None:
    values = np.hstack([RISING, RISING[:, :1]])
    values[1, 8] = np.nan
    verdict = trend(values)
    assert (verdict.outcome, verdict.seeds) == ("holds", 8)
    assert verdict.note.endswith("1 of 9 seeds left out: not surveyed, or NaN")
    values[1, 2:5] = np.nan
    note = trend(values).note
    assert "5 usable seeds, at least 6 are needed at 95 %; 4 of 9 seeds left out" in note


def test_what_left_float_range_still_ranks() -> None:
    blown = np.array([[1.0], [1e300], [np.inf]]) * np.ones(8)
    assert trend(blown).outcome == "holds"


def test_bounds_decide_only_what_they_cannot_undo() -> None:
    """Where the last level is a bound the rise can only be steeper; where the first is, it may be no rise."""
    first, last = (np.tile(np.array([[k == 0], [False], [k == 2]]), 8) for k in (0, 2))
    assert trend(RISING, last).outcome == "holds"
    verdict = trend(RISING, first)
    assert verdict.outcome == "cannot tell"
    assert verdict.note == (
        "would be 'holds', but rests on values that are only lower bounds; "
        "8 of 24 values reach the end of what was surveyed"
    )


def test_what_cannot_be_told_is_not_told_by_lifting_bounds() -> None:
    last = np.tile(np.array([[False], [False], [True]]), 8)
    verdict = trend(NOISE, last)
    assert verdict.outcome == "cannot tell"
    assert verdict.note == "8 of 24 values reach the end of what was surveyed"


def test_nothing_surveyed_cannot_tell() -> None:
    verdict = trend(np.full((3, 8), np.nan))
    assert (verdict.outcome, verdict.seeds) == ("cannot tell", 0)
    assert np.isnan([verdict.estimate, *(arm.mean for arm in verdict.arms)]).all()
