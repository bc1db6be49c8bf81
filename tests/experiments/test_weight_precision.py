"""Measures of `weight_precision` and `weight_spectra` on made-up numbers."""

import numpy as np
import pytest
import xarray as xr
from python_of import measure_of

from lossatlas.measures import measured

BITS = [32, 8, 6, 5, 4, 3, 2]


@pytest.mark.parametrize(
    ("rises", "needed"),
    [
        ([0, 0, 0.001, 0.002, 0.003, 0.02, 0.5], 4),
        ([0, 0, 0.001, 0.02, 0.003, 0.02, 0.5], 6),  # five do not suffice, though four would
        ([0, 0, 0, 0, 0, 0, 0.001], 2),
        ([0, 0.5, 0, 0, 0, 0, 0], np.inf),  # not even eight
    ],
)
def test_bits_that_are_needed_suffice_with_all_that_are_more(rises: list[float], needed: float) -> None:
    losses = xr.DataArray(
        [[[[0.25 + rise for rise in rises]]]],
        {"seed": [5], "kept": [1.0], "split": ["train"], "bits": BITS},
    )
    found = measured(measure_of("weight_precision", "bits"), {"compression": xr.Dataset({"loss": losses})})
    assert found.sel(seed=5).item() == needed


def test_growth_is_of_the_largest_singular_value_over_that_of_the_median_one() -> None:
    epochs = [0, 1, 2, 4, 8, 16]
    largest = np.linspace(2.0, 12.0, 6)  # six times
    bulk = np.linspace(1.0, 1.5, 6)
    spectra = xr.Dataset(
        {
            "singular_value": (("snapshot", "weight", "rank"), np.stack([largest] * 3, axis=1)[..., None]),
            "bulk": (("snapshot", "weight"), np.stack([bulk] * 3, axis=1)),
        },
        {"snapshot": epochs, "weight": range(3), "rank": [1]},
    )
    spectra["bulk"].attrs["long_name"] = "median singular value"
    assert measured(measure_of("weight_spectra", "bulk"), {"spectra": spectra}).item() == pytest.approx(4)
