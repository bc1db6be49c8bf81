"""Runs that experiments share, so that the store trains each once: equal fingerprints, at either scale."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from composed import configs_of, jobs_of

from lossatlas.runs.composition.compose import compose_job
from lossatlas.runs.store.fingerprint import fingerprint, landscape_path
from lossatlas.runs.store.store import Run

WIDTH = {"digits": 50, "paper": 1000}  # of the hill in `distance_strength`, 2 sigma^2
SCALES = ("digits", "paper")


def fingerprints(configs: list[dict[str, Any]]) -> list[str]:
    return [fingerprint(config) for config in configs]


def shared(
    experiment: str, having: Mapping[Any, Any], other: str, *, at: tuple[str, ...] = SCALES
) -> list[Any]:
    quick = experiment == "curve_ensemble"
    return [
        pytest.param(experiment, having, other, scale, marks=[] if quick else pytest.mark.slow)
        for scale in at
    ]


@pytest.mark.parametrize(
    ("experiment", "having", "other", "scale"),
    [
        *shared("curve_ensemble", {}, "mode_connectivity"),
        *shared("direction_normalization", {"model": "VGG"}, "sharpness"),
        *shared("repeatability", {"model": "VGG"}, "sharpness"),
        *shared("snapshot_diversity", {}, "snapshot"),
        *shared("distance_kernels", {"experiment.arm": {"rbf", "none"}}, "distance_strength"),
        *shared("distance_width", {"study.push": "Nothing"}, "distance_strength"),
        *shared(
            "distance_width", {"width of the hill": {WIDTH["digits"]}}, "distance_strength", at=("digits",)
        ),
        *shared(
            "distance_width", {"width of the hill": {WIDTH["paper"]}}, "distance_strength", at=("paper",)
        ),
        *shared(
            "distance_release",
            {"experiment.arm": {"pushed"}, "study.checkpoints": [20]},
            "distance_baseline",
            at=("digits",),
        ),
        *shared(
            "distance_release",
            {"experiment.arm": {"pushed"}, "study.checkpoints": [100]},
            "distance_baseline",
            at=("paper",),
        ),
        *shared(
            "distance_release",
            {"experiment.arm": {"undisturbed"}, "study.checkpoints": [20]},
            "distance_baseline",
            at=("digits",),
        ),
        *shared(
            "distance_release",
            {"experiment.arm": {"undisturbed"}, "study.checkpoints": [100]},
            "distance_baseline",
            at=("paper",),
        ),
        *shared(
            "distance_schedule",
            {"scheduler": "Constant", "optimizer.lr": 0.01},
            "distance_multiple",
            at=("paper",),
        ),
        # in the thesis ensembles are trained for longer than the others
        *shared("distance_ensemble", {"scheduler": "Constant"}, "distance_multiple", at=("digits",)),
        *shared("distance_ensemble", {"scheduler": "WarmRestarts"}, "distance_schedule", at=("digits",)),
    ],
)
def test_runs_are_those_of_another_experiment(
    experiment: str, having: Mapping[Any, Any], other: str, scale: str
) -> None:
    found = fingerprints(configs_of(experiment, having, scale))
    assert found
    assert set(found) <= set(fingerprints(configs_of(other, {}, scale)))


@pytest.mark.slow
@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("experiment", ["direction_normalization", "repeatability"])
def test_filter_normalised_lines_through_vgg9_are_those_of_sharpness(experiment: str, scale: str) -> None:
    """The same files in the same runs."""

    def lines(name: str) -> set[tuple[str, Path | None]]:
        configs = configs_of(name, {"model": "VGG", "optimizer": "SGD"}, scale)
        found = [(fingerprint(config), config["landscape"].get("line")) for config in configs]
        return {(run, landscape_path(Run(Path(run)), "line", node, _no_other)) for run, node in found if node}

    assert len(lines(experiment)) == 4
    assert lines(experiment) <= lines("sharpness")


def _no_other(value: object) -> Run:
    raise AssertionError(f"nobody asked for {value}")


@pytest.mark.slow
def test_at_scale_digits_trajectories_are_of_the_networks_of_sharpness() -> None:
    """All but for the snapshots."""
    ours = [
        {**config, "study": {**config["study"], "snapshot_epochs": []}}
        for config in configs_of("trajectory", {}, "digits")
    ]
    assert set(fingerprints(ours)) <= set(fingerprints(configs_of("sharpness", {}, "digits")))
    assert all(
        c["study"]["snapshot_epochs"] == list(range(c["epochs"]))
        for c in configs_of("trajectory", {}, "digits")
    )


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize(
    "experiment",
    [
        "mode_connectivity",
        *(pytest.param(name, marks=pytest.mark.slow) for name in ("mode_width", "elastic_band")),
    ],
)
def test_a_curve_or_band_begins_at_the_network_of_the_straight_line(experiment: str, scale: str) -> None:
    """And ends at that of another seed, which nothing else tells from it."""
    own = set(fingerprints(configs_of(experiment, {}, scale)))
    joined = [
        config["study"]["ends"] for config in configs_of(experiment, {}, scale) if "ends" in config["study"]
    ]
    assert joined
    for first, last in ([end["run"] for end in ends] for ends in joined):
        assert fingerprint(first) in own
        assert (first["seed"], last["seed"]) == (0, 10)
        assert fingerprint({**first, "seed": 10}) == fingerprint(last)


def test_a_second_chain_has_another_seed_and_the_same_ends() -> None:
    (job,) = jobs_of("mode_connectivity", {"study.curve": "PolygonalChain"}, "digits")
    first, second = job.config["landscape"]["curve_distances"]["curves"]
    assert first == {"curve": []}
    assert job.config["landscape"]["path_again"]["through"] == second
    again = compose_job([*job.overrides, *second["curve"]]).config
    assert again["seed"] == 30
    ends = [[fingerprint(end["run"]) for end in config["study"]["ends"]] for config in (again, job.config)]
    assert ends[0] == ends[1]


@pytest.mark.slow
def test_independent_members_of_distance_ensemble_go_beside_the_plain_run() -> None:
    plain, independent = (
        configs_of(
            "distance_ensemble",
            {"scheduler": "Constant", "study.push": "Nothing", "landscape.ensemble.own": own},
        )
        for own in (False, True)
    )
    assert fingerprints(plain) == fingerprints(independent)


@pytest.mark.slow
def test_balls_of_distance_toy_are_the_same_at_both_scales() -> None:
    assert fingerprints(configs_of("distance_toy", {}, "digits")) == fingerprints(configs_of("distance_toy"))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("experiment", "each"),
    [
        ("distance_baseline", ("data", "model")),
        ("distance_strength", ("model",)),
        ("distance_width", ("model",)),
        ("distance_multiple", ("model", "optimizer")),
        ("distance_schedule", ("model", "optimizer", "scheduler")),
    ],
)
def test_arms_go_on_from_one_trunk_of_their_own_settings(experiment: str, each: tuple[str, ...]) -> None:
    """One for each network, data set, weight decay, rate or schedule that the experiment compares."""
    trunks: dict[str, set[str]] = {}
    for config in configs_of(experiment):
        trunk = config["study"]["trunk"]["run"]
        for key in ("data", "model", "init", "optimizer", "scheduler", "regularizer", "seed"):
            assert trunk[key] == config[key]
        trunks.setdefault(str([config[key] for key in each]), set()).add(fingerprint(trunk))
    assert all(len(of_one) == 1 for of_one in trunks.values())
    assert len(set.union(*trunks.values())) == len(trunks)


@pytest.mark.slow
@pytest.mark.parametrize("experiment", ["distance_strength", "distance_width"])
def test_trunks_are_those_of_the_baseline(experiment: str) -> None:
    baseline, ours = (
        {fingerprint(config["study"]["trunk"]["run"]) for config in configs_of(name)}
        for name in ("distance_baseline", experiment)
    )
    assert ours < baseline
