"""The picture of one landscape of one network, for a run's own page."""

from collections.abc import Callable

import xarray as xr
from matplotlib.figure import Figure

from lossatlas.figures import panels
from lossatlas.figures.style import LOSS, SMALL, style

Picture = Callable[[xr.Dataset], Figure]

PICTURES: dict[str, Picture] = {}  # survey -> its picture


def draws(survey: str) -> Callable[[Picture], Picture]:
    """Register the decorated function as the picture of the landscapes of a survey."""

    def register(picture: Picture) -> Picture:
        PICTURES[survey] = picture
        return picture

    return register


def picture(landscape: xr.Dataset) -> Figure:
    """Draw a landscape as its survey is drawn; ``landscape.attrs["survey"]`` names it.

    ValueError if the dataset names no survey, or one without a picture.
    """
    survey = landscape.attrs.get("survey")
    if survey not in PICTURES:
        raise ValueError(f"no picture for survey {survey!r}; there are {sorted(PICTURES)}")
    with style():
        return PICTURES[survey](landscape)


@draws("line")
def line(landscape: xr.Dataset) -> Figure:
    """Loss and error along random directions: median and range over the directions."""
    return _profile(landscape, "loss along random directions")


@draws("interpolation")
def interpolation(landscape: xr.Dataset) -> Figure:
    """Loss and error on the straight line from one network (alpha 0) to another (alpha 1)."""
    return _profile(landscape, "from this network (α = 0) to the other (α = 1)")


@draws("surface")
def surface(landscape: xr.Dataset) -> Figure:
    """Contours of the loss in two random directions, one panel a split."""
    splits = landscape["split"].values
    figure = Figure(figsize=(3.1 * len(splits), 3.2), layout="constrained")
    for axis, split in zip(figure.subplots(1, len(splits), squeeze=False)[0], splits, strict=True):
        panels.contours(axis, landscape["loss"].sel(split=split))
        axis.set(title=f"{split} loss", xlabel="first direction", ylabel="second direction")
        axis.label_outer()
    return figure


@draws("weights")
def weights(landscape: xr.Dataset) -> Figure:
    """Histogram of all weights."""
    figure = Figure(figsize=(3.6, 2.6), layout="constrained")
    axis = figure.subplots()
    panels.histogram(axis, landscape["density"], color=SMALL)
    bins = landscape["bin"].values
    axis.set(xlabel="weight", ylabel="density", xlim=(bins.min(), bins.max()))
    axis.set_ylim(bottom=0)
    return figure


@draws("sharpness")
def sharpness(landscape: xr.Dataset) -> Figure:
    """Keskar's sharpness against the half-width of the box."""
    figure = Figure(figsize=(3.6, 2.6), layout="constrained")
    axis = figure.subplots()
    axis.plot(landscape["epsilon"].values, landscape["sharpness"].values, "o", color=LOSS)
    epsilons = landscape["epsilon"].values
    axis.set_xticks(epsilons, [f"{epsilon:g}" for epsilon in epsilons])
    axis.margins(x=0.4)
    axis.set(xlabel="size ε of the box", ylabel="sharpness (%)")
    axis.set_ylim(bottom=0)
    return figure


def _profile(landscape: xr.Dataset, title: str) -> Figure:
    figure = Figure(figsize=(4.2, 2.8), layout="constrained")
    axis = figure.subplots()
    panels.loss_and_error(axis, landscape, ceiling=10)
    axis.set_title(title)
    axis.legend(loc="best")
    return figure
