"""Every kind of figure with names as long as an experiment may give: its text is on the page, none over other."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
import pytest
import xarray as xr
from depth_sweep import datasets
from looking import assert_texts_fit
from matplotlib.figure import Figure

from lossatlas.figures import Style, use
from lossatlas.figures import experiments as figures
from lossatlas.figures.experiments import Names

SEEDS = range(3)
LONG = "residual network without any shortcuts"  # longer by a third than any name of an experiment
ARMS = [f"arm_{number}" for number in range(6)]
NAMES: Names = {
    "skip": {True: "with all of its shortcuts as they are", False: LONG},
    "arm": {arm: f"{number}. {LONG}" for number, arm in enumerate(ARMS)},
    "method": {"segment": LONG, "bezier": "Bezier curve"},
    "alignment": {"before": LONG, "after": "units matched to those of the other network"},
}
MEASURES: dict[str, Callable[..., xr.DataArray]] = {
    "percentage of all test images that each of the members classifies alike": lambda arms: arms["share"],
    "negative log-likelihood of the ensemble of all members so far": lambda arms: arms["loss"],
    "distance": lambda arms: arms["distance"],
}


def arms() -> xr.Dataset:
    """Numbers of six arms at five rates, in a geometric series, and along 25 epochs; one arm lacks a seed."""
    rng = np.random.default_rng(0)
    axes = {"arm": ARMS, "rate": [0.001, 0.01, 0.1, 1.0, 10.0], "seed": list(SEEDS)}
    shape = tuple(len(values) for values in axes.values())
    found = xr.Dataset(
        {
            "share": (tuple(axes), rng.uniform(90, 100, shape), {"units": "%"}),
            "loss": (tuple(axes), rng.lognormal(0, 2, shape)),
            "distance": (tuple(axes), rng.uniform(0, 1e5, shape)),
        },
        axes,
    )
    found["share"][2, :, 1] = np.nan
    found["course"] = found["loss"] * np.exp(
        -xr.DataArray(np.arange(25) / 9, {"epoch": range(1, 26)}, "epoch")
    )
    return found


def paths() -> xr.Dataset:
    t = xr.DataArray(np.linspace(0, 1, 11), {"t": np.linspace(0, 1, 11)}, "t")
    height = xr.DataArray(np.arange(1, 7.0), {"arm": ARMS}, "arm") * (
        1 + xr.DataArray([0, 0.1, 0.2], {"seed": SEEDS})
    )
    loss = (0.1 + height * t * (1 - t)).expand_dims(split=["train"])
    return xr.Dataset({"loss": loss})


def plane(method: str) -> xr.Dataset:
    x, y = (xr.DataArray(np.linspace(-1, end, 9), dims=axis) for axis, end in (("x", 9.0), ("y", 2.0)))
    loss = (np.minimum(x**2, (x - 8) ** 2) + y**2).expand_dims(method=[method], seed=SEEDS, split=["train"])
    places = {"point_x": [0.0, 8.0, 1.0], "point_y": [0.0, 0.0, 1.5]}
    own = {name: xr.DataArray(values, dims="point") for name, values in places.items()}
    return xr.Dataset({"loss": loss, **own}).assign_coords(x=x.values, y=y.values)


def pairs() -> xr.Dataset:
    values = np.random.default_rng(0).uniform(0.95, 1, (2, 3, 6, 6))
    return xr.Dataset(
        {"correlation": (("alignment", "seed", "member", "other"), values)},
        {"alignment": ["before", "after"], "seed": list(SEEDS), "member": range(6), "other": range(6)},
    )


def race_of(sweep: Mapping[str, xr.Dataset]) -> dict[str, xr.Dataset]:
    """The sweep's trajectories as if they had an origin in common, and one of its surfaces under them."""
    way = (
        sweep["trajectory"]
        .isel(depth=0)
        .drop_vars(["x_values", "y_values", "loss", "explained_variance_ratio"])
    )
    way["path_loss"] = (way.path_x**2).expand_dims(split=["train"])
    way.attrs["origin"] = "0 0"
    ground = sweep["surface"].isel(depth=0).assign_coords(x=np.linspace(-4, 28, 15), y=np.linspace(-8, 8, 15))
    return {"trajectory": way, "surface": ground}


