from typing import Any

import numpy as np
import pytest
import xarray as xr

from lossatlas.figures.experiments import interactive_surfaces
from lossatlas.figures.experiments.interactive_surfaces import one_surface


def draw(datasets: Any, **options: Any) -> Any:
    return interactive_surfaces(datasets, **{"columns": "batch_size", **options})


@pytest.fixture(scope="module")
def datasets(sharpness_datasets: Any) -> Any:
    return sharpness_datasets()


def test_small_and_large_stand_side_by_side_and_the_menu_has_every_pair(datasets: Any) -> None:
    drawn = draw(datasets)
    nets, scales = drawn.layout.updatemenus
    labels = [button.label for button in nets.buttons]
    assert labels == [f"{o}, weight decay {w}" for o in ("sgd", "adam") for w in ("0", "0.0005")]
    assert [button.label for button in scales.buttons] == ["linear scale", "log scale"]
    assert len(drawn.data) == 8
    assert [trace.scene for trace in drawn.data[:2]] == ["scene", "scene2"]


def test_the_heights_are_the_losses(datasets: Any) -> None:
    trace = draw(datasets).data[1]
    cell = {"optimizer": "sgd", "weight_decay": 0.0, "batch_size": 164, "seed": 0, "split": "train"}
    np.testing.assert_array_equal(trace.z, datasets["surface"]["loss"].sel(cell))


def test_a_choice_of_the_menu_shows_its_two_traces_and_their_errors(datasets: Any) -> None:
    drawn = draw(datasets, caption="Holds (1): x.")
    for number, button in enumerate(drawn.layout.updatemenus[0].buttons):
        shown, texts = button.args[0]["visible"], button.args[1]["annotations"]
        assert [i for i, visible in enumerate(shown) if visible] == [2 * number, 2 * number + 1]
        assert texts[-1]["text"] == "Holds (1): x."
    error = 100 * datasets["summary"]["test_error"].sel(optimizer="adam", weight_decay=0.0005, batch_size=164)
    assert (
        texts[1]["text"]
        == f"<b>batch size 164</b><br>test error {error.mean():.2f} ± {error.std(ddof=1):.2f} %"
    )
    assert [trace.visible for trace in drawn.data[:4]] == [True, True, False, False]


def test_the_log_scale_spans_the_same_losses_in_both_scenes(datasets: Any) -> None:
    changes = draw(datasets, ceiling=5.0).layout.updatemenus[1].buttons[1].args[0]
    low, high = changes["scene.zaxis.range"]
    train = datasets["surface"]["loss"].sel(split="train")
    assert (10**low, 10**high) == (pytest.approx(float(train.min())), pytest.approx(5.0))
    assert changes["scene2.zaxis.range"] == [low, high]
    assert changes["scene2.zaxis.type"] == "log"


@pytest.mark.parametrize(
    ("factor", "shift", "ends"),
    [
        (1, 0, (0, 10)),
        (1, 4000, (0, 4000)),
        (1e6, 4000, (0, 1e4)),
        (1, -90, (-90, 10)),
        (1e6, -90, (-90, 1000)),
    ],
)
def test_losses_of_any_size_lie_within_the_axis(
    landscapes: dict[str, xr.Dataset], factor: float, shift: float, ends: tuple[float, float]
) -> None:
    surface = landscapes["surface"].sel(split=["train"])
    rise = surface["loss"] - surface["loss"].min()  # which is below 10
    axis = one_surface(surface.assign(loss=factor * rise + shift)).layout.scene.zaxis
    assert axis.range == pytest.approx(ends, abs=10)


def test_what_is_not_finite_is_left_open(datasets: Any) -> None:
    loss = datasets["surface"]["loss"]
    holed = {**datasets, "surface": datasets["surface"].assign(loss=loss.where(loss < 2, np.inf))}
    trace = draw(holed).data[0]
    assert np.isnan(trace.z).any()
    assert np.nanmax(trace.z) < 2


def test_networks_without_a_surface_are_not_in_the_menu(sharpness_datasets: Any) -> None:
    drawn = draw(sharpness_datasets(missing=("adam",)))
    assert [b.label for b in drawn.layout.updatemenus[0].buttons] == [
        "sgd, weight decay 0",
        "sgd, weight decay 0.0005",
    ]
    with pytest.raises(ValueError, match="no network of this sweep has a surface"):
        draw(sharpness_datasets(missing=("adam", "sgd")))


def test_one_network_is_drawn_by_itself(datasets: Any) -> None:
    one = datasets["surface"].sel(optimizer="sgd", weight_decay=0.0, batch_size=16, seed=0)
    (trace,) = one_surface(one, split="test").data
    np.testing.assert_array_equal(trace.z, one["loss"].sel(split="test"))


def test_a_landscape_of_one_split_is_drawn_whatever_its_split_is(landscapes: dict[str, xr.Dataset]) -> None:
    (tests,) = one_surface(landscapes["surface"].sel(split=["test"])).data
    np.testing.assert_array_equal(tests.z, landscapes["surface"]["loss"].sel(split="test"))
    convexity = landscapes["convexity"]  # its split is an attribute
    drawn = one_surface(convexity)
    np.testing.assert_array_equal(drawn.data[0].z, convexity["loss"])
    assert drawn.layout.scene.zaxis.title.text == "train loss"


@pytest.mark.parametrize(
    ("survey", "name", "labels"),
    [
        ("trajectory", "path", ("1st component", "2nd component")),
        ("plane", "point", ("distance", "distance")),
    ],
)
def test_networks_stand_at_the_height_of_their_own_losses(
    landscapes: dict[str, xr.Dataset], survey: str, name: str, labels: tuple[str, str]
) -> None:
    landscape = landscapes[survey]
    ceiling = float(landscape[f"{name}_loss"].sel(split="test").median())
    drawn = one_surface(landscape, split="test", ceiling=ceiling)
    marks = drawn.data[1]
    np.testing.assert_array_equal(marks.x, landscape[f"{name}_x"])
    np.testing.assert_array_equal(marks.y, landscape[f"{name}_y"])
    np.testing.assert_allclose(marks.z, landscape[f"{name}_loss"].sel(split="test").clip(max=ceiling))
    scene = drawn.layout.scene
    assert (scene.xaxis.title.text, scene.yaxis.title.text) == labels


def test_any_axis_may_lie_side_by_side_and_the_others_in_the_menu(depths: dict[str, xr.Dataset]) -> None:
    names = {"skip": {True: "with skips", False: "without"}}
    drawn = interactive_surfaces(depths, columns="depth", at={"depth": [110, 20]}, names=names)
    assert [button.label for button in drawn.layout.updatemenus[0].buttons] == ["with skips", "without"]
    titles = [text.text for text in drawn.layout.annotations[:2]]
    assert [title.partition("<br>")[0] for title in titles] == ["<b>depth 110</b>", "<b>depth 20</b>"]
    expected = depths["surface"]["loss"].sel(depth=20, skip=False, seed=0, split="train")
    np.testing.assert_array_equal(drawn.data[3].z, expected)


def test_one_kind_of_networks_needs_no_menu_and_a_missing_surface_leaves_its_scene_empty(
    depths: dict[str, xr.Dataset],
) -> None:
    depths["surface"] = depths["surface"].where(depths["surface"].depth != 56)
    drawn = interactive_surfaces(depths, columns="depth", at={"skip": True})
    (scales,) = drawn.layout.updatemenus
    assert [button.label for button in scales.buttons] == ["linear scale", "log scale"]
    assert [trace.z[0][0] is None for trace in drawn.data] == [False, True, False]
