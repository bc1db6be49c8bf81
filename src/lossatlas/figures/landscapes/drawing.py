"""Which function draws the landscapes of which survey, and what the drawings of several surveys share."""

from collections.abc import Callable, Sequence

import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lossatlas.figures import panels
from lossatlas.figures.layout.fitting import FittingLayout
from lossatlas.figures.style import style, width_in_columns
from lossatlas.measures.ceiling import fitting_ceiling

_Picture = Callable[[xr.Dataset], Figure]

PICTURES: dict[str, _Picture] = {}  # survey -> its picture


def draws(survey: str) -> Callable[[_Picture], _Picture]:
    """Register the decorated function as the picture of the landscapes of a survey."""

    def register(picture: _Picture) -> _Picture:
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
        drawn = PICTURES[survey](landscape)
        if (wide := width_in_columns()) is not None:
            width, height = drawn.get_size_inches()
            drawn.set_size_inches(wide, height * wide / width)
        return drawn


def panel(width: float, height: float) -> tuple[Figure, Axes]:
    """A figure of one panel, in inches."""
    figure = Figure(figsize=(width, height), layout=FittingLayout())
    return figure, figure.subplots()


def loss_contours(
    landscape: xr.Dataset,
    extras: Callable[[Axes, str], None],
    *,
    centre: bool | tuple[float, float] = True,
    aspect: str = "equal",
) -> Figure:
    """A panel of contours for each split, with what ``extras`` adds to it."""
    splits = landscape["split"].values
    figure = Figure(figsize=(3.1 * len(splits), 3.2), layout=FittingLayout())
    surfaces = [landscape["loss"].sel(split=split) for split in splits]
    levels = panels.fitting_levels(*surfaces)
    axes = figure.subplots(1, len(splits), squeeze=False)[0]
    for axis, split, loss in zip(axes, splits, surfaces, strict=True):
        panels.contours(axis, loss, levels=levels, centre=centre, aspect=aspect)
        axis.set_title(f"{split} loss")
        extras(axis, str(split))
        axis.label_outer()
    return figure


def loss_profile(
    landscape: xr.Dataset, title: str, *, networks: Sequence[float], along: str = "alpha"
) -> Figure:
    """A panel of loss, and error where it is known, ``along`` a line or a path with ``networks`` at these places."""
    figure, axis = panel(4.2, 2.8)
    draw = panels.loss_and_error if "error" in landscape else panels.losses
    draw(axis, landscape, along=along, ceiling=largest_drawn(landscape, networks, along=along))
    axis.set_title(title)
    axis.legend(loc="best")
    return figure


def largest_drawn(landscape: xr.Dataset, networks: Sequence[float], *, along: str = "alpha") -> float:
    """Ceiling under which some of the loss of each split lies, and that at each of the ``networks``."""
    loss = landscape["loss"].transpose("split", along, ...)
    at_networks = loss.sel({along: list(networks)}, method="nearest")
    return fitting_ceiling(*loss, *(one for of_split in at_networks for one in of_split))


def level_meaning(landscape: xr.Dataset) -> str:
    """What the levels of a landscape are levels of."""
    return "loss" if landscape.attrs["levels"] == "loss" else "rise of the loss"
