import numpy as np
import pytest
from scipy.interpolate import RBFInterpolator

from lossatlas.landscape.sampling.interpolants import CUBIC, LINEAR, LOG, QUINTIC, interpolants
from lossatlas.landscape.sampling.space_filling import coarse_grid, farthest_points, unit_grid


@pytest.fixture
def places() -> np.ndarray:
    return np.random.default_rng(0).random((40, 2))


def test_each_kernel_in_each_scale_is_scipys(places: np.ndarray) -> None:
    values = np.exp(3 * places[:, :1])
    at = np.array([[0.3, 0.4], [0.5, 0.6]])
    found = interpolants(places, values, at)
    for kernel, name, degree in ((QUINTIC, "quintic", 2), (CUBIC, "cubic", 1)):
        through = RBFInterpolator(places, values, kernel=name, degree=degree)
        np.testing.assert_allclose(found[kernel, LINEAR], through(at), rtol=1e-9)
        through = RBFInterpolator(places, np.log(values), kernel=name, degree=degree)
        np.testing.assert_allclose(found[kernel, LOG], np.exp(through(at)), rtol=1e-9)


def test_a_quadratic_and_the_exponential_of_one_are_exact_in_their_scale(places: np.ndarray) -> None:
    def quadratic(x: np.ndarray) -> np.ndarray:
        return 1 + x[:, :1] ** 2 - x[:, :1] * x[:, 1:]

    at = np.random.default_rng(1).random((10, 2))
    values = np.concatenate([quadratic(places), np.exp(9 * quadratic(places))], axis=1)
    found = interpolants(places, values, at)
    np.testing.assert_allclose(found[QUINTIC, LINEAR, :, :1], quadratic(at), rtol=1e-9)
    np.testing.assert_allclose(found[QUINTIC, LOG, :, 1:], np.exp(9 * quadratic(at)), rtol=1e-7)


def test_a_column_with_a_negative_value_has_no_logarithm(places: np.ndarray) -> None:
    found = interpolants(places, places[:, :1] - 0.5, places[:3] + 0.01)
    np.testing.assert_array_equal(found[:, LOG], found[:, LINEAR])


def test_what_is_not_finite_counts_as_the_largest_or_smallest_value(places: np.ndarray) -> None:
    values = 1 + places[:, :1]
    values[:3, 0] = [np.nan, np.inf, -np.inf]
    rest = values[3:]
    found = interpolants(places, values, places[:3])
    expected = np.broadcast_to([[rest.max()], [rest.max()], [rest.min()]], found.shape)
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_a_column_without_a_finite_value_is_zero(places: np.ndarray) -> None:
    assert not interpolants(places, np.full((40, 1), np.nan), places[:2]).any()


def test_a_positive_column_stays_within_a_factor_of_two_of_its_range() -> None:
    """Far from the points a cubic through losses of 1e-3 to 1e300 leaves every bound, and exp overflows."""
    places = np.linspace(0, 1, 12)[:, None]
    values = 10.0 ** np.where(places > 0.5, 300.0, -3.0)
    found = interpolants(places, values, np.array([[-5.0], [0.47], [5.0]]))
    assert np.isfinite(found).all()
    assert found.min() >= 0.5e-3
    assert found.max() <= 2e300


def test_many_points_are_interpolated_from_their_neighbours() -> None:
    places = unit_grid((50, 50))
    at = np.array([[0.51, 0.52], [0.013, 0.99]])
    values = np.sin(5 * places[:, :1]) + places[:, 1:]
    found = interpolants(places, values, at)[:, LINEAR, :, 0]
    np.testing.assert_allclose(found[QUINTIC], np.sin(5 * at[:, 0]) + at[:, 1], atol=2e-5)


def test_neighbours_on_a_line_do_not_hinder() -> None:
    """Through points on a line goes more than one plane: the neighbours have to reach beyond it."""
    line = np.stack([np.linspace(0, 1, 2100), np.full(2100, 0.5)], axis=1)
    places = np.concatenate([line, unit_grid((4, 4)) * [1.0, 2.0] - [0.0, 0.5]])
    found = interpolants(places, places.sum(axis=1, keepdims=True), np.array([[0.4321, 0.5001]]))
    np.testing.assert_allclose(found[:, LINEAR].ravel(), 0.9322, rtol=1e-4)


@pytest.mark.parametrize("shape", [(2, 30), (30, 1), (1, 1)])
def test_a_grid_that_is_too_narrow_to_interpolate_is_measured_whole(shape: tuple[int, int]) -> None:
    assert coarse_grid(shape) == list(range(shape[0] * shape[1]))


@pytest.mark.parametrize("shape", [(7, 7), (51, 51), (5, 30), (3, 3), (9,), (6, 6, 6)])
def test_the_coarse_grid_has_the_corners_and_the_centre(shape: tuple[int, ...]) -> None:
    indices = coarse_grid(shape)
    places = {tuple(int(i) for i in np.unravel_index(index, shape)) for index in indices}
    assert len(indices) == len(places) <= 4 ** len(shape) + 1
    assert {
        tuple(0 for _ in shape),
        tuple(size - 1 for size in shape),
        tuple(size // 2 for size in shape),
    } <= places


def test_points_of_a_batch_keep_away_from_each_other() -> None:
    places = unit_grid((21, 21))
    hill = np.exp(-30 * ((places - 0.4) ** 2).sum(axis=1))
    taken = farthest_points(places, hill, np.full(len(places), 0.2), 5)
    apart = np.linalg.norm(places[taken][:, None] - places[taken], axis=-1)[~np.eye(5, dtype=bool)]
    assert taken[0] == hill.argmax()
    assert apart.min() > 0.1
    assert len(set(farthest_points(places, hill, np.full(len(places), 0.2), 441))) == 441


def test_where_nothing_is_uncertain_the_farthest_points_are_taken() -> None:
    places = np.linspace(0, 1, 11)[:, None]
    assert farthest_points(places, np.zeros(11), abs(places[:, 0] - 0.4), 1).tolist() == [10]