@pytest.fixture(scope="module")
def sweep() -> dict[str, xr.Dataset]:
    depths = {name: dataset.isel(seed=list(SEEDS)) for name, dataset in datasets().items()}
    planes = {"plane": plane("segment"), "curve_plane": plane("bezier")}
    return {**depths, "arms": arms(), "path": paths(), "ensemble": pairs(), **planes}


OVER = {"rows": "skip", "columns": "depth", "names": NAMES}
KINDS: dict[str, Callable[..., Figure]] = {
    "trends of words": partial(figures.trends, measures=MEASURES, along="arm", at={"rate": 0.1}, names=NAMES),
    "trends of numbers": partial(figures.trends, measures=MEASURES, along="rate", by="arm", names=NAMES),
    "one setting at a time": partial(
        figures.one_setting_at_a_time,
        measures=MEASURES,
        settings={"rate": {"arm": "arm_0"}, "arm": {"rate": 0.1}},
        names=NAMES,
    ),
    "learning curves": partial(
        figures.learning_curves,
        measures={"training loss with all of its penalties and the noise": lambda arms: arms["course"]},
        along="epoch",
        by="rate",
        columns="arm",
        at={"arm": ARMS[:3]},
        marks={"the checkpoint that pushes": [5]},
        names=NAMES,
    ),
    "path profiles": partial(
        figures.path_profiles,
        panels={
            f"training loss on the way to network number {k}": {"variable": "loss", "log": True}
            for k in range(4)
        },
        colors="arm",
        xlabel="position on the straight line from one network to the other",
        names=NAMES,
    ),
    "scatter": partial(
        figures.scatter, x=MEASURES["distance"], y=lambda arms: arms["loss"], by=["rate", "arm"], names=NAMES
    ),
    "contours": partial(figures.contours, **OVER),
    "reliefs": partial(figures.reliefs, **OVER),
    "curvature maps": partial(figures.curvature_maps, **OVER),
    "loss lines": partial(figures.loss_lines, columns="depth", colors="skip", names=NAMES),
    "trajectories": partial(figures.trajectories, **OVER, drops=[6]),
    "network planes": partial(
        figures.network_planes,
        panels={
            f"three optima that were found by {LONG}": {"landscape": "plane", "at": {"method": "segment"}},
            "curve": {
                "landscape": "curve_plane",
                "at": {"method": "bezier"},
                "points": {0: "pushed network", 1: "undisturbed network", 2: "checkpoint"},
            },
        },
        label="training loss with penalty",
    ),
    "correlation matrices": partial(figures.correlation_matrices, columns="alignment", names=NAMES),
}


@pytest.mark.parametrize("kind", KINDS)
def test_all_text_is_on_the_page_and_none_over_other(sweep: dict[str, xr.Dataset], kind: str) -> None:
    assert_texts_fit(KINDS[kind](sweep))


@pytest.mark.parametrize("columns", [1, 2])
def test_text_fits_a_page_of_a_papers_columns(sweep: dict[str, xr.Dataset], columns: int) -> None:
    with use(Style(columns=columns)):
        page = KINDS["trends of numbers"](sweep)
        assert_texts_fit(page)
    assert page.get_size_inches()[0] == pytest.approx({1: 3.25, 2: 6.75}[columns])


def test_text_has_one_size_whatever_the_width(sweep: dict[str, xr.Dataset]) -> None:
    sizes = set()
    for columns in (1, 2):
        with use(Style(columns=columns)):
            page = KINDS["trends of words"](sweep)
        sizes.add(page.axes[0].yaxis.label.get_fontsize())
    assert sizes == {8.0}


def test_text_of_a_race_fits(sweep: dict[str, Any]) -> None:
    at: dict[str, Any] = {"unit": "step of the optimizer", "names": NAMES}
    assert_texts_fit(figures.race(race_of(sweep), by="skip", **at))
