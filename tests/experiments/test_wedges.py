"""Measures of `wedges` on numbers that are made up."""

import numpy as np
import pytest
import xarray as xr
from python_of import measure_of

from lossatlas.measures import measured


def test_slopes_are_held_against_the_share_of_short_directions() -> None:
    """Radii as a random direction of length 1 has them: sqrt(s / d) of it lies along the short ones in the mean."""
    rng = np.random.default_rng(0)
    drawn = rng.standard_normal((50_000, 40))
    along = np.linalg.norm(drawn[:, :10], axis=1) / np.linalg.norm(drawn, axis=1)
    tunnel = xr.Dataset(
        {"radius": (("short", "t", "direction", "level"), (0.1 / along).reshape(1, 5, -1, 1))},
        {"short": [10], "level": [0.1]},
    )
    assert measured(measure_of("wedges", "tunnel, 10 short"), {"tunnel": tunnel}).item() == pytest.approx(
        1, abs=0.01
    )
    median = measured(measure_of("wedges", "tunnel"), {"tunnel": tunnel}).item()
    assert median == pytest.approx(0.2, rel=0.02)


def test_a_ray_that_stays_low_has_no_slope() -> None:
    radii = np.array([0.2, np.inf, 0.2, np.inf])
    tunnel = xr.Dataset(
        {"radius": (("short", "t", "direction", "level"), radii.reshape(1, 1, 4, 1))}, {"short": [10]}
    )
    found = measured(measure_of("wedges", "tunnel, 10 short"), {"tunnel": tunnel})
    assert found.item() == pytest.approx(np.sqrt(0.5))


def test_what_is_kept_of_a_rise_is_that_of_the_chain_over_that_of_the_line() -> None:
    rises = xr.DataArray([[0.8], [0.1]], {"between": ["line", "chain"], "split": ["train"]})
    found = measured(measure_of("wedges", "chain"), {"path": xr.Dataset({"loss_rise": rises})})
    assert found.item() == pytest.approx(0.125)
