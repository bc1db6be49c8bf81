"""Races on courses that are known: in a bowl, each coordinate of gradient descent shrinks by a factor a step."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from looking import assert_nothing_overlaps, drawn_bytes, words
from matplotlib.colors import to_hex
from PIL import Image

from lossatlas.figures import save
from lossatlas.figures.experiments import interactive_race, race, race_animation
from lossatlas.toy import Bowl

Sweep = dict[str, xr.Dataset]
RATES = {"sgd": 0.05, "adam": 0.15, "lost": np.nan}
CONDITION = 10.0
LEVEL = Bowl(CONDITION).critical_points
STEPS = np.arange(13)


def course(rate: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    there = 0 * rate  # NaN from the first step on
    return there + (1.5 + 0.1 * seed) * (1 - rate) ** STEPS, there + (1 - CONDITION * rate) ** STEPS


@pytest.fixture
def balls() -> Sweep:
    """Two optimizers, and one that has left float range, from two starts; one network alone has a surface."""
    places = np.array([[course(rate, seed) for seed in (0, 1)] for rate in RATES.values()])
    axes = {"optimizer": list(RATES), "seed": [0, 1], "snapshot": STEPS, "split": ["train"]}
    x, y = (xr.DataArray(places[:, :, k], dims=("optimizer", "seed", "snapshot")) for k in (0, 1))
    way = xr.Dataset({"path_x": x, "path_y": y}, axes, {"origin": "0 0"})
    way["path_loss"] = ((way.path_x**2 + CONDITION * way.path_y**2) / 2).expand_dims("split")
    side = xr.DataArray(np.linspace(-2, 2, 21), dims="x")
    bowl = (side.rename(x="y") ** 2 * CONDITION + side**2) / 2
    ground = bowl.assign_coords(x=side.values, y=side.values).expand_dims(split=["train"])
    there = xr.DataArray([False, True, False], {"optimizer": list(RATES)})
    surface = ground.where(there).expand_dims(seed=[0, 1]).transpose("optimizer", "seed", "split", "y", "x")
    return {"trajectory": way, "surface": xr.Dataset({"loss": surface}, attrs={"origin": "0 0"})}


@pytest.mark.filterwarnings("error")
def test_each_path_lies_where_its_optimizer_went_and_its_height_above_the_lowest(balls: Sweep) -> None:
    page = race(balls, by="optimizer", critical_points=LEVEL, names={"optimizer": {"sgd": "descent"}})
    above, below = page.axes
    for rate in (0.05, 0.15):
        expected = np.stack(course(rate, 0))
        ways = [np.array(line.get_data()) for line in above.lines if len(line.get_xdata()) == len(STEPS)]
        (found,) = [way for way in ways if np.allclose(way, expected)]
        heights = (found[0] ** 2 + CONDITION * found[1] ** 2) / 2
        drawn = [line for line in below.lines if np.allclose(line.get_ydata(), heights)]
        assert len(drawn) == 1
        np.testing.assert_array_equal(drawn[0].get_xdata(), STEPS)
    assert below.get_yscale() == "log"
    text = " ".join(" ".join(words(page)).split())
    assert "descent" in text
    assert "Without a path: lost." in text
    assert "Star: minimum." in text
    assert_nothing_overlaps(page)


def test_the_seed_that_is_not_the_first_is_drawn_lighter(balls: Sweep) -> None:
    above, _ = race(balls, by="optimizer").axes
    lighter = [line for line in above.lines if line.get_alpha() == 0.55]
    found = [line.get_xdata()[0] for line in lighter]
    np.testing.assert_allclose(found, [1.6, 1.6])


def test_contours_are_those_of_the_one_network_that_was_surveyed(balls: Sweep) -> None:
    above, _ = race(balls, by="optimizer", critical_points=LEVEL).axes
    (lines,) = [part for part in above.collections if hasattr(part, "levels")]
    np.testing.assert_allclose(np.diff(np.log(lines.levels)), np.log(1000) / 13)  # even in the logarithm
    level = len(lines.levels) - 3
    x, y = lines.get_paths()[level].vertices.T
    np.testing.assert_allclose((x**2 + CONDITION * y**2) / 2, lines.levels[level], rtol=0.03)


def test_more_optimizers_than_colours_are_told_apart_by_dashes(balls: Sweep) -> None:
    sgd = balls["trajectory"].sel(optimizer=["sgd"])
    many = xr.concat([sgd.assign_coords(optimizer=[f"o{k:02}"]) for k in range(20)], dim="optimizer")
    ground = balls["surface"].sel(optimizer="adam", seed=0, drop=True)
    page = race({"trajectory": many.assign_attrs(sgd.attrs), "surface": ground}, by="optimizer")
    handles = page.legends[0].legend_handles[:-1]
    assert len({(handle.get_color(), str(handle.get_linestyle())) for handle in handles}) == 20
    assert_nothing_overlaps(page)


def test_a_column_for_each_toy_marks_its_own_critical_points(balls: Sweep) -> None:
    both = {
        name: xr.concat(
            [data.assign_coords(toy="bowl"), data.assign_coords(toy="other")], dim="toy"
        ).assign_attrs(data.attrs)
        for name, data in balls.items()
    }
    level = {"other": [("saddle", (1.0, -1.0), 5.5)]}
    page = race(both, by="optimizer", columns="toy", critical_points=level)
    marks = [[line for line in axis.lines if line.get_marker() == "x"] for axis in page.axes[:2]]
    assert [len(found) for found in marks] == [0, 1]
    assert [axis.get_title() for axis in page.axes[:2]] == ["bowl", "other"]
    assert page.axes[2].get_yscale() == "linear"  # no minimum is told
    assert drawn_bytes(page) == drawn_bytes(race(both, by="optimizer", columns="toy", critical_points=level))


def test_a_gif_moves_from_the_start_to_the_end(balls: Sweep, tmp_path: Path) -> None:
    moving = race_animation(balls, by="optimizer", critical_points=LEVEL, frames=4, seconds=1.0)
    (gif,) = save(moving, tmp_path, "race")
    with Image.open(gif) as picture:
        assert picture.n_frames == 4
        assert picture.info["loop"] == 0
        assert picture.size == (460, pytest.approx(420, abs=40))
    assert (
        gif.read_bytes()
        == save(
            race_animation(balls, by="optimizer", critical_points=LEVEL, frames=4, seconds=1.0),
            tmp_path,
            "again",
        )[0].read_bytes()
    )
    heads = [
        line for line in moving._fig.axes[0].lines if len(line.get_xdata()) == 1 and line.get_marker() == "o"
    ]
    np.testing.assert_allclose(
        [head.get_xdata()[0] for head in heads], [course(r, 0)[0][-1] for r in (0.05, 0.15)]
    )
    with pytest.raises(ValueError, match="frames must be >= 2, got 1"):
        race_animation(balls, by="optimizer", frames=1)


def test_the_page_has_a_place_of_the_slider_for_each_step(balls: Sweep) -> None:
    page = interactive_race(balls, by="optimizer", critical_points=LEVEL, caption="Holds (1): x.")
    (slider,) = page.layout.sliders
    assert [place.label for place in slider.steps] == [str(step) for step in STEPS]
    assert [frame.name for frame in page.frames] == [place.args[0][0] for place in slider.steps]
    surface, minimum, *_ = page.data
    np.testing.assert_array_equal(
        surface.z, balls["surface"].loss.sel(optimizer="adam", seed=0, split="train")
    )
    assert (minimum.name, list(minimum.x)) == ("minimum", [0.0])
    frame = page.frames[5]
    lines = [(page.data[place].name, part) for place, part in zip(frame.traces, frame.data, strict=True)]
    for number, (name, rate) in enumerate((("sgd", 0.05), ("adam", 0.15))):
        (of, line), (also_of, head) = lines[2 * number : 2 * number + 2]
        assert of == also_of == name
        x, y = course(rate, 0)
        np.testing.assert_allclose(line.x, x[:6])
        np.testing.assert_allclose(line.z, (x[:6] ** 2 + CONDITION * y[:6] ** 2) / 2)
        assert (head.x[0], head.y[0]) == (pytest.approx(x[5]), pytest.approx(y[5]))
    assert len(page.data) == 2 + 2 * 2
    assert page.layout.annotations[0].text == "Holds (1): x."
    assert [button.label for menu in page.layout.updatemenus for button in menu.buttons] == [
        *("▶", "❚❚"),
        *("linear scale", "log scale"),
        *("from the side", "from above"),
    ]


def test_the_page_thins_out_many_steps_and_cuts_the_surface_above_the_paths(balls: Sweep) -> None:
    page = interactive_race(balls, by="optimizer", frames=5)
    assert [frame.name for frame in page.frames] == ["0", "3", "6", "9", "12"]
    start = (1.5**2 + CONDITION) / 2
    assert page.layout.scene.zaxis.range[1] == pytest.approx(1.25 * start)
    assert to_hex(page.data[1].line.color) == page.data[1].line.color


def test_a_path_beyond_the_ground_leaves_a_gap(balls: Sweep) -> None:
    balls["trajectory"]["path_x"].loc[{"optimizer": "sgd", "snapshot": 3}] = 7.0
    page = interactive_race(balls, by="optimizer")
    assert np.isnan(page.data[1].x[3])
    assert np.isfinite(np.delete(np.asarray(page.data[1].x), 3)).all()


@pytest.mark.parametrize("draw", [race, race_animation, interactive_race])
def test_what_cannot_race_is_told(balls: Sweep, draw: Any) -> None:
    with pytest.raises(ValueError, match="paths that start together need one origin"):
        draw({**balls, "trajectory": balls["trajectory"].drop_attrs()}, by="optimizer")
    lost = {**balls, "trajectory": balls["trajectory"].sel(optimizer=["lost"])}
    with pytest.raises(ValueError, match="no network of this sweep has a path in 'trajectory'"):
        draw(lost, by="optimizer")
    with pytest.raises(ValueError, match="no network of this sweep has a landscape 'surface'"):
        draw({**balls, "surface": balls["surface"].sel(optimizer=["sgd"])}, by="optimizer")
    with pytest.raises(ValueError, match="the figure needs the dataset 'surface'"):
        draw({"trajectory": balls["trajectory"]}, by="optimizer")
    with pytest.raises(ValueError, match="the sweep has no axis 'method'"):
        draw(balls, by="method")


def test_all_race_from_the_start_of_one_seed(balls: Sweep) -> None:
    """One that is lost from the first seed's start is shown with all others from the next one's."""
    way = balls["trajectory"]
    lost = (way.optimizer == "sgd") & (way.seed == 0)
    balls["trajectory"] = way.where(~lost)
    above, _ = race(balls, by="optimizer").axes
    ways = [line for line in above.lines if len(line.get_xdata()) == len(STEPS) and line.get_alpha() != 0.55]
    begun = {line.get_xdata()[0] for line in ways}
    assert begun == {1.6}
    balls["trajectory"] = way.where(~lost & ~((way.optimizer == "adam") & (way.seed == 1)))
    page = race(balls, by="optimizer")
    assert "start from different places" in " ".join(" ".join(words(page)).split())
