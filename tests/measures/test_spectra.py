import numpy as np
import pytest
import torch
import xarray as xr
from torch.optim import SGD

from lossatlas.measures import (
    at_snapshots,
    condition_number,
    outliers,
    share_beyond,
    stability_threshold,
)


def eigenvalue(*networks: tuple[list[float], list[float]]) -> xr.DataArray:
    """(seed, end, rank): smallest and largest of each network, NaN where there are fewer."""
    ranks = max(len(end) for network in networks for end in network)
    table = np.full((len(networks), 2, ranks), np.nan)
    for k, network in enumerate(networks):
        for j, end in enumerate(network):
            table[k, j, : len(end)] = end
    coords = {"seed": range(len(networks)), "end": ["smallest", "largest"], "rank": range(1, ranks + 1)}
    return xr.DataArray(table, coords=coords)


def test_the_condition_of_a_bowl_a_saddle_and_what_was_not_surveyed() -> None:
    found = eigenvalue(
        ([0.5], [8.0, 4.0]), ([-0.5], [8.0, 2.0]), ([0.0], [8.0, -1.0]), ([np.nan], [8.0, 2.0])
    )
    np.testing.assert_array_equal(condition_number(found), [16, np.inf, np.inf, np.nan])
    np.testing.assert_array_equal(condition_number(found, rank=2), [2, 4, np.inf, 4])
    assert condition_number(found).attrs["units"] == ""
    with pytest.raises(ValueError, match="no eigenvalue of rank 5 was surveyed, at most 2"):
        condition_number(found, rank=5)
    with pytest.raises(ValueError, match="no dimension 'end'"):
        condition_number(found.isel(end=0))


@pytest.mark.filterwarnings("error")
def test_outliers_are_those_above_the_widest_gap() -> None:
    found = eigenvalue(
        ([-1.0], [50.0, 45.0, 40.0, 35.0, 2.0, 1.9]),
        ([-1.0], [1e6, 45.0, 40.0, 35.0, 30.0, 29.0]),
        ([-1.0], [50.0, 45.0, 1.0, -3.0, -4.0]),
        ([-1.0], [50.0]),
    )
    np.testing.assert_array_equal(outliers(found), [4, 1, 2, np.nan])


def test_the_share_beyond_a_level_is_that_of_the_eigenvalues() -> None:
    """Two probes of a matrix with eigenvalues 0 (six of eight), 5 and 7: the mean of their weights."""
    nodes = xr.DataArray([[[0.0, 5.0, 7.0], [0.0, 6.0, np.nan]]], dims=("seed", "probe", "step"))
    weights = xr.DataArray([[[0.75, 0.125, 0.125], [0.7, 0.3, np.nan]]], dims=("seed", "probe", "step"))
    np.testing.assert_allclose(share_beyond(nodes, weights, 4.0), [0.275])
    level = xr.DataArray([0.9 * 7], dims="seed")
    np.testing.assert_allclose(share_beyond(nodes, weights, level), [0.0625])
    assert np.isnan(share_beyond(nodes * np.nan, weights * np.nan, 4.0))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"momentum": 0.9},
        {"momentum": 0.9, "nesterov": True},
        {"momentum": 0.5, "dampening": 0.5},
        {"momentum": 0.9, "weight_decay": 1.5},
    ],
)
def test_descent_at_just_less_than_the_threshold_converges_and_at_just_more_diverges(
    options: dict[str, float],
) -> None:
    """Of torch's own SGD, on a quadratic of that curvature."""
    threshold = stability_threshold(xr.DataArray(0.1), **options).item()
    for factor, converges in ((0.98, True), (1.02, False)):
        weight = torch.ones(1, dtype=torch.float64, requires_grad=True)
        optimizer = SGD([weight], lr=0.1, **options)
        for _ in range(2000):
            optimizer.zero_grad()
            (factor * threshold / 2 * weight.square()).sum().backward()
            optimizer.step()
        assert (abs(weight.item()) < 1e-3) == converges
        assert (abs(weight.item()) > 1e3) != converges


def test_a_rate_of_zero_is_always_stable_and_bad_options_are_refused() -> None:
    assert stability_threshold(xr.DataArray([0.0, 1.0], dims="epoch")).values.tolist() == [np.inf, 2.0]
    with pytest.raises(ValueError, match=r"momentum must lie in \[0, 1\), got 1.0"):
        stability_threshold(xr.DataArray(0.1), momentum=1.0)
    with pytest.raises(ValueError, match=r"Nesterov's momentum has no dampening, got 0\.5"):
        stability_threshold(xr.DataArray(0.1), momentum=0.5, nesterov=True, dampening=0.5)


def test_a_runs_rates_are_told_at_its_snapshots() -> None:
    rates = xr.DataArray(
        [[0.1, 0.05, 0.01], [1.0, 0.5, 0.1]],
        coords={"seed": [0, 1], "epoch": [1, 2, 3]},
        attrs={"long_name": "learning rate"},
    )
    found = at_snapshots(rates, xr.DataArray([0, 1, 3], dims="snapshot"))
    assert found.snapshot.values.tolist() == [0, 1, 3]
    assert found.attrs["long_name"] == "learning rate"
    np.testing.assert_array_equal(found, [[0.1, 0.1, 0.01], [1.0, 1.0, 0.1]])
    with pytest.raises(ValueError, match="the history has no epoch 7 of the snapshots"):
        at_snapshots(rates, xr.DataArray([1, 7], dims="snapshot"))
