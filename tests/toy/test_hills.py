from typing import Any

import numpy as np
import pytest
from looking import assert_nothing_overlaps, drawn_bytes, panels_of, words
from matplotlib.figure import Figure

from lossatlas.figures.style import colors_of
from lossatlas.optim.distancing import RBF, Laplace
from lossatlas.toy import Cubic, hills

SIGMAS = [0.1, 0.5, 1.0]


def page(**options: Any) -> Figure:
    given = {
        "surface": Cubic(),
        "centre": 2 / 3,
        "kernels": {"RBF": RBF(), "Laplace": Laplace()},
        "sigmas": SIGMAS,
        "strength": 0.5,
        "window": [-0.5, 1.5],
        "reach": 2.0,
    }
    return hills.figure({}, **{**given, **options})


@pytest.mark.filterwarnings("error")
def test_the_valley_carries_a_hill_of_each_width_in_its_colour() -> None:
    valley, *_ = panels_of(page())
    for sigma, color in zip(SIGMAS, colors_of(SIGMAS), strict=True):
        (line,) = [line for line in valley.lines if line.get_color() == color]
        x = line.get_xdata()
        hill = 0.5 * np.exp(-((x - 2 / 3) ** 2) / (2 * sigma**2))
        np.testing.assert_allclose(line.get_ydata(), x**3 - x**2 + hill, atol=1e-12)
    (ground,) = [line for line in valley.lines if line.get_color() == "black"]
    np.testing.assert_allclose(
        ground.get_ydata(), ground.get_xdata() ** 3 - ground.get_xdata() ** 2, atol=1e-12
    )


def test_each_kernel_has_a_panel_over_the_distance() -> None:
    _, rbf, laplace = panels_of(page())
    assert (rbf.get_title(), laplace.get_title()) == ("RBF", "Laplace")
    for axis, formula in ((rbf, lambda r: np.exp(-(r**2) / 2)), (laplace, lambda r: np.exp(-r))):
        for sigma, line in zip(SIGMAS, axis.lines, strict=True):
            np.testing.assert_allclose(line.get_ydata(), formula(line.get_xdata() / sigma), atol=1e-9)
            assert line.get_xdata()[-1] == 2


def test_nothing_overlaps_and_it_is_drawn_twice_to_the_same_bytes() -> None:
    assert_nothing_overlaps(page())
    assert drawn_bytes(page()) == drawn_bytes(page())
    assert {"without hill", "σ = 0.1", "σ = 1"} <= set(words(page()))
