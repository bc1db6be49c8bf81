"""What `width` draws: name of the file -> function of the datasets and a caption."""

from functools import partial

from lossatlas import measures
from lossatlas.experiments import Figures, Values
from lossatlas.figures.experiments import contours, scatter, trends

from .claims import test_error

SKIP = [True, False]
NAMES = {"skip": {True: "with shortcuts", False: "without shortcuts"}}


def figures(v: Values) -> Figures:
    area = partial(measures.area, level=v.contour)
    by_width: dict[str, measures.Measure] = {
        "test error": test_error,
        "area below 0.1": area,
        "half-width at 0.1": partial(measures.half_width, level=v.contour),
    }
    return {
        # as Figure 6 of Li et al. 2018
        "figure": partial(contours, rows="skip", columns="width", at={"skip": SKIP}, names=NAMES),
        "trends": partial(
            trends, measures=by_width, along="width", by="skip", at={"skip": SKIP}, names=NAMES
        ),
        "scatter": partial(scatter, x=area, y=test_error, by=["width", "skip"], names=NAMES),
    }
