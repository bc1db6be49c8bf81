"""Principal components against scikit-learn's."""

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA, TruncatedSVD

from lossatlas.landscape import Weights
from lossatlas.landscape.slices import pca
from lossatlas.landscape.slices.pca import Rows, principal_components
from lossatlas.weight_space import flatten


def networks(rows: int, dtype: torch.dtype = torch.float64) -> tuple[list[Weights], Weights]:
    """A few networks with a spread that differs from entry to entry, and an origin among them."""
    rng = torch.Generator().manual_seed(0)
    shapes = {"w": (5, 4, 3), "b": (5,), "s": ()}
    scale = {name: torch.rand(shape, generator=rng) ** 3 for name, shape in shapes.items()}
    drawn = [
        {
            name: (10 + 3 * torch.randn(shape, generator=rng) * scale[name]).to(dtype)
            for name, shape in shapes.items()
        }
        for _ in range(rows + 1)
    ]
    return drawn[:-1], drawn[-1]


def matrix(given: list[Weights], origin: Weights) -> np.ndarray:
    return np.stack([(flatten(each).double() - flatten(origin).double()).numpy() for each in given])


@pytest.mark.parametrize("rows", [3, 8, 40])
def test_components_and_ratios_are_those_of_scikit_learn(rows: int) -> None:
    given, origin = networks(rows)
    theirs = PCA(n_components=2, svd_solver="full").fit(matrix(given, origin))
    ours = principal_components(Rows(given, origin))
    np.testing.assert_allclose(ours.variance_ratio[:2], theirs.explained_variance_ratio_, rtol=1e-9)
    for direction, component in zip(ours.directions, theirs.components_, strict=True):
        np.testing.assert_allclose(flatten(direction), component, atol=1e-9)
    total = theirs.explained_variance_[0] * (rows - 1) / theirs.explained_variance_ratio_[0]
    assert ours.total == pytest.approx(total)


def test_without_centring_they_are_those_of_a_singular_value_decomposition() -> None:
    given, origin = networks(9)
    rows = matrix(given, origin)
    theirs = TruncatedSVD(2, algorithm="arpack").fit(rows)
    ours = principal_components(Rows(given, origin), centred=False)
    for direction, component in zip(ours.directions, theirs.components_, strict=True):
        assert abs(flatten(direction).numpy() @ component) == pytest.approx(1.0)
    np.testing.assert_allclose(ours.variance_ratio[:2], theirs.singular_values_**2 / (rows**2).sum())


def test_float32_networks_are_summed_in_float64() -> None:
    given, origin = networks(6, torch.float32)
    theirs = PCA(n_components=2, svd_solver="full").fit(matrix(given, origin))
    ours = principal_components(Rows(given, origin))
    np.testing.assert_allclose(ours.variance_ratio[:2], theirs.explained_variance_ratio_, rtol=1e-9)
    np.testing.assert_allclose(flatten(ours.directions[0]), theirs.components_[0], atol=1e-7)
    assert ours.directions[0]["w"].dtype == torch.float32


def test_slices_of_the_matrix_change_nothing_but_rounding(monkeypatch: pytest.MonkeyPatch) -> None:
    given, origin = networks(7)
    whole = principal_components(Rows(given, origin))
    monkeypatch.setattr(pca, "_ENTRIES", 7 * 4)  # four columns at a time
    sliced = principal_components(Rows(given, origin))
    np.testing.assert_allclose(sliced.variance_ratio, whole.variance_ratio, atol=1e-12)
    torch.testing.assert_close(flatten(sliced.directions[1]), flatten(whole.directions[1]))
    direction = {name: torch.ones_like(tensor) for name, tensor in origin.items()}
    np.testing.assert_allclose(Rows(given, origin).products(direction)[:, 0], matrix(given, origin).sum(1))


def test_directions_are_orthonormal() -> None:
    given, origin = networks(12)
    first, second, third = (
        flatten(d) for d in principal_components(Rows(given, origin), components=3).directions
    )
    basis = torch.stack([first, second, third])
    torch.testing.assert_close(basis @ basis.T, torch.eye(3, dtype=torch.float64))


@pytest.mark.parametrize("centred", [True, False])
def test_networks_on_a_line_have_one_component(centred: bool) -> None:
    origin = {"w": torch.zeros(50)}
    given = [{"w": torch.linspace(-1, 1, 50) * k} for k in range(1, 6)]
    with pytest.raises(ValueError, match="5 networks that span 1 dimensions have no 2 principal components"):
        principal_components(Rows(given, origin), centred=centred)
    only = principal_components(Rows(given, origin), components=1, centred=centred)
    assert only.variance_ratio[0] == pytest.approx(1.0)


def test_networks_that_do_not_move_have_none() -> None:
    origin = {"w": torch.ones(3)}
    with pytest.raises(ValueError, match="span 0 dimensions"):
        principal_components(Rows([origin, origin], origin))
