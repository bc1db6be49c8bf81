"""`distance_toy`: the valley, its hills, and a few steps of a ball against the same by hand."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from composed import jobs_of
from readings import VALUES
from scipy.optimize import brentq
from test_papers import claims_of

from lossatlas.runs.build import build_data
from lossatlas.runs.composition.compose import compose_config, compose_job
from lossatlas.runs.ensure import ensure

CURVATURE = 2.0  # of x^3 - x^2 + y^2 where it is lowest


def experiment() -> Any:
    """The experiment's part of its configuration."""
    return compose_config(["experiment=distance_toy/digits"]).experiment


def test_the_hill_is_steeper_than_the_valley_is_curved_and_the_widest_one_is_not() -> None:
    levels = experiment()[VALUES]
    drive = {sigma: levels["strength"] / sigma**2 for sigma in levels["sigmas"]}
    assert drive[levels["sigma"]] == 2 * CURVATURE
    assert [sigma for sigma, force in drive.items() if force < CURVATURE] == [1.0]


def test_the_plateau_of_the_narrow_hill_is_where_the_forces_balance() -> None:
    strength = experiment()[VALUES]["strength"]

    def force(squared: float) -> float:
        return strength / 0.1**2 * np.exp(-squared / (2 * 0.1**2)) - CURVATURE

    balance = brentq(force, 0, 1)
    claim = claims_of("distance_toy", "digits")["toy plateau"]
    assert balance == pytest.approx(0.0782, abs=5e-5)
    assert (claim.least, claim.most) == pytest.approx((0.75 * balance, 1.25 * balance), rel=1e-3)


def test_the_checkpoint_is_one_of_the_snapshots_and_the_first_epoch_after_it_is_judged() -> None:
    config = compose_config(["experiment=distance_toy/digits"])
    levels = config.experiment[VALUES]
    assert config["study"]["checkpoints"] == [levels["checkpoint"]] == [levels["after"] - 1]
    assert levels["checkpoint"] in config["study"]["snapshot_epochs"]
    assert config["study"]["snapshot_epochs"][-1] == config["epochs"]


def by_hand(start: np.ndarray, config: dict[str, Any], *, epochs: int, checkpoint: int) -> np.ndarray:
    """Where a ball is after some epochs of gradient descent on its loss and a hill of sigma = 0.5 at the checkpoint."""
    place, centre, data = start.astype(float), None, build_data(config)
    for epoch in range(epochs):
        centre = place.copy() if epoch == checkpoint else centre
        for inputs, _ in data.batches(config["seed"], epoch):
            seen = place + 0.1 * inputs.flatten(1).numpy()
            gradient = np.array([3 * seen[:, 0] ** 2 - 2 * seen[:, 0], 2 * seen[:, 1]]).mean(1)
            if centre is not None:
                away = place - centre
                gradient -= 4 * np.exp(-(away @ away) / 0.5) * away
            place = place - 0.05 * gradient
    return place


def test_a_ball_rolls_as_by_hand(tmp_path: Path) -> None:
    short = [
        "epochs=4",
        "study.checkpoints=[1]",
        "study.snapshot_epochs=[0]",
        "landscape=none",
        "logger=none",
    ]
    (job,) = jobs_of("distance_toy", {"study.push": "Away", "study.width.sigma": 0.5})
    config = compose_job([*job.overrides, f"paths.runs={tmp_path}", "seed=3", *short]).config
    run = ensure(config)
    start = run.snapshot(0)["position"].numpy()
    expected = by_hand(start, config, epochs=4, checkpoint=1)
    np.testing.assert_allclose(run.state()["position"], expected, rtol=1e-4)
    last = run.history().iloc[-1]
    assert (last.test_x, last.test_y) == pytest.approx(tuple(expected), rel=1e-4)
    centre = by_hand(start, config, epochs=1, checkpoint=4)
    assert last.squared_distance_0 == pytest.approx(((expected - centre) ** 2).sum(), rel=1e-3)
