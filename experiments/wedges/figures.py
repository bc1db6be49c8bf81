"""What `wedges` draws: name of the file -> function of the datasets and a caption."""

from functools import partial

import xarray as xr

from lossatlas.experiments import Figures, Values
from lossatlas.figures.experiments import Names, path_profiles, trends
from lossatlas.measures import at

from .claims import mean_height, radius, steepness

NAMES: Names = {
    "between": {
        "line": "straight line",
        "bezier": "Bezier curve",
        "chain": "chain of two lines",
        "flat": "flat triangle",
        "surface": "trained surface",
    }
}


def highest(triangle: xr.Dataset) -> xr.DataArray:
    return at(triangle["loss_rise"], split="train")


def figures(v: Values) -> Figures:
    return {
        "figure": partial(
            path_profiles,
            panels={"height": {"variable": "loss"}},
            colors="between",
            at={"between": ["line", "bezier", "chain"], "short": v.short},
            names=NAMES,
        ),
        "surfaces": partial(
            trends,
            measures={"mean height": mean_height, "rise above the highest corner": highest},
            along="between",
            at={"between": ["flat", "surface"], "short": v.short},
            names=NAMES,
        ),
        "tunnels": partial(
            trends,
            measures={"radius": radius, "RMS slope / sqrt(s / d)": steepness(v)},
            along="short",
            at={"between": "chain"},
        ),
    }
