"""Claims at scale paper find their networks among those that its sweeps train, where they are of several kinds."""

from typing import Any

import numpy as np
import pytest
import xarray as xr
from composed import sweeps

from lossatlas.claims import judge
from lossatlas.experiments.collect import combine
from lossatlas.experiments.definition import definition

SPLIT = {"split": ["train", "test"]}
SIZES = SPLIT | {"size": range(1, 7)}
PATH = dict.fromkeys(
    ["regularized_loss_rise", "loss_rise", "error_rise", "error_maximum", "regularized_loss_dip"], SPLIT
)
CURVES = {"relative_bend_distance": {"curve": [0, 1], "other": [0, 1]}}
DATASETS: dict[str, dict[str, dict[str, Any]]] = {
    # experiment -> dataset -> variable -> its axes
    "snapshot": {
        "ensemble": {"error_last": SIZES, "error": SPLIT},
        "history": {"train_loss": {"epoch": range(1, 301)}},
    },
    "snapshot_diversity": {
        "interpolation": {"error": {"split": ["test"], "member": range(5), "alpha": [0.0, 0.5, 1.0]}},
        "ensemble": {
            "member_error": {"split": ["test"], "member": range(6)},
            "correlation": {"split": ["test"], "member": range(6), "other": range(6)},
        },
    },
    "warm_restarts": {"ensemble": {"error_last": SIZES}},
    "fge": {
        "ensemble": {"error_first": SIZES},
        "apart": {"distance": {"member": [0, 1], "other": [0, 1]}},
    },
    "mode_connectivity": {
        "path": PATH | {"length_ratio": {}},
        "path_again": PATH,
        "curve_distances": CURVES,
    },
}


def drawn(variables: dict[str, dict[str, Any]], rng: np.random.Generator) -> xr.Dataset:
    arrays = {
        name: xr.DataArray(rng.uniform(0.1, 0.9, [len(values) for values in axes.values()]), axes, [*axes])
        for name, axes in variables.items()
    }
    return xr.Dataset(arrays)


@pytest.mark.slow
@pytest.mark.parametrize("experiment", [*DATASETS])
def test_no_claim_is_about_networks_that_are_not_there(experiment: str) -> None:
    """Made-up numbers in the places of all jobs: each verdict has a number, from five seeds."""
    rng = np.random.default_rng(0)
    jobs = [job for sweep in sweeps(experiment) for job in sweep.jobs]
    axes = jobs[0].config["experiment"]["axes"]
    places = [{name: job.overrides.value(key) for name, key in axes.items()} for job in jobs]
    datasets = {
        name: combine([({**at, "seed": seed}, drawn(made, rng)) for at in places for seed in range(5)])
        for name, made in DATASETS[experiment].items()
    }
    verdicts = judge(definition(experiment, jobs[0].config["experiment"]).claims, datasets)
    open_ones = {v.id: v.note for v in verdicts if not np.isfinite(v.estimate) or v.seeds != 5}
    assert open_ones == {}
