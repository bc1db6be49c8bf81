"""The plain sub-grids that the benchmark of adaptive sampling compares with."""

from importlib import import_module
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from scipy.ndimage import map_coordinates

ROOT = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def adaptive(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(ROOT)
    return import_module("adaptive")


@pytest.fixture
def bowl() -> np.ndarray:
    y, x = np.indices((21, 21)) / 10 - 1
    return 0.1 * np.exp(4 * (x**2 + y**2))


def test_a_sub_grid_is_interpolated_as_scipys_images_are(adaptive: ModuleType, bowl: np.ndarray) -> None:
    """Two routines for the same cubic splines differ at the edges alone, where they end differently."""
    along = np.arange(0, 21, 2)
    ours = adaptive.capped(bowl, along)
    theirs = map_coordinates(
        np.minimum(bowl, 10.0)[::2, ::2], np.indices((21, 21)) / 2, order=3, mode="mirror"
    )
    np.testing.assert_allclose(ours[8:13, 8:13], theirs[8:13, 8:13], atol=0.02)
    np.testing.assert_allclose(ours[::2, ::2], np.minimum(bowl, 10.0)[::2, ::2], rtol=1e-9)


def test_the_finest_sub_grid_is_the_whole_and_has_no_error(adaptive: ModuleType, bowl: np.ndarray) -> None:
    points, along = list(adaptive.sub_grids(bowl))[-1]
    assert points == bowl.size
    for interpolate in adaptive.PLAIN.values():
        assert adaptive.errors(interpolate(bowl, along), bowl) == {"max": 0.0, "95%": 0.0}


def test_the_sub_grid_of_equal_error_is_the_coarsest(adaptive: ModuleType, bowl: np.ndarray) -> None:
    ours = {"max": 0.01, "95%": 0.002}
    found = adaptive.at_equal_error(bowl, ours, adaptive.logarithmic)
    for points, along in adaptive.sub_grids(bowl):
        theirs = adaptive.errors(adaptive.logarithmic(bowl, along), bowl)
        for kind, needed in found.items():
            assert theirs[kind] > ours[kind] or points >= needed
    assert set(found) == set(ours)
