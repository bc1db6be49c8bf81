"""Landscapes with known values, which tell rows from columns and splits from each other."""

import numpy as np
import pytest
import xarray as xr

X, Y = np.linspace(-1, 1, 5), np.linspace(-2, 2, 4)


def height(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The training loss of the surface: another one if x and y are swapped, or turned round."""
    return 3 + x + 0.1 * np.exp(y)


@pytest.fixture
def surface() -> xr.Dataset:
    """Oblong: 4 rows y by 5 columns x."""
    train = height(X, Y[:, None])
    loss = np.stack([train, train + 10])
    return xr.Dataset(
        {"loss": (("split", "y", "x"), loss), "error": (("split", "y", "x"), loss / 20)},
        {"split": ["train", "test"], "y": Y, "x": X},
        {"survey": "surface", "seed": 123, "normalize": "filter"},
    )


@pytest.fixture
def line() -> xr.Dataset:
    """Three directions."""
    alpha = np.linspace(-1, 1, 7)
    loss = np.arange(1, 4)[:, None, None] * alpha**2 + np.array([0, 1])[None, :, None]
    return xr.Dataset(
        {
            "loss": (("direction", "split", "alpha"), loss),
            "error": (("direction", "split", "alpha"), loss / 8),
        },
        {"split": ["train", "test"], "alpha": alpha},
        {"survey": "line"},
    )


@pytest.fixture
def trajectory(surface: xr.Dataset) -> xr.Dataset:
    """The surface as the plane of four snapshots, the last of which is the network."""
    about = {
        "path_x": ("snapshot", [-1.0, -0.5, 0.2, 0.0]),
        "path_y": ("snapshot", [2.0, 1.0, -0.3, 0.0]),
        "path_loss": (("split", "snapshot"), [[20.0, 2.0, 1.0, 0.5], [21.0, 3.0, 2.0, 1.5]]),
        "explained_variance_ratio": ("component", [0.7, 0.2, 0.05]),
    }
    return surface.assign(about).assign_attrs(survey="trajectory")
