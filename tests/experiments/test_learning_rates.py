"""`learning_rates`: its claims on descent that is computed here, and runs that were stopped as they diverged."""

import numpy as np
import pytest
import xarray as xr
from omegaconf import OmegaConf

from lossatlas.claims import Verdict, judge
from lossatlas.experiments.definition import definition
from lossatlas.runs.composition.compose import compose_config

EPOCHS = np.arange(61)
CONDITIONS, RATES = [3.0, 10.0, 100.0], [0.12, 0.24, 0.34]
SETTINGS = sorted([*RATES, 1.0, 1.9, 2.1, *CONDITIONS])
SEEDS = range(10)


def descent(rate: float, curvatures: list[float], steps: int = 60) -> np.ndarray:
    """Losses before each of ``steps`` steps from (1, 1, ...); nothing at epoch 0, as in a history."""
    curved = np.array(curvatures)
    places = (1 - rate * curved) ** np.arange(steps)[:, None]
    return np.append(np.nan, (curved * places**2).sum(1) / 2)


@pytest.fixture(scope="module")
def verdicts() -> dict[str, Verdict]:
    values = compose_config(["experiment=learning_rates/digits"]).experiment["values"]
    defined = definition("learning_rates", {"values": OmegaConf.to_container(values, resolve=True)})
    parts = ["line", "bowl", "condition", "descent", "warmed", "constant", "step", "warmup", "cyclical"]
    axes = {"part": parts, "setting": SETTINGS, "seed": list(SEEDS), "epoch": EPOCHS}
    losses = xr.DataArray(np.nan, axes, list(axes))
    for rate in (1.0, 1.9, 2.1):
        losses.loc["line", rate] = descent(rate, [1.0])
        losses.loc["bowl", rate] = descent(rate, [0.1, 1.0])
    for condition in CONDITIONS:
        losses.loc["condition", condition] = descent(2 / (1 + condition), [1.0, condition])
    for rate in RATES:
        losses.loc["descent", rate] = descent(rate, [17.0])
        losses.loc["warmed", rate] = descent(0.1, [17.0])
    losses.loc["descent", 0.24] = descent(0.1, [17.0])  # a network gets away with it
    stopped = losses.where(
        (losses["setting"] != 0.34) | (losses["part"] != "descent") | (losses["epoch"] < 5)
    )
    judged = judge(
        [claim for claim in defined.claims if claim.landscapes <= {"history", "along_training"}],
        {"history": xr.Dataset({"train_loss": stopped}), "along_training": sharpness(parts)},
    )
    return {verdict.id: verdict for verdict in judged}


def sharpness(parts: list[str]) -> xr.Dataset:
    """17 before training, and 2 / rate after it."""
    axes = {"part": parts, "setting": SETTINGS, "seed": list(SEEDS), "snapshot": [0, 50, 100, 150, 200]}
    axes |= {"end": ["smallest", "largest"], "rank": [1]}
    found = xr.DataArray(np.nan, axes, list(axes))
    found.loc[{"end": "largest"}] = 2 / found["setting"] + 0.01 * found["seed"]
    found.loc[{"end": "largest", "snapshot": 0}] = 17.0
    return xr.Dataset({"eigenvalue": found})


def test_what_is_exact_of_bowls_holds(verdicts: dict[str, Verdict]) -> None:
    exact = ["line, optimum", "line, below", "line, beyond", "bowl, below", "bowl, beyond"]
    assert {verdicts[name].outcome for name in [*exact, "condition", "condition, factor"]} == {"holds"}
    steps = [arm.mean for arm in verdicts["condition"].arms]
    expected = [np.ceil(np.log(0.1) / 2 / np.log((k - 1) / (k + 1))) for k in CONDITIONS]
    assert steps == expected


def test_a_run_that_was_stopped_counts_by_its_last_row(verdicts: dict[str, Verdict]) -> None:
    faster = verdicts["warm-up, rate"]
    diverged = 2 * 3 * np.log10(0.34 * 17 - 1)  # after three steps
    assert faster.arms[0].mean == pytest.approx(diverged)
    assert faster.outcome == "holds"


def test_the_largest_stable_rate_is_told_in_what_the_curvature_at_the_start_allows(
    verdicts: dict[str, Verdict],
) -> None:
    assert verdicts["network, largest"].estimate == pytest.approx(0.24 * 17 / 2)
    assert verdicts["network, below"].outcome == "holds"
    assert verdicts["network, largest"].outcome == "fails"


def test_sharpness_is_read_against_two_over_the_rate(verdicts: dict[str, Verdict]) -> None:
    assert verdicts["edge 0.24"].estimate == pytest.approx(1, abs=0.01)
    assert verdicts["edge 0.24"].outcome == verdicts["warm-up, sharpness"].outcome == "holds"
