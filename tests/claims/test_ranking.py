import numpy as np
import pytest
import xarray as xr

from lossatlas.claims import RankingAgreement, Verdict

COORDS = {"batch_size": [16, 164], "weight_decay": [0.0, 5e-4], "seed": range(5)}
WIDE, NARROW = np.full((2, 5), 2.0), np.full((2, 5), 1.0)


def judged(width: np.ndarray, error: np.ndarray, is_open: np.ndarray | None = None) -> Verdict:
    widths = xr.DataArray(width, COORDS)
    if is_open is not None:
        widths = widths.assign_coords(open=(widths.dims, is_open))
    claim = RankingAgreement(
        id="L-F3",
        text="wider is better",
        measure=lambda: widths,
        other=lambda: xr.DataArray(error, COORDS),
        first={"batch_size": 16},
        second={"batch_size": 164},
        opposite=True,
        pool=["weight_decay"],
    )
    return claim({})


def test_every_cell_and_seed_is_one_comparison() -> None:
    """Nine of ten agree."""
    width, error = np.stack([WIDE, NARROW]), np.stack([NARROW, WIDE])
    error[:, 1, 3] = [2.0, 1.0]
    verdict = judged(width, error)
    assert verdict.estimate == pytest.approx(0.9)
    assert verdict.outcome == "holds"
    assert verdict.seeds == 5
    assert verdict.p_value == pytest.approx(2 * (1 + 10) / 2**10)


def test_many_comparisons_of_few_seeds_cannot_tell() -> None:
    """Six agree of six, but they come from three seeds."""
    missing = np.array([1, 1, 1, np.nan, np.nan])
    verdict = judged(np.stack([WIDE, NARROW]) * missing, np.stack([NARROW, WIDE]))
    assert (verdict.outcome, verdict.seeds) == ("cannot tell", 3)
    assert verdict.note.startswith("3 seeds with a usable comparison, at least 5 are needed; 4 of 10")


def test_the_opposite_ranking_fails() -> None:
    verdict = judged(np.stack([WIDE, NARROW]), np.stack([WIDE, NARROW]))
    assert (verdict.outcome, verdict.estimate) == ("fails", 0.0)


def test_ties_and_missing_values_are_left_out_and_told() -> None:
    width, error = np.stack([WIDE, NARROW]), np.stack([NARROW, WIDE])
    width[:, 0, 0] = 1.0
    error[0, 1, 1] = np.nan
    verdict = judged(width, error)
    assert verdict.statistic.startswith("share of 8 comparisons")
    assert verdict.note == "2 of 10 comparisons left out: missing, tied or only bounded"


def test_a_bound_ranks_only_what_it_exceeds() -> None:
    """Wide ones open: still wider. Narrow ones open: nobody knows."""
    width, error = np.stack([WIDE, NARROW]), np.stack([NARROW, WIDE])
    wide_open = np.stack([np.full((2, 5), True), np.full((2, 5), False)])
    assert judged(width, error, wide_open).outcome == "holds"
    verdict = judged(width, error, ~wide_open)
    assert (verdict.outcome, verdict.seeds) == ("cannot tell", 0)
