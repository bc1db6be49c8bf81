"""Measures of `batch_norm` and `init_sensitivity` on made-up numbers."""

import numpy as np
import pytest
import xarray as xr
from python_of import loaded, measure_of

from lossatlas.measures import measured

EPOCHS = [0, 1, 2, 4, 8, 16]


def signals(means: dict[tuple[bool, str], np.ndarray]) -> xr.Dataset:
    """Over (batch_norm, position, seed, snapshot, layer) from means (snapshot, layer) of each arm; variance 4."""
    layers = max(values.shape[1] for values in means.values())
    mean = np.full((2, 2, 1, len(EPOCHS), layers), np.nan)
    for (norm, position), values in means.items():
        mean[int(norm), ("before", "after").index(position), 0, :, : values.shape[1]] = values
    dims = ("batch_norm", "position", "seed", "snapshot", "layer")
    coords = {"batch_norm": [False, True], "position": ["before", "after"], "seed": [5], "snapshot": EPOCHS}
    coords["layer"] = list(range(layers))
    found = xr.Dataset(
        {"mean": (dims, mean), "variance": (dims, np.where(np.isnan(mean), np.nan, 4.0))}, coords
    )
    return found.expand_dims(split=["train"])


def test_a_shift_is_in_standard_deviations_and_of_what_layers_with_weights_get() -> None:
    looks = np.arange(6.0)
    plain = np.stack([looks, 3 * looks], axis=1)  # two activations, moving by 1 and 3 a look
    pairs = np.stack([100 * looks, looks, -50 * looks, 2 * looks], axis=1)  # of each pair the second counts
    dataset = signals({(False, "before"): plain, (True, "before"): pairs, (True, "after"): pairs})
    found = measured(measure_of("batch_norm", "covariate shift"), {"signals": dataset}).sel(seed=5)
    assert found.sel({"batch_norm": False, "position": "before"}).item() == pytest.approx(2 / 2)
    assert found.sel({"batch_norm": True, "position": "after"}).item() == pytest.approx(1.5 / 2)


def test_smoothness_is_the_geometric_mean_of_the_largest_quotients_after_the_start() -> None:
    quotients = np.ones((len(EPOCHS), 2))
    quotients[0] = 1e6  # at the start, which does not count
    quotients[1:, 1] = [1.0, 10.0, 100.0, 1000.0, 10000.0]
    steps = xr.Dataset(
        {"gradient_quotient": (("snapshot", "rate"), quotients)}, {"snapshot": EPOCHS, "rate": [0.1, 0.2]}
    )
    assert measured(measure_of("batch_norm", "smooth (gradient)"), {"steps": steps}).item() == pytest.approx(
        100
    )


def test_gradients_of_the_first_convolution_are_held_against_the_last_that_a_network_has() -> None:
    norms = xr.DataArray(
        [[[[1.0, 5.0, 100.0]], [[1.0, 10.0, np.nan]]]],
        {"skip": [True], "depth": [20, 8], "split": ["train"], "layer": [0, 1, 2]},
    )
    found = loaded("init_sensitivity", "claims").imbalance(xr.Dataset({"gradient_norm": norms}))
    np.testing.assert_allclose(found.sel(skip=True), [2.0, 1.0])
