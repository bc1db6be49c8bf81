"""What `depth` draws: name of the file -> function of the datasets and a caption."""

from functools import partial

from lossatlas import measures
from lossatlas.experiments import Figures, Values
from lossatlas.figures.experiments import contours, interactive_surfaces, reliefs, trends

NAMES = {"skip": {True: "with shortcuts", False: "without shortcuts"}}


def figures(v: Values) -> Figures:
    by_depth: dict[str, measures.Measure] = {
        "test error": lambda summary: measures.percent(summary["test_error"]),
        "share that curves down": measures.negative_curvature,
        "range of the loss": measures.value_range,
        "area within the lowest contour": partial(measures.area, level=v.contour),
    }
    fine = v.figure_1 != "surface"  # of the deep network alone
    return {
        "figure": partial(  # as Figure 5 of Li et al. 2018
            contours, rows="skip", columns="depth", at={"skip": [True, False], "depth": v.depths}, names=NAMES
        ),
        "relief": partial(  # as Figure 1
            reliefs,
            rows="skip",
            columns="depth",
            at={"skip": [True, False], "depth": [v.deep] if fine else v.depths},
            landscape=v.figure_1,
            names=NAMES,
        ),
        "trends": partial(trends, measures=by_depth, along="depth", by="skip", names=NAMES),
        "surface": partial(interactive_surfaces, columns="skip", at={"depth": v.depths}, names=NAMES),
    }
