"""What `distance_ensemble` draws: name of the file -> function of the datasets and a caption."""

from functools import partial

import xarray as xr

from lossatlas.experiments import Figures, Values
from lossatlas.figures.experiments import learning_curves, trends
from lossatlas.measures import Measure, at, between_members, course, percent, ratio

ARMS = ["plain", "weak", "middle", "strong", "cosine"]
PRINTED = {
    "test error of all so far": lambda reference: percent(reference["ensemble_error"]),
    "of the network by itself": lambda reference: percent(reference["test_error"]),
}


def error(variable: str, **where: int) -> Measure:
    return lambda ensemble: percent(at(ensemble[variable], split="test", **where))


def of_pairs(ensemble: xr.Dataset, variable: str) -> xr.DataArray:
    return between_members(at(ensemble[variable], split="test"))


def classified_alike(ensemble: xr.Dataset) -> xr.DataArray:
    """Percentage of the test images that all members classify alike."""
    return ratio(100 * at(ensemble["agreement"], split="test"), at(ensemble["examples"], split="test"))


def figures(v: Values) -> Figures:
    names = {
        "arm": {
            "plain": "no hills",
            "weak": f"s = {v.weak}",
            "middle": f"s = {v.middle}",
            "strong": f"s = {v.strong}",
            "cosine": "cosine",
            "independent": "independent",
        }
    }
    members = {
        "test error of all together": error("error"),
        "of the last member alone": error("error_last", size=1),
        "all classify alike (%)": classified_alike,
        "two classify differently": lambda ensemble: percent(of_pairs(ensemble, "disagreement")),
        "correlation of two": lambda ensemble: of_pairs(ensemble, "correlation"),
        "distance of two": lambda ensemble: between_members(ensemble["distance"]),
    }
    growth = {
        "test error of all so far": lambda ensemble: percent(
            course(at(ensemble["error_first"], split="test"), per="size", epochs=v.ends)
        ),
        "of the network by itself": lambda ensemble: percent(
            course(at(ensemble["member_error"], split="test"), epochs=v.ends)
        ),
    }
    return {
        "figure": partial(  # table 4.1, and what the members are to each other
            trends, measures=members, along="arm", at={"arm": [*ARMS, "independent"]}, names=names
        ),
        "growth": partial(  # as figures 4.11 and 4.12
            learning_curves,
            measures=growth,
            reference=PRINTED,
            along="epoch",
            by="arm",
            at={"arm": ARMS},
            names=names,
        ),
    }
