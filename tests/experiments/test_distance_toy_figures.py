"""The pictures of `distance_toy`: balls' paths over the valley, and what a hill is."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from matplotlib.figure import Figure
from matplotlib.patches import Circle
from python_of import loaded

from lossatlas.figures.style import colors_of, ink
from lossatlas.optim.distancing import RBF, Laplace
from lossatlas.toy import Cubic

sys.path.insert(0, str(Path(__file__).parents[1] / "figures"))
from looking import assert_nothing_overlaps, drawn_bytes, lines_of, panels_of, words

drawn = loaded("distance_toy", "figures")

SIGMAS = [0.1, 0.5, 1.0]


def sketch(**options: Any) -> Figure:
    given = {
        "surface": Cubic(),
        "centre": 2 / 3,
        "kernels": {"RBF": RBF(), "Laplace": Laplace()},
        "sigmas": SIGMAS,
        "strength": 0.5,
        "window": [-0.5, 1.5],
        "reach": 2.0,
    }
    return drawn.hills({}, **{**given, **options})


@pytest.mark.filterwarnings("error")
def test_the_valley_carries_a_hill_of_each_width_in_its_colour() -> None:
    valley, *_ = panels_of(sketch())
    for sigma, color in zip(SIGMAS, colors_of(SIGMAS), strict=True):
        (line,) = [line for line in valley.lines if line.get_color() == color]
        x = line.get_xdata()
        hill = 0.5 * np.exp(-((x - 2 / 3) ** 2) / (2 * sigma**2))
        np.testing.assert_allclose(line.get_ydata(), x**3 - x**2 + hill, atol=1e-12)
    (ground,) = [line for line in valley.lines if line.get_color() == ink()]
    np.testing.assert_allclose(
        ground.get_ydata(), ground.get_xdata() ** 3 - ground.get_xdata() ** 2, atol=1e-12
    )


def test_each_kernel_has_a_panel_over_the_distance() -> None:
    _, rbf, laplace = panels_of(sketch())
    assert (rbf.get_title(), laplace.get_title()) == ("RBF", "Laplace")
    for axis, formula in ((rbf, lambda r: np.exp(-(r**2) / 2)), (laplace, lambda r: np.exp(-r))):
        for sigma, line in zip(SIGMAS, axis.lines, strict=True):
            np.testing.assert_allclose(line.get_ydata(), formula(line.get_xdata() / sigma), atol=1e-9)
            assert line.get_xdata()[-1] == 2


def test_nothing_overlaps_and_it_is_drawn_twice_to_the_same_bytes() -> None:
    assert_nothing_overlaps(sketch())
    assert drawn_bytes(sketch()) == drawn_bytes(sketch())
    assert {"without hill", "σ = 0.1", "σ = 1"} <= set(words(sketch()))


PUSHES, ENDS = ["nothing", "away"], np.array([[0.6, 0.7, 0.6], [-1.2, 0.8, -1.1]])
EPOCHS = np.array([0, 10, 20, 30])


@pytest.fixture
def datasets() -> dict[str, xr.Dataset]:
    """Two pushes and three seeds of balls that go straight to where they end, with y = 0.1, from x = 1."""
    sweep = {"push": PUSHES, "sigma": [0.5], "seed": range(3)}
    dims, end = tuple(sweep), ENDS[:, None, :]
    share = EPOCHS / 30
    path = {
        "path_x": ((*dims, "snapshot"), (1 - end[..., None]) * (1 - share)),
        "path_y": ((*dims, "snapshot"), np.zeros((2, 1, 3, 4))),
    }
    side = np.linspace(-2, 2, 41)
    x = 0.6 + side  # of the first ball at rest
    bowl = (x**2 + (0.1 + side[:, None]) ** 2)[None]
    loss = np.full((2, 1, 3, 1, 41, 41), np.nan)
    loss[0] = bowl
    return {
        "summary": xr.Dataset({"train_x": (dims, end), "train_y": (dims, np.full_like(end, 0.1))}, sweep),
        "trajectory": xr.Dataset(path, {**sweep, "snapshot": EPOCHS}),
        "surface": xr.Dataset(
            {"loss": ((*dims, "split", "y", "x"), loss)}, {**sweep, "split": ["train"], "x": side, "y": side}
        ),
    }


def paths(datasets: dict[str, xr.Dataset], **options: Any) -> Figure:
    given = {
        "columns": "push",
        "at": {"push": PUSHES, "sigma": 0.5},
        "ground": {"push": "nothing", "sigma": 0.5},
        "checkpoint": 20,
        "sigma": 0.5,
        "window": {"x": [-1.3, 1.3], "y": [-1.0, 1.0]},
        "names": {"push": {"away": "hill"}},
    }
    return drawn.ball_paths(datasets, **{**given, **options})


@pytest.mark.filterwarnings("error")
def test_paths_lie_where_the_balls_were_and_the_checkpoint_is_marked(datasets: dict[str, xr.Dataset]) -> None:
    page = paths(datasets)
    assert [axis.get_title() for axis in panels_of(page)] == ["nothing", "hill"]
    for axis, ends in zip(panels_of(page), ENDS, strict=True):
        ways = [line for line in axis.lines if len(line.get_xdata()) == 4]
        assert len(ways) == 4  # all seeds, and the first in colour
        for way, end in zip(ways, [*ends, ends[0]], strict=True):
            np.testing.assert_allclose(way.get_xdata(), np.linspace(1, end, 4), atol=1e-12)
            np.testing.assert_allclose(way.get_ydata(), 0.1)
        (cross,) = [line for line in axis.lines if line.get_marker() == "x"]
        (circle,) = [part for part in axis.patches if isinstance(part, Circle)]
        place = (1 + (ends[0] - 1) * 2 / 3, 0.1)
        assert (cross.get_xdata()[0], cross.get_ydata()[0]) == pytest.approx(place)
        assert (*circle.center, circle.radius) == pytest.approx((*place, 0.5))
    assert_nothing_overlaps(page)


def test_contours_are_those_of_the_surface_in_its_own_coordinates(datasets: dict[str, xr.Dataset]) -> None:
    for axis in panels_of(paths(datasets)):
        contours = lines_of(axis)
        level = list(contours.levels).index(1.0)
        (circle,) = [path.vertices for path in [contours.get_paths()[level]]]
        np.testing.assert_allclose(np.hypot(*circle.T), 1.0, atol=0.01)  # a bowl about the origin
        assert abs(circle[:, 0]).max() <= 1.3
