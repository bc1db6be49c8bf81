"""What `mode_connectivity` draws: name of the file -> function of the datasets and a caption."""

from functools import partial
from typing import Any

from lossatlas.experiments import Figures, Values
from lossatlas.figures.experiments import network_planes, path_profiles

METHODS = {"segment": "straight line", "bezier": "Bezier curve", "chain": "polygonal chain"}
PLANES: dict[str, dict[str, Any]] = {
    "three independent optima": {"landscape": "plane", "at": {"method": "segment"}},
    "Bezier curve": {"landscape": "curve_plane", "at": {"method": "bezier"}, "points": {2: "bend"}},
    "polygonal chain": {"landscape": "curve_plane", "at": {"method": "chain"}, "points": {2: "bend"}},
}
PATHS = {
    "training loss with penalty": {"variable": "regularized_loss", "log": True},
    "training loss": {"variable": "loss", "log": True},
    "test error (%)": {"variable": "error", "split": "test", "scale": 100, "log": True},
}


def figures(v: Values) -> Figures:
    return {
        "figure": partial(  # as Figure 1 of Garipov et al. 2018
            network_planes,
            variable="regularized_loss",
            label="training loss with penalty",
            panels={name: {**panel, "at": {**panel["at"], **v.place}} for name, panel in PLANES.items()},
        ),
        "paths": partial(  # as Figure 2, left and middle
            path_profiles,
            colors="method",
            at={"method": [*METHODS]} | v.place,
            names={"method": METHODS},
            columns=3,
            panels=PATHS,
        ),
    }
