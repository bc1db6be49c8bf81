"""What `learning_rates` draws: name of the file -> function of the datasets and a caption."""

from functools import partial

import xarray as xr

from lossatlas.experiments import Figures, Values
from lossatlas.figures.experiments import learning_curves, trends
from lossatlas.measures import Measure, at, log10, percent

from .claims import Speed, relative_sharpness, sharpness

NAMES = {
    "part": {
        "line": "one dimension",
        "bowl": "ten dimensions",
        "descent": "a constant rate",
        "warmed": "with a warm-up",
        "constant": "constant",
        "step": "in steps",
        "warmup": "warm-up",
        "cyclical": "cyclical",
    }
}


def train_loss(history: xr.Dataset) -> xr.DataArray:
    return history["train_loss"]


def log_loss(history: xr.Dataset) -> xr.DataArray:
    """Of bowls; a loss of 0 has none."""
    return log10(train_loss(history))


def figures(v: Values) -> Figures:
    speed = Speed(v)

    def to_the_end(measure: Measure) -> Measure:
        """At the epochs that were planned, of what was not stopped before the last of them."""

        def surveyed(along_training: xr.Dataset) -> xr.DataArray:
            values = at(measure(along_training), snapshot=[0, v.early, *v.settled])
            return values.where(at(values, snapshot=v.settled[-1]).notnull())

        return surveyed

    def loss_of_descent(history: xr.Dataset) -> xr.DataArray:
        """Of runs that were not stopped; at the largest rate, of those that were."""
        losses = train_loss(history)
        trained = at(losses, epoch=v.settled[-1]).notnull()
        return losses.where(trained | (losses["setting"] == v.rates[-1]))

    def by_condition(measure: Measure) -> Measure:
        return lambda history: measure(history).rename(setting="condition_number")

    (rate,) = set(v.chosen.values())
    return {
        "figure": partial(
            learning_curves,
            measures={
                "largest eigenvalue": to_the_end(sharpness),
                "over 2 / rate": to_the_end(relative_sharpness),
            },
            along="snapshot",
            by="setting",
            columns="part",
            at={"part": ["descent", "warmed"], "setting": v.rates},
            names=NAMES | {"setting": {rate: f"rate {rate:g}" for rate in v.rates}},
        ),
        "bowls": partial(
            learning_curves,
            measures={"log10 of the loss": log_loss},
            along="epoch",
            by="setting",
            columns="part",
            at={"part": ["line", "bowl"], "setting": [1.9, 2.1]},
            names=NAMES | {"setting": {1.9: "rate 1.9 / λmax", 2.1: "rate 2.1 / λmax"}},
        ),
        "condition": partial(
            trends,
            measures={
                f"steps to {v.share:.0%} of the loss": by_condition(speed.needed),
                "factor of the loss in a step": by_condition(speed.factor),
            },
            along="condition_number",
            at={"condition_number": v.conditions},
        ),
        "losses": partial(
            learning_curves,
            measures={"training loss": loss_of_descent},
            along="epoch",
            by="setting",
            columns="part",
            at={"part": ["descent", "warmed"], "setting": v.rates},
            names=NAMES | {"setting": {rate: f"rate {rate:g}" for rate in v.rates}},
        ),
        "schedules": partial(
            learning_curves,
            measures={
                "learning rate": lambda history: history["lr"],
                "training loss": train_loss,
                "validation error": lambda history: percent(history["validation_error"]),
            },
            along="epoch",
            by="part",
            at={"part": [*v.chosen], "setting": rate},
            names=NAMES,
        ),
    }
