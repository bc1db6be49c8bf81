"""What `distance_kernels` draws: name of the file -> function of the datasets and a caption."""

from functools import partial

import xarray as xr

from lossatlas.experiments import Figures, Values
from lossatlas.figures.experiments import learning_curves, trends
from lossatlas.measures import at, named, percent

KERNELS = {"none": "no kernel", "tanh": "tanh", "rbf": "RBF", "laplace": "Laplace", "cauchy": "Cauchy"}
DISTANCES = {
    "weights": "weights alone",
    "relative": "relative",
    "per_layer": "per layer",
    "travelled": "travelled",
}
NAMES = {"arm": KERNELS | DISTANCES, "force": {"usual": "usual force", "tenfold": "tenfold force"}}
COURSES = {
    "squared distance": lambda history: history["squared_distance_0"],
    "test error": lambda history: percent(history["test_error"]),
}


def figures(v: Values) -> Figures:
    def distance(history: xr.Dataset) -> xr.DataArray:
        """Squared distance at the end, in units of the hill's width."""
        return named(at(history["squared_distance_0"], epoch=v.end) * v.per_width, "squared distance", "2σ²")

    return {
        "figure": partial(
            learning_curves,
            measures=COURSES,
            along="epoch",
            by="arm",
            columns="force",
            at={"model": v.network, "arm": [*KERNELS]},
            marks={"checkpoint": [v.checkpoint]},
            names=NAMES,
        ),
        "arms": partial(
            trends,
            measures={"squared distance": distance},
            along="arm",
            by="force",
            at={"model": v.network, "arm": [*KERNELS, *DISTANCES]},
            names=NAMES,
        ),
    }
