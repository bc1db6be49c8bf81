"""Singular values against random matrix theory: the edge of the bulk, its density, and where a signal stands out."""

import copy

import numpy as np
import pytest
import torch
from scipy import integrate
from torch import nn

from lossatlas.landscape import Problem, weight_spectrum


def spectrum_of(matrix: np.ndarray, **options: float) -> object:
    layer = nn.Linear(matrix.shape[1], matrix.shape[0], bias=False).double()
    layer.weight.data.copy_(torch.from_numpy(matrix))
    data = {"train": (torch.ones(1, matrix.shape[1]).double(), torch.ones(1, matrix.shape[0]).double())}
    return weight_spectrum(Problem(layer, nn.MSELoss(), data), **options)


NOISE = np.random.default_rng(0).normal(scale=0.1, size=(400, 200))


def test_singular_values_are_numpys() -> None:
    np.testing.assert_allclose(spectrum_of(NOISE).singular_value[0], np.linalg.svd(NOISE, compute_uv=False))


def test_a_random_matrix_has_a_bulk_that_ends_at_the_edge_and_no_outlier() -> None:
    found = spectrum_of(NOISE)
    assert found.edge.item() == pytest.approx(0.1 * (np.sqrt(400) + np.sqrt(200)), rel=0.01)
    assert found.singular_value.isel(rank=0).item() == pytest.approx(found.edge.item(), rel=0.03)
    assert found.outliers.item() == 0
    low, high = 0.1 * (np.sqrt(400) - np.sqrt(200)), 0.1 * (np.sqrt(400) + np.sqrt(200))

    def density(x: float) -> float:
        """Marchenko & Pastur's of singular values, of 200 that are not zero."""
        return float(np.sqrt((high**2 - x**2) * (x**2 - low**2)) / (np.pi * 0.1**2 * 200 * x))

    below, _ = integrate.quad(density, low, found.bulk.item())
    assert below == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize(("strength", "outliers"), [(1.0, 0), (6.0, 1)])
def test_a_signal_stands_apart_where_it_is_strong_enough_and_at_its_place(
    strength: float, outliers: int
) -> None:
    """Benaych-Georges & Nadakuditi 2012, theorem 2.9: beyond the threshold at sqrt((s^2 n + t^2)(s^2 m + t^2)) / t."""
    rng = np.random.default_rng(1)
    u, v = (vector / np.linalg.norm(vector) for vector in (rng.normal(size=400), rng.normal(size=200)))
    found = spectrum_of(NOISE + strength * np.outer(u, v))
    assert found.outliers.item() == outliers
    if outliers:
        expected = np.sqrt((4 + strength**2) * (2 + strength**2)) / strength
        assert found.singular_value.isel(rank=0).item() == pytest.approx(expected, rel=0.02)


def test_filters_are_rows_and_the_network_is_left_as_it_was() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 5, 2), nn.BatchNorm2d(5), nn.Flatten(), nn.Linear(5, 2))
    before = copy.deepcopy(model.state_dict())
    steps = []
    found = weight_spectrum(
        Problem(model, nn.CrossEntropyLoss(), {"train": (torch.randn(4, 3, 2, 2), torch.arange(4) % 2)}),
        progress=lambda done, total: steps.append((done, total)),
    )
    assert found.weight.values.tolist() == ["0.weight", "3.weight"]
    expected = torch.linalg.svdvals(model[0].weight.detach().reshape(5, 12).double())
    np.testing.assert_allclose(found.singular_value[0], expected)
    assert np.isnan(found.singular_value[1, 2:]).all()
    assert steps == [(1, 2), (2, 2)]
    assert all(before[name].equal(tensor) for name, tensor in model.state_dict().items())


def test_of_weight_norm_it_is_the_weight_that_acts() -> None:
    layer = nn.utils.parametrizations.weight_norm(nn.Linear(4, 3))
    with torch.no_grad():
        layer.parametrizations.weight.original0.mul_(3)
    found = weight_spectrum(Problem(layer, nn.MSELoss(), {"train": (torch.ones(1, 4), torch.ones(1, 3))}))
    np.testing.assert_allclose(found.singular_value[0], torch.linalg.svdvals(layer.weight.detach().double()))


def test_weights_of_zero_have_no_stable_rank() -> None:
    found = spectrum_of(np.zeros((3, 3)))
    assert np.isnan(found.stable_rank).all()
    assert found.outliers.item() == 0


def test_what_cannot_be_meant_is_told() -> None:
    with pytest.raises(ValueError, match=r"^margin must be >= 0, got -0.1$"):
        spectrum_of(NOISE, margin=-0.1)
    bare = Problem(nn.BatchNorm1d(2), nn.MSELoss(), {"train": (torch.ones(2, 2), torch.ones(2, 2))})
    with pytest.raises(ValueError, match=r"^the network has no parameter of two or more dimensions$"):
        weight_spectrum(bare)
