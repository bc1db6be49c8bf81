import numpy as np
import pytest
import xarray as xr
from scipy.integrate import quad

from lossatlas.landscape.connectivity.path_statistics import dip, length_weighted_mean, path_statistics, rise


def along(values: np.ndarray, lengths: np.ndarray | None = None) -> xr.Dataset:
    t = np.linspace(0, 1, values.shape[-1])
    coordinates = {"t": t, "length": ("t", t if lengths is None else lengths), "split": ["train"]}
    return xr.Dataset({"loss": (("split", "t"), values[None])}, coordinates)


def test_the_integral_over_the_length_is_that_of_quadrature() -> None:
    """Of a loss along a curve whose speed is not constant: the integral of L ds by that of ds."""
    t = np.linspace(0, 1, 4001)
    loss, length = np.cos(3 * t) + 2, t + t**3  # speed 1 + 3 t^2
    expected = quad(lambda u: (np.cos(3 * u) + 2) * (1 + 3 * u**2), 0, 1)[0] / 2
    assert length_weighted_mean(loss, length) == pytest.approx(expected, rel=1e-6)
    found = path_statistics(along(loss, length), ["loss"])
    assert float(found.loss_integral[0]) == pytest.approx(expected, rel=1e-6)
    assert float(found.loss_mean[0]) == pytest.approx(
        np.sin(3) / 3 + 2, rel=1e-3
    )  # over t, not over the length


def test_the_integral_is_that_of_the_authors_code() -> None:
    """Garipov et al. sum 0.5 (v[i] + v[i+1]) dl[i+1] and divide by the sum of dl."""
    rng = np.random.default_rng(0)
    values, dl = rng.random(9), np.concatenate([[0.0], rng.random(8)])
    theirs = np.sum(0.5 * (values[:-1] + values[1:]) * dl[1:]) / np.sum(dl[1:])
    assert length_weighted_mean(values, np.cumsum(dl)) == pytest.approx(theirs, rel=1e-12)


def test_a_path_of_no_length_has_no_mean_over_it() -> None:
    assert np.isnan(length_weighted_mean(np.ones(3), np.zeros(3)))


def test_rise_and_dip_are_over_and_under_both_ends_and_the_barrier_over_the_chord() -> None:
    values = np.array([1.0, 0.5, 4.0, 3.0])
    found = path_statistics(along(values), ["loss"])
    assert (float(rise(values)), float(dip(values))) == (1.0, 0.5)
    assert float(found.loss_barrier[0]) == pytest.approx(4.0 - (1.0 + 2 * 2 / 3))
    assert (float(found.loss_minimum[0]), float(found.loss_maximum[0])) == (0.5, 4.0)


def test_a_path_that_climbs_from_end_to_end_has_neither_barrier_nor_rise_nor_dip() -> None:
    found = path_statistics(along(np.linspace(1.0, 2.0, 5)), ["loss"])
    for name in ("barrier", "rise", "dip"):
        assert float(found[f"loss_{name}"][0]) == pytest.approx(0.0, abs=1e-15)


def test_a_loss_that_is_nan_is_not_passed_over() -> None:
    found = path_statistics(along(np.array([1.0, np.nan, 2.0])), ["loss"])
    assert all(np.isnan(float(values[0])) for values in found.values())
