"""Which function draws the landscapes of which survey."""

from collections.abc import Callable

import xarray as xr
from matplotlib.figure import Figure

from lossatlas.figures.style import style

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
