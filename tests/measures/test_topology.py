import numpy as np
import pytest
from scipy import ndimage, signal

from lossatlas.measures.topology import components, local_minima, minima

RNG = np.random.default_rng(0)
ROUGH = RNG.permutation(340).reshape(20, 17) / 64  # distinct, and exact to add
WITH_PLATEAUS = RNG.integers(5, size=(20, 17)).astype(float)


@pytest.mark.parametrize("z", [ROUGH, WITH_PLATEAUS], ids=["rough", "plateaus"])
def test_minima_born_and_not_yet_met_are_as_many_as_scipy_finds_components(z: np.ndarray) -> None:
    """At each level the components of {z <= level} are those whose lowest point has been reached, unless merged."""
    places, prominences = minima(z)
    births = z[tuple(places.T)]
    for level in np.unique(z):
        _, found = ndimage.label(z <= level, structure=np.ones((3, 3)))
        assert ((births <= level) & (level < births + prominences)).sum() == found


def test_in_a_gorge_prominences_are_those_of_scipys_peaks_upside_down() -> None:
    floor = RNG.normal(size=40)
    gorge = np.pad(floor[None], 1, constant_values=9.0)
    peaks, found = signal.find_peaks(-gorge[1], prominence=0)
    places, prominences = minima(gorge)
    order = np.argsort(places[:, 1])
    np.testing.assert_array_equal(places[order, 1], peaks)
    ours = np.minimum(prominences[order], 9.0 - floor.min())  # scipy measures the lowest from the walls
    np.testing.assert_allclose(ours, found["prominences"])


def test_minima_on_a_wave_are_its_troughs_within_the_grid() -> None:
    """cos x cos y is -1 at (i pi, j pi), i + j odd; at 0 and 8 pi they do not count, which leaves 24 of 7 x 7."""
    x = np.linspace(0, 8 * np.pi, 161)
    assert local_minima(np.cos(x) * np.cos(x)[:, None], prominence=0.01) == 24


@pytest.mark.parametrize(("prominence", "number"), [(0.0, 3), (0.15, 2), (0.99, 2), (1.0, 1), (50.0, 1)])
def test_a_minimum_counts_that_lies_deeper_than_the_threshold(prominence: float, number: int) -> None:
    """Wells of depth 1 and 0.1 beside the lowest, whose own depth has no bound."""
    z = np.pad([[0.0, 2.0, 1.0, 2.0, 1.9]], 1, constant_values=9.0)
    assert local_minima(z, prominence) == number


def test_rounding_is_no_minimum() -> None:
    x = np.linspace(-1, 1, 101)
    bowl = 3 + x**2 + x[:, None] ** 2
    noisy = bowl + 1e-2 * RNG.uniform(size=bowl.shape)
    assert local_minima(noisy, prominence=0) > 3
    assert local_minima(noisy, prominence=0.01) == 1


def test_a_plateau_is_one_minimum_and_none_if_it_reaches_the_edge() -> None:
    z = np.full((5, 5), 2.0)
    z[1, 1:4] = z[1:4, 1] = 1.0
    assert local_minima(z, prominence=0) == 1
    z[1, 4] = 1.0
    assert local_minima(z, prominence=0) == 0


def test_valleys_that_touch_at_a_corner_are_one() -> None:
    diagonal = 1 - np.eye(5)
    assert components(diagonal, level=0.5) == 1


@pytest.mark.parametrize("beyond", [np.inf, np.nan])
def test_what_left_float_range_is_a_wall(beyond: float) -> None:
    z = np.array([[5, 5, 5, 5, 5], [5, 0, beyond, 1, 5], [5, 5, beyond, 5, 5], [beyond] * 5])
    z[0, 2] = beyond
    assert components(z, level=1e300) == 2
    assert local_minima(z, prominence=1e300) == 2


def test_what_was_not_surveyed_is_not_known() -> None:
    nothing = np.full((4, 4), np.nan)
    assert np.isnan([components(nothing, 1), local_minima(nothing, 0)]).all()


def test_senseless_arguments_are_told() -> None:
    with pytest.raises(ValueError, match=r"prominence must be 0 or above, got -1"):
        local_minima(ROUGH, prominence=-1)
    with pytest.raises(ValueError, match=r"z must be \(Y, X\), got \(20,\)"):
        components(ROUGH[:, 0], level=1)
