from typing import Any

import numpy as np
import pytest
import xarray as xr
from looking import assert_nothing_overlaps, lines_of, panels_of
from matplotlib.figure import Figure
from matplotlib.patches import Circle

from lossatlas.toy import paths

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


def page(datasets: dict[str, xr.Dataset], **options: Any) -> Figure:
    given = {
        "columns": "push",
        "at": {"push": PUSHES, "sigma": 0.5},
        "ground": {"push": "nothing", "sigma": 0.5},
        "checkpoint": 20,
        "sigma": 0.5,
        "window": {"x": [-1.3, 1.3], "y": [-1.0, 1.0]},
        "names": {"push": {"away": "hill"}},
    }
    return paths.figure(datasets, **{**given, **options})


@pytest.mark.filterwarnings("error")
def test_paths_lie_where_the_balls_were_and_the_checkpoint_is_marked(datasets: dict[str, xr.Dataset]) -> None:
    drawn = page(datasets)
    assert [axis.get_title() for axis in panels_of(drawn)] == ["push nothing", "hill"]
    for axis, ends in zip(panels_of(drawn), ENDS, strict=True):
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
    assert_nothing_overlaps(drawn)


def test_contours_are_those_of_the_surface_in_its_own_coordinates(datasets: dict[str, xr.Dataset]) -> None:
    for axis in panels_of(page(datasets)):
        contours = lines_of(axis)
        level = list(contours.levels).index(1.0)
        (circle,) = [path.vertices for path in [contours.get_paths()[level]]]
        np.testing.assert_allclose(np.hypot(*circle.T), 1.0, atol=0.01)  # a bowl about the origin
        assert abs(circle[:, 0]).max() <= 1.3
