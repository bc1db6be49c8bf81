"""What `step_sizes` draws: name of the file -> function of the datasets and a caption."""

from functools import partial

import xarray as xr

from lossatlas.experiments import Figures, Values
from lossatlas.figures.experiments import Names, learning_curves, trends
from lossatlas.measures import at

from .claims import errors_by_multiple, loss, steps, x

NAMES: Names = {
    "method": {
        "sgd": "SGD",
        "momentum": "momentum 0.9",
        "slow": "momentum, a tenth of the rate",
        "fast": "SGD, ten times the rate",
        "rmsprop": "RMSProp",
        "adam": "Adam",
        "constant": "constant",
        "inverse_time": "1/t",
        "inverse_sqrt": "1/sqrt(t)",
        "exponential": "exponential",
    },
    "setting": {0.1: "narrow pit", 0.4: "wide pit"},
}


def figures(v: Values) -> Figures:
    lengths = steps(v)

    def of_methods(history: xr.Dataset) -> xr.DataArray:
        """Each at its own setting: momentum 0.9, and the running means of RMSProp and Adam."""
        found = lengths(history)
        settings = {"momentum": v.momenta[-1], **v.kept}
        return xr.concat(
            [at(found, method=[method], setting=setting) for method, setting in settings.items()], "method"
        )

    return {
        "figure": partial(
            learning_curves,
            measures={"step / (rate x gradient)": of_methods},
            along="epoch",
            by="method",
            at={"epoch": list(range(1, v.slope + 1))},
            names=NAMES,
        ),
        "pits": partial(
            learning_curves,
            measures={"x": x},
            along="epoch",
            by="method",
            columns="setting",
            at={
                "part": "pit",
                "epoch": list(range(1, v.rolled + 1)),
                "setting": [v.narrow, v.wide],
                "method": ["sgd", "momentum", "slow", "fast"],
            },
            names=NAMES,
        ),
        "noise": partial(
            learning_curves,
            measures={"loss without noise": loss},
            along="epoch",
            by="method",
            at={
                "part": "noise",
                "setting": 0,
                "method": ["constant", "inverse_sqrt", "inverse_time", "exponential"],
                "epoch": list(range(1, v.noisy + 1)),
            },
            names=NAMES,
        ),
        "rates": partial(
            trends, measures={"test error": errors_by_multiple(v)}, along="multiple", by="method", names=NAMES
        ),
    }
