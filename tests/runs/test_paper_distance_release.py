"""`distance_release` at scale paper: the settings of the thesis, with the kernel let out, or from the start."""

from collections.abc import Callable
from typing import Any

import pytest
from paper import composed

from lossatlas.experiments.sweeps import compose_sweeps
from lossatlas.runs.store.fingerprint import fingerprint
from lossatlas.runs.store.store import Run

ARMS = {  # (checkpoint, arm): epoch with whose end the push ends
    (100, "pushed"): None,
    (100, "released"): 200,
    (100, "undisturbed"): None,
    (0, "pushed"): None,
    (0, "released"): 100,
    (0, "undisturbed"): None,
}


@pytest.fixture(scope="module")
def configs() -> dict[tuple[int, str], dict[str, Any]]:
    """Configuration of each arm at one seed."""
    sweeps = compose_sweeps(["experiment=distance_release", "scale=paper", "seed=0"])
    jobs = [job.config for sweep in sweeps for job in sweep.jobs]
    return {(config["experiment"]["checkpoint"], config["experiment"]["arm"]): config for config in jobs}


def test_there_are_three_arms_of_each_checkpoint(configs: dict[tuple[int, str], Any]) -> None:
    assert set(configs) == set(ARMS)
    for (checkpoint, arm), config in configs.items():
        assert config["study"]["checkpoints"] == [checkpoint]
        assert config["study"]["release"] == ARMS[checkpoint, arm]
        push = config["study"]["push"]["_target_"].rpartition(".")[2]
        assert push == ("Nothing" if arm == "undisturbed" else "Away")


def test_the_arms_that_are_not_let_out_are_those_of_the_baseline(configs: dict[tuple[int, str], Any]) -> None:
    baseline = {
        "pushed": composed("distance_baseline/paper", "model=resnet32_padded", "study/push=away"),
        "undisturbed": composed("distance_baseline/paper_undisturbed", "model=resnet32_padded"),
    }
    for arm, config in baseline.items():
        assert fingerprint(configs[100, arm]) == fingerprint(config)


def test_from_the_initialisation_there_is_no_trunk(configs: dict[tuple[int, str], Any]) -> None:
    for (checkpoint, _), config in configs.items():
        assert (config["study"]["trunk"] is None) == (checkpoint == 0)


def test_the_push_is_let_out_as_long_after_either_checkpoint() -> None:
    for scale in ("digits", "paper"):
        levels = composed(f"distance_release/{scale}")["experiment"]["values"]
        assert levels["release"] - levels["checkpoint"] == levels["early"]


@pytest.mark.slow
def test_a_released_arm_takes_a_step(one_step: Callable[..., Run]) -> None:
    run = one_step(
        "distance_release/paper_initialisation",
        "experiment.arm=released",
        "experiment.values.early=1",
        "data.validation=0",
    )
    assert run.history().squared_distance_0.iloc[-1] > 0
