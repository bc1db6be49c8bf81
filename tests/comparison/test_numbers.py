"""What landscapes come to in numbers."""

import numpy as np
import xarray as xr

from lossatlas.comparison.numbers import numbers_of_landscapes

SPLITS = {"split": ["train", "test"]}


def test_ends_and_ranks_are_numbers_and_bounds_of_the_measurement_are_not() -> None:
    eigenvalues = xr.Dataset(
        {
            "eigenvalue": (("end", "rank"), [[9.0, 4.0], [-1.0, -0.5]]),
            "residual": (("end", "rank"), np.zeros((2, 2))),
            "products": ((), 12),
        },
        {"end": ["largest", "smallest"], "rank": [1, 2]},
    )
    found = numbers_of_landscapes({"sharp": eigenvalues})
    assert found == {
        "sharp: eigenvalue, largest, rank 1": 9.0,
        "sharp: eigenvalue, largest, rank 2": 4.0,
        "sharp: eigenvalue, smallest, rank 1": -1.0,
        "sharp: eigenvalue, smallest, rank 2": -0.5,
    }


def test_a_surface_comes_to_the_mean_and_the_maximum_of_its_loss() -> None:
    loss = np.stack([np.arange(4.0).reshape(2, 2), 10 * np.ones((2, 2))])
    surface = xr.Dataset({"loss": (("split", "y", "x"), loss)}, {**SPLITS, "x": [0.0, 1.0], "y": [0.0, 1.0]})
    assert numbers_of_landscapes({"surface": surface}) == {
        "surface: mean loss, train": 1.5,
        "surface: mean loss, test": 10.0,
        "surface: maximum loss, train": 3.0,
        "surface: maximum loss, test": 10.0,
    }


def test_directions_are_averaged_and_a_loss_that_is_not_finite_stays_so() -> None:
    loss = [[[1.0, 3.0], [2.0, 2.0]], [[3.0, np.inf], [2.0, 2.0]]]
    line = xr.Dataset({"loss": (("direction", "split", "alpha"), loss)}, {**SPLITS, "alpha": [0.0, 0.5]})
    found = numbers_of_landscapes({"line": line})
    assert found["line: mean loss, test"] == 2.0
    assert found["line: mean loss, train"] == found["line: maximum loss, train"] == np.inf


def test_a_curve_over_many_places_is_no_number() -> None:
    density = xr.Dataset({"density": (("point",), np.ones(50))}, {"point": np.linspace(0, 1, 50)})
    levels = xr.Dataset({"width": (("level",), [0.1, 0.2])}, {"level": [0.5, 1.0]})
    assert numbers_of_landscapes({"spectrum": density, "sets": levels}) == {
        "sets: width, level 0.5": 0.1,
        "sets: width, level 1": 0.2,
    }
