"""Differences of rank correlations against scipy's correlations, and their intervals against simulation."""

from typing import Any

import numpy as np
import pytest
import xarray as xr
from scipy.stats import spearmanr

from lossatlas.claims import StrongerCorrelation
from lossatlas.claims.correlation import correlation_difference


def networks(seeds: int = 5, cells: int = 6, noise: float = 0.5, seed: int = 0) -> list[np.ndarray]:
    """Test errors of ``cells`` settings, and two quantities that follow them, the second ``noise`` times as loosely."""
    rng = np.random.default_rng(seed)
    other = np.arange(cells) + rng.normal(size=(seeds, cells))
    return [other + 0.5 * rng.normal(size=other.shape), other + noise * rng.normal(size=other.shape), other]


def claim(parts: list[np.ndarray], **options: Any) -> StrongerCorrelation:
    coords = {"seed": range(len(parts[0])), "width": range(parts[0].shape[1])}
    one, two, other = (xr.DataArray(part, coords, ("seed", "width")) for part in parts)
    measures = {"measure": lambda: one, "than": lambda: two, "other": lambda: other}
    return StrongerCorrelation(**{"id": "L", "text": "It tells more", **measures, **options})


def test_the_estimate_is_the_difference_of_scipys_correlations() -> None:
    one, two, other = networks(noise=4.0)
    one[0, 0] = np.nan  # left out of both
    kept = ~np.isnan(one)
    rhos = [spearmanr(part[kept], other[kept]).statistic for part in (one, two)]
    estimate = correlation_difference(one, two, other, confidence=0.95)
    assert estimate.value == pytest.approx(rhos[0] - rhos[1], abs=1e-12)
    assert estimate.low < estimate.value < estimate.high
    negative = claim([-one, -two, other], negative=True)({})
    assert negative.estimate == pytest.approx(estimate.value, abs=1e-12)
    assert "29 networks" in negative.note


@pytest.mark.parametrize(
    ("noise", "margin", "outcome"),
    [(30.0, 0.0, "holds"), (0.5, 0.0, "cannot tell"), (0.0, 0.0, "fails"), (0.5, 0.2, "holds")],
)
def test_what_it_says(noise: float, margin: float, outcome: str) -> None:
    """0.5 is as loose as the first, which then is neither closer nor, by more than 0.2, less close."""
    verdict = claim(networks(seeds=8, cells=8, noise=noise, seed=3), margin=margin)({})
    assert (verdict.outcome, verdict.against, verdict.seeds) == (outcome, -margin, 8)


def test_the_interval_covers_the_true_difference() -> None:
    """That of a hundred thousand networks, in 90 to 99 % of 300 experiments with five seeds."""
    one, two, other = networks(seeds=20000, noise=3.0, seed=1)
    truth = spearmanr(one.ravel(), other.ravel()).statistic - spearmanr(two.ravel(), other.ravel()).statistic
    covered = 0
    for seed in range(300):
        estimate = correlation_difference(
            *networks(noise=3.0, seed=seed + 10), confidence=0.95, resamples=300
        )
        covered += estimate.low <= truth <= estimate.high
    assert 0.90 <= covered / 300 <= 0.99


def test_a_bound_that_could_change_the_outcome_withholds_it() -> None:
    parts = networks(seeds=8, cells=8, noise=30.0, seed=3)
    plain = claim(parts)
    is_open = np.zeros(parts[0].shape, bool)
    is_open[:, :4] = True  # the least of the first measure could be the largest
    wide = plain.measure().assign_coords(open=(("seed", "width"), is_open))
    verdict = claim(parts, measure=lambda: wide)({})
    assert (plain({}).outcome, verdict.outcome) == ("holds", "cannot tell")
    assert "32 values reach the end of what was surveyed" in verdict.note


def test_too_few_seeds_cannot_tell() -> None:
    assert claim(networks(seeds=4))({}).outcome == "cannot tell"
    constant = claim([np.ones((5, 6)), *networks()[1:]])({})
    assert (constant.outcome, constant.estimate) == ("cannot tell", pytest.approx(np.nan, nan_ok=True))


def test_a_margin_is_not_negative() -> None:
    with pytest.raises(ValueError, match=r"^L: margin must be >= 0, got -1$"):
        claim(networks(), margin=-1)
