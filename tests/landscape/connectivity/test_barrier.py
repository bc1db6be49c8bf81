import numpy as np
import pytest

from lossatlas.landscape.connectivity.path_statistics import barrier


def test_it_is_the_height_of_a_bump_whatever_the_chord_below_it() -> None:
    t = np.linspace(0, 1, 101)
    bump = 3 * 4 * t * (1 - t)
    assert [float(barrier(bump + slope * t + 5)) for slope in (-2.0, 0.0, 7.0)] == pytest.approx([3.0] * 3)


def test_a_path_that_sags_has_none() -> None:
    assert barrier((np.linspace(0, 1, 11) - 0.5) ** 2) == 0.0


def test_positions_count_where_they_are_uneven() -> None:
    """Over t = 0, 0.9, 1 the chord from 0 to 10 is at 9 in the middle."""
    assert barrier([0.0, 9.5, 10.0], t=[0.0, 0.9, 1.0]) == pytest.approx(0.5)
    assert barrier([0.0, 9.5, 10.0]) == pytest.approx(4.5)


def test_each_path_has_its_own() -> None:
    values = np.array([[[0.0, 2.0, 0.0], [1.0, 2.0, 3.0]]])  # (1, 2, T)
    assert barrier(values).tolist() == [[2.0, 0.0]]


def test_what_left_float_range_is_infinitely_high_and_what_is_unknown_unknown() -> None:
    assert barrier([0.0, np.inf, 0.0]) == np.inf
    assert np.isnan(barrier([0.0, np.nan, 0.0]))
    assert np.isnan(barrier([0.0, 1.0, np.inf]))


@pytest.mark.parametrize("values", [[1.0], 1.0])
def test_a_barrier_has_two_sides(values: object) -> None:
    with pytest.raises(
        ValueError, match=r"^a barrier lies between two points or more, got values of shape \("
    ):
        barrier(values)  # type: ignore[arg-type]
