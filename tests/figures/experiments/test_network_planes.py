from typing import Any

import numpy as np
import pytest
import xarray as xr
from matplotlib.figure import Figure
from matplotlib.text import Text

from lossatlas.figures.experiments import network_planes
from lossatlas.figures.style import ERROR

PANELS: dict[str, Any] = {
    "optima": {"landscape": "plane", "at": {"method": "segment"}, "points": {2: "third"}},
    "curve": {"landscape": "curve_plane", "at": {"method": "bezier"}},
}


def surveyed(method: str, curve: bool, seeds: list[int] | None = None) -> xr.Dataset:
    """Two wells, 4 apart, over planes whose size differs by seed."""
    seeds = seeds or [0, 1]
    number = np.arange(21)
    own = xr.DataArray([np.linspace(-1, 5, 21) + 0.1 * seed for seed in seeds], dims=("seed", "x"))
    x, y = own, xr.DataArray([np.linspace(-1, 3, 21)] * len(seeds), dims=("seed", "y"))
    loss = np.minimum(x**2, (x - 4) ** 2) + y**2
    variables = {
        "regularized_loss": loss.expand_dims(method=[method], split=["train"]),
        "point_x": (("method", "seed", "point"), [[[0.0, 4.0, 1.0]] * len(seeds)]),
        "point_y": (("method", "seed", "point"), [[[0.0, 0.0, 2.0]] * len(seeds)]),
        "x_values": x.expand_dims(method=[method]),
        "y_values": y.expand_dims(method=[method]),
    }
    if curve:
        along = [[[[0.0, 1.0, 4.0]]] * len(seeds)]
        for name in ("curve_x", "curve_y"):
            variables[name] = (("method", "seed", "curve", "curve_t"), along)
    return xr.Dataset(variables, {"method": [method], "seed": seeds, "x": number, "y": number})


def drawn(**options: Any) -> Figure:
    datasets = {
        "plane": surveyed("segment", curve=False),
        "curve_plane": surveyed("bezier", curve=True),
    }
    page = network_planes(datasets, panels=PANELS, variable="regularized_loss", **options)
    page.draw_without_rendering()
    return page


def test_each_panel_has_its_networks_and_the_colours_of_all() -> None:
    page = drawn(label="loss")
    optima, curve, bar = page.axes
    assert [axis.get_title() for axis in (optima, curve)] == ["optima", "curve"]
    (marks,) = [line for line in optima.lines if line.get_color() == ERROR]
    assert np.column_stack(marks.get_data()).tolist() == [[0, 0], [4, 0], [1, 2]]
    assert [text.get_text() for text in optima.texts] == ["third"]
    assert bar.get_ylabel() == "loss"
    assert optima.collections[0].get_clim() == curve.collections[0].get_clim()


def test_a_plane_with_a_curve_shows_it_and_the_line_between_its_ends() -> None:
    optima, curve, _ = drawn().axes
    way = [np.column_stack(line.get_data()).tolist() for line in curve.lines]
    assert [[0.0, 0.0], [1.0, 1.0], [4.0, 4.0]] in way
    assert [[0.0, 0.0], [4.0, 0.0]] in way
    assert [[0.0, 0.0], [4.0, 0.0]] not in [
        np.column_stack(line.get_data()).tolist() for line in optima.lines
    ]


def test_a_panel_has_the_axes_of_the_first_seed_that_was_surveyed() -> None:
    datasets = {"plane": surveyed("segment", curve=False), "curve_plane": surveyed("bezier", curve=True)}
    datasets["plane"] = datasets["plane"].where(datasets["plane"].seed > 0)
    optima = network_planes(datasets, panels=PANELS, variable="regularized_loss").axes[0]
    assert optima.get_xlim() == pytest.approx((-0.9, 5.1))


def test_what_was_not_surveyed_says_so_and_an_unknown_dataset_is_refused() -> None:
    datasets = {"plane": surveyed("segment", curve=False), "curve_plane": surveyed("bezier", curve=True)}
    datasets["curve_plane"] = datasets["curve_plane"].where(datasets["curve_plane"].seed > 5)
    page = network_planes(datasets, panels=PANELS, variable="regularized_loss")
    assert [text.get_text() for text in page.axes[1].texts] == ["not surveyed"]
    with pytest.raises(
        ValueError, match=r"the figure needs the dataset 'curve_plane'; there are \['plane'\]"
    ):
        network_planes({"plane": datasets["plane"]}, panels=PANELS, variable="regularized_loss")


def test_a_dashed_line_is_told_of_only_where_a_curve_has_one() -> None:
    alone = {"optima": PANELS["optima"]}
    for panels, told in ((PANELS, True), (alone, False)):
        datasets = {"plane": surveyed("segment", curve=False), "curve_plane": surveyed("bezier", curve=True)}
        page = network_planes(datasets, panels=panels, variable="regularized_loss")
        assert any("Dashed" in text.get_text() for text in page.findobj(Text)) == told
