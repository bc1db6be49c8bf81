"""What `curve_ensemble` draws: name of the file -> function of the datasets and a caption."""

from functools import partial

from lossatlas.experiments import Figures, Values
from lossatlas.figures.experiments import path_profiles

NAMES = {"method": {"bezier": "Bezier curve", "chain": "polygonal chain"}}


def figures(v: Values) -> Figures:
    drawn = partial(
        path_profiles,
        colors="method",
        at={"method": ["bezier", "chain"]},
        names=NAMES,
        columns=3,
        shared=True,
    )
    errors = {
        "error at t (%)": {"variable": "error", "split": "test", "scale": 100},
        "error of the pair (%)": {"variable": "pair_error", "split": "test", "scale": 100},
        "error of all up to t (%)": {"variable": "growing_error", "split": "test", "scale": 100},
    }
    likelihoods = {
        "NLL at t": {"variable": "nll", "split": "test"},
        "NLL of the pair": {"variable": "pair_nll", "split": "test"},
        "NLL of all up to t": {"variable": "growing_nll", "split": "test"},
    }
    fifty = {"landscape": "fifty", "split": "test"}
    tempering = {
        "NLL of all up to t": {"variable": "growing_nll", **fifty},
        "NLL of all up to t, tempered": {"variable": "tempered_nll", **fifty},
    }
    return {
        "figure": partial(drawn, panels=errors),  # as Figure 2 of Garipov et al. 2018, right
        "likelihood": partial(drawn, panels=likelihoods),
        "tempered": partial(drawn, panels=tempering),
    }
