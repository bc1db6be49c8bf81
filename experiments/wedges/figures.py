"""What `wedges` draws: name of the file -> function of the datasets and a caption."""

from functools import partial

from lossatlas.experiments import Figures, Values
from lossatlas.figures.experiments import Names, path_profiles, trends

from .claims import mean_height, radius, rise, steepness

NAMES: Names = {
    "between": {
        "line": "straight line",
        "bezier": "Bezier curve",
        "chain": "chain of two lines",
        "flat": "flat triangle",
        "surface": "trained surface",
    }
}


def figures(v: Values) -> Figures:
    return {
        "figure": partial(
            path_profiles,
            panels={"height": {"variable": "loss"}},
            colors="between",
            at={"between": ["line", "bezier", "chain"], "short": v.short},
            names=NAMES,
        ),
        "between": partial(
            trends,
            measures={"rise above the higher end": rise, "mean height": mean_height},
            along="between",
            at={"between": list(NAMES["between"]), "short": v.short},
            names=NAMES,
        ),
        "tunnels": partial(
            trends,
            measures={"radius": radius, "RMS slope / sqrt(s / d)": steepness(v)},
            along="short",
            at={"between": "chain"},
        ),
    }
