import numpy as np
import pytest

from lossatlas.measures.shape import negative_curvature, principal_curvatures, roughness

RNG = np.random.default_rng(0)
X, Y = (np.linspace(-1, 1, points) + RNG.uniform(-0.05, 0.05, points) for points in (12, 9))  # uneven


def quadratic(xx: float, xy: float, yy: float) -> np.ndarray:
    return 7 - 3 * X + Y[:, None] + xx * X**2 / 2 + xy * X * Y[:, None] + yy * Y[:, None] ** 2 / 2


def test_curvatures_are_the_eigenvalues_of_the_hessian_of_a_quadratic_function() -> None:
    smallest, largest = principal_curvatures(X, Y, quadratic(2.0, 3.0, -1.0))
    expected = np.linalg.eigvalsh([[2.0, 3.0], [3.0, -1.0]])
    np.testing.assert_allclose(smallest, np.full((7, 10), expected[0]), rtol=1e-8)
    np.testing.assert_allclose(largest, np.full((7, 10), expected[1]), rtol=1e-8)


@pytest.mark.parametrize(("xy", "share"), [(0.0, 0.0), (1.9, 0.0), (2.1, 1.0), (-2.1, 1.0)])
def test_a_quadratic_curves_down_where_the_determinant_of_its_hessian_is_negative(
    xy: float, share: float
) -> None:
    """Along the diagonal, which neither axis shows."""
    assert negative_curvature(X, Y, quadratic(2.0, xy, 2.0)) == share


@pytest.mark.parametrize(("ratio", "share"), [(0.0, 1.0), (0.19, 1.0), (0.21, 0.0)])
def test_the_ratio_is_that_of_the_eigenvalues(ratio: float, share: float) -> None:
    """2 -+ 3: -1 and 5."""
    assert negative_curvature(X, Y, quadratic(2.0, 3.0, 2.0), ratio=ratio) == share


def test_the_steeper_curvature_being_negative_counts_at_every_ratio() -> None:
    assert negative_curvature(X, Y, quadratic(-2.0, 0.0, 1.0), ratio=0.99) == 1.0
    assert negative_curvature(X, Y, quadratic(-2.0, 0.0, -1.0), ratio=0.99) == 1.0


def test_a_wave_curves_down_over_half_of_the_plane() -> None:
    x = np.linspace(0, 2 * np.pi, 202)
    assert negative_curvature(x, x, np.tile(np.sin(x), (202, 1)), ratio=0.01) == pytest.approx(0.5, abs=0.01)


def test_a_share_does_not_depend_on_units() -> None:
    z = RNG.normal(size=(9, 12))
    assert 0 < negative_curvature(X, Y, z, ratio=0.5) < 1
    assert negative_curvature(X, Y, 1e30 * z, ratio=0.5) == negative_curvature(X, Y, z, ratio=0.5)


def test_what_rounding_makes_is_flat() -> None:
    """A slope and a plateau in float32: second differences of 1e-7 of their values, of either sign."""
    x = np.linspace(-1, 1, 17)
    for z in (2.3 + 0.1 * x + 0.3 * x[:, None], np.full((17, 17), 2.302585)):
        noisy = (z * (1 + 1e-7 * RNG.uniform(-1, 1, z.shape))).astype(np.float32)
        assert negative_curvature(x, x, noisy) == 0.0
        assert negative_curvature(x, x, noisy, rounding=0) > 0.5
        assert negative_curvature(x, x, z - 1e-3 * x**2) == 1.0


def test_points_beside_what_left_float_range_are_left_out() -> None:
    """Saddle above, bowl below: the row between belongs to neither."""
    x = np.linspace(-1, 1, 9)
    z = x**2 + np.sign(x[:, None]) * x[:, None] ** 2 * 5 + 0 * x
    z[4] = np.inf
    z[0] = 1e308
    z[1] = -1e308
    assert negative_curvature(x, x, z) == 0.0
    assert np.isnan(negative_curvature(x, x, np.full((9, 9), np.nan)))
    assert np.isnan(roughness(np.full((9, 9), np.nan)))


def test_independent_noise_has_roughness_the_root_of_five_quarters() -> None:
    assert roughness(RNG.normal(size=(400, 400))) == pytest.approx(np.sqrt(1.25), rel=0.01)


def test_a_lone_spike_is_as_rough_as_noise() -> None:
    spike = np.zeros((101, 101))
    spike[50, 50] = 1e200
    assert roughness(spike) == pytest.approx(np.sqrt(1.25), rel=0.025)


def test_roughness_is_not_touched_by_shift_and_scale_and_falls_on_finer_grids() -> None:
    z = RNG.normal(size=(10, 10))
    assert roughness(3e9 - 5e9 * z) == pytest.approx(roughness(z))
    coarse, fine = np.linspace(0, 6, 10), np.linspace(0, 6, 100)
    assert roughness(np.sin(fine) * np.sin(fine)[:, None]) < 0.1 * roughness(
        np.sin(coarse) * np.sin(coarse)[:, None]
    )
    assert roughness(np.full((5, 5), 2.3)) == 0.0


def test_senseless_arguments_are_told() -> None:
    with pytest.raises(ValueError, match=r"ratio must lie in \[0, 1\), got 1"):
        negative_curvature(X, Y, quadratic(1, 0, 1), ratio=1)
    with pytest.raises(ValueError, match="rounding must be 0 or above, got -1"):
        negative_curvature(X, Y, quadratic(1, 0, 1), rounding=-1)
    with pytest.raises(ValueError, match=r"3x3 points or more, got \(9, 12\) for 12 y, 9 x"):
        negative_curvature(Y, X, quadratic(1, 0, 1))
    with pytest.raises(ValueError, match=r"3x3 points or more, got \(2, 12\)"):
        roughness(quadratic(1, 0, 1)[:2])
