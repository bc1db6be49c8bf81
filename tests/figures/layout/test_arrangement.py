import numpy as np
import pytest
import xarray as xr

from lossatlas.figures.layout.arrangement import arrange, first_surveyed, is_surveyed

Sweep = dict[str, xr.Dataset]


def test_panels_are_the_product_of_two_axes_and_keep_the_seeds(depths: Sweep) -> None:
    arranged = arrange(depths, "surface", rows="skip", columns="depth")
    assert arranged.shape == (2, 3)
    assert arranged.columns == ("depth 20", "depth 56", "depth 110")
    panel = arranged.panels[1][2]  # without skip connections, the deepest
    expected = depths["surface"].sel(depth=110, skip=False, drop=True)
    xr.testing.assert_identical(panel.landscape, expected)
    np.testing.assert_array_equal(
        panel.test_error, depths["summary"]["test_error"].sel(depth=110, skip=False)
    )


def test_listed_values_are_shown_in_their_order_under_their_names(depths: Sweep) -> None:
    names = {"skip": {True: "with", False: "without"}, "depth": {56: "ResNet-56"}}
    arranged = arrange(
        depths,
        "surface",
        rows="skip",
        columns="depth",
        at={"skip": [False, True], "depth": [56]},
        names=names,
    )
    assert (arranged.rows, arranged.columns) == (("without", "with"), ("ResNet-56",))
    xr.testing.assert_identical(
        arranged.panels[0][0].landscape["loss"],
        depths["surface"]["loss"].sel(depth=56, skip=False, drop=True),
    )


def test_an_axis_of_one_value_needs_no_place(depths: Sweep) -> None:
    one = {name: dataset.isel(skip=[0]) for name, dataset in depths.items()}
    assert arrange(one, "surface", columns="depth").shape == (1, 3)


def test_several_landscapes_of_the_same_networks_lie_along_a_place_of_their_own(depths: Sweep) -> None:
    depths["surface_1"] = depths["surface"] + 1
    arranged = arrange(depths, ["surface", "surface_1"], rows="landscape", columns="depth", at={"skip": True})
    assert arranged.rows == ("surface", "surface 1")
    first, second = (row[0].landscape["loss"] for row in arranged.panels)
    xr.testing.assert_allclose(second, first + 1)


def test_an_axis_of_the_landscape_alone_can_be_placed_too(depths: Sweep) -> None:
    arranged = arrange(depths, "line", columns="direction", at={"skip": True, "depth": 20})
    assert arranged.shape == (1, 3)
    for panel in arranged.flat:  # the same networks
        np.testing.assert_array_equal(
            panel.test_error, depths["summary"]["test_error"].sel(skip=True, depth=20)
        )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"columns": "width"}, r"the sweep has no axis 'width'; it has \['depth', 'seed', 'skip'\]"),
        (
            {"columns": "depth"},
            r"the figure needs one value of 'skip': give at.skip one of \[True, False\]",
        ),
        (
            {"columns": "depth", "at": {"skip": True, "depth": [21]}},
            r"depth has no 21; it has \[20, 56",
        ),
        ({"columns": "depth", "at": {"width": 1}}, "no dimension 'width' to select 1 on"),
        ({"columns": "depth", "at": {"skip": "yes"}}, "skip has no 'yes'"),
        ({"landscapes": "plane"}, r"the figure needs the dataset 'plane'; there are \['convexity'"),
        (
            {"landscapes": ["surface", "surface"], "rows": "skip", "columns": "depth"},
            "several landscapes .* need a place: rows or columns 'landscape'",
        ),
    ],
)
def test_what_cannot_be_arranged_is_refused(depths: Sweep, options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        arrange(depths, **{"landscapes": "surface", **options})


def test_floats_match_though_they_come_from_other_files(depths: Sweep) -> None:
    decays = {name: dataset.assign_coords(depth=[0.0, 1e-4, 0.3]) for name, dataset in depths.items()}
    arranged = arrange(decays, "surface", at={"depth": 0.1 + 0.2, "skip": True})
    xr.testing.assert_identical(
        arranged.flat[0].landscape, depths["surface"].isel(depth=2, skip=0, drop=True)
    )


def test_the_first_seed_that_was_surveyed_is_shown() -> None:
    values = np.arange(12.0).reshape(3, 2, 2)
    values[0] = np.nan
    landscape = xr.Dataset({"loss": (("seed", "y", "x"), values)}, {"seed": [5, 6, 7]})
    shown = first_surveyed(landscape)
    assert shown["loss"].values.tolist() == [[4, 5], [6, 7]]
    assert shown["seed"].item() == 6


def test_a_network_whose_loss_is_nan_everywhere_was_surveyed_if_its_error_is_known() -> None:
    nan = (("seed", "x"), np.full((2, 3), np.nan))
    assert not is_surveyed(xr.Dataset({"loss": nan, "error": nan}))
    beyond = xr.Dataset({"loss": nan, "error": (("seed", "x"), [[np.nan] * 3, [0.9] * 3])}, {"seed": [0, 1]})
    assert is_surveyed(beyond)
    assert first_surveyed(beyond)["seed"].item() == 1
