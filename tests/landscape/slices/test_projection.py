import numpy as np
import pytest
import torch

from lossatlas.landscape.slices.pca import Rows, principal_components, projection


@pytest.fixture
def rows(rng: torch.Generator) -> Rows:
    return Rows(
        [{"w": torch.randn(20, generator=rng, dtype=torch.float64)} for _ in range(6)], {"w": torch.zeros(20)}
    )


def matrix(rows: Rows) -> np.ndarray:
    return np.stack([network["w"].numpy() for network in rows._networks])


def test_orthogonal_coordinates_are_those_of_least_squares(rows: Rows, rng: torch.Generator) -> None:
    first, second = (torch.randn(20, generator=rng, dtype=torch.float64) for _ in range(2))
    seen = projection(rows, {"w": first}, {"w": second}, total=1.0)
    basis = np.stack([first.numpy(), second.numpy()], axis=1)
    expected = np.linalg.lstsq(basis, matrix(rows).T, rcond=None)[0].T
    np.testing.assert_allclose(seen.orthogonal, expected, rtol=1e-10)


def test_the_cosine_projection_is_off_by_norm_and_angle(rows: Rows, rng: torch.Generator) -> None:
    """The point of the plane that it names is another than the nearest one."""
    first, second = (
        3 * torch.eye(20, dtype=torch.float64)[0],
        torch.randn(20, generator=rng, dtype=torch.float64),
    )
    seen = projection(rows, {"w": first}, {"w": second}, total=1.0)
    for k, direction in enumerate((first.numpy(), second.numpy())):
        np.testing.assert_allclose(seen.cosine[:, k], matrix(rows) @ direction / np.linalg.norm(direction))
    assert not np.allclose(seen.cosine, seen.orthogonal, rtol=0.1)
    cosine = first @ second / (first.norm() * second.norm())
    assert seen.angle_cosine == pytest.approx(cosine.item())


def test_both_projections_agree_on_orthonormal_directions(rows: Rows) -> None:
    first, second = torch.eye(20, dtype=torch.float64)[:2]
    seen = projection(rows, {"w": first}, {"w": second}, total=1.0)
    np.testing.assert_allclose(seen.orthogonal, seen.cosine)
    np.testing.assert_allclose(seen.orthogonal, matrix(rows)[:, :2])


@pytest.mark.parametrize("centred", [True, False])
def test_what_principal_directions_explain_is_their_share_of_the_variance(rows: Rows, centred: bool) -> None:
    pca = principal_components(rows, centred=centred)
    first, second = pca.directions
    seen = projection(rows, first, second, total=pca.total, centred=centred)
    assert seen.explained == pytest.approx(pca.variance_ratio[:2].sum())
    skewed = {"w": 5 * first["w"] + second["w"]}  # another basis of the same plane
    assert projection(rows, skewed, second, total=pca.total, centred=centred).explained == pytest.approx(
        seen.explained
    )
