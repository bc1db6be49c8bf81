import numpy as np
import pytest

from lossatlas.measures.ceiling import fitting_ceiling


@pytest.mark.parametrize(
    ("losses", "ceiling"),
    [
        ([[0.001, 3.0]], 10.0),
        ([[5.0, 1e9]], 10.0),
        ([[5.1, 5.2]], 100.0),
        ([[50.0, 60.0]], 100.0),
        ([[4353.0, 1e6]], 1e4),
        ([[-5.0, -4.0]], 10.0),
        ([[-400.0, 600.0]], 1000.0),
        ([[0.1, 0.2], [30.0, 40.0]], 100.0),  # an overfitted network on its test split
        ([[np.nan, np.inf, 2.0]], 10.0),
        ([[np.nan], [np.inf]], 10.0),
        ([[]], 10.0),
        ([], 10.0),
    ],
)
def test_the_lowest_loss_of_each_is_within_half_of_it(losses: list[list[float]], ceiling: float) -> None:
    assert fitting_ceiling(*losses) == pytest.approx(ceiling, rel=1e-12)


def test_the_usual_one_may_be_another() -> None:
    assert fitting_ceiling([40.0], usual=100.0) == 100.0
    assert fitting_ceiling([60.0], usual=100.0) == 1000.0
