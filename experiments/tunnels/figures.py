"""What `tunnels` draws: name of the file -> function of the datasets and a caption."""

from functools import partial

from lossatlas.experiments import Figures, Values
from lossatlas.figures.experiments import learning_curves, one_setting_at_a_time
from lossatlas.measures import Measure, at, mean


def figures(v: Values) -> Figures:
    def radius(*over: str, variable: str = "radius") -> Measure:
        return lambda tunnel: mean(at(tunnel[variable], level=v.rise), *over)

    on_average = {
        "distance to a rise of 0.1": radius("t", "direction"),
        "as a share of the norm": radius("t", "direction", variable="relative_radius"),
        "mean loss on the curve": lambda tunnel: mean(tunnel["loss"], "t"),
    }
    along_curve = {
        "distance to a rise of 0.1": radius("direction"),
        "train loss on the curve": lambda tunnel: tunnel["loss"],
    }
    centre = {"optima": 2, "rate": v.rate, "weight_decay": v.weight_decay, "batch_size": v.batch_size}
    swept = {
        "rate": centre | {"rate": v.rates},
        "weight_decay": centre | {"weight_decay": v.weight_decays},
        "batch_size": centre | {"batch_size": v.batch_sizes},
    }
    along = {
        f"along_by_{axis}": partial(learning_curves, measures=along_curve, along="t", by=axis, at=where)
        for axis, where in swept.items()
    }
    return {
        "figure": partial(one_setting_at_a_time, measures=on_average, settings=swept),
        **along,
        "three_optima": partial(
            learning_curves,
            measures={"loss on the curve": lambda path: path["loss"]},
            along="t",
            by="split",
            at=centre | {"optima": 3},
        ),
    }
