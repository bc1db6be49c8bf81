"""`distance_schedule` at scale paper against the distance-kernel thesis, and first steps of arms on a tiny CIFAR-10."""

import csv
from collections.abc import Callable
from typing import Any

import pytest
from paper import composed

from lossatlas.cli.reproduction import definition
from lossatlas.experiments.sweeps import Sweep, compose_sweeps
from lossatlas.runs.build import make
from lossatlas.runs.composition.search_path import config_folder
from lossatlas.runs.store.fingerprint import fingerprint
from lossatlas.runs.store.store import Run

Config = dict[str, Any]
Place = tuple[str, float, int]
ARMS = {  # schedule, strength, multiple of the rate
    ("fixed", 0, 1),
    ("fixed", 100, 1),
    ("step", 0, 1),
    ("cosine", 0, 1),
    ("cosine", 1, 1),
    ("fixed", 0, 10),
    ("cosine", 0, 10),
    ("cosine", 1, 10),
}


@pytest.fixture(scope="module")
def sweeps() -> list[Sweep]:
    """All sweeps, with the jobs of one seed and network."""
    return compose_sweeps(["experiment=distance_schedule", "scale=paper", "seed=0", "model=mobilenetv2"])


@pytest.fixture(scope="module")
def configs(sweeps: list[Sweep]) -> dict[Place, Config]:
    """Configuration of each arm at one seed, by schedule, strength and multiple of the rate."""
    found = {}
    for job in (job for sweep in sweeps for job in sweep.jobs):
        place = dict(override.split("=", 1) for override in job.overrides)
        schedule, strength = place["experiment.schedule"], float(place["experiment.strength"])
        found[schedule, strength, int(place["experiment.rate"])] = job.config
    return found


def test_each_network_has_all_arms_and_five_seeds(sweeps: list[Sweep], configs: dict[Place, Config]) -> None:
    assert set(configs) == ARMS
    assert len({fingerprint(config) for config in configs.values()}) == len(configs)
    assert all(sweep.planned["model"] == ["mobilenetv2", "resnet32_padded"] for sweep in sweeps)
    assert all(sweep.planned["seed"] == [0, 1, 2, 3, 4] for sweep in sweeps)


def test_the_rates_are_those_of_the_thesis(configs: dict[Place, Config]) -> None:
    """Fixed; a tenth after 50 epochs and again after 100, restarted after 150; half cosines of 150 epochs to 0."""
    for (schedule, _, rate), config in configs.items():
        assert config["epochs"] == 600
        assert config["optimizer"]["lr"] == pytest.approx(0.01 * rate)
        factor = make(config["scheduler"])
        places = [factor(epoch) for epoch in (0, 49, 50, 75, 100, 149, 150, 225, 599)]
        expected = {
            "fixed": [1.0] * 9,
            "step": [1, 1, 0.1, 0.1, 0.01, 0.01, 1, 0.1, 0.01],
            "cosine": [1, 0.7587, 0.75, 0.5, 0.25, 0.0001, 1, 0.5, 0.0001],
        }[schedule]
        assert places == pytest.approx(expected, abs=2e-3)


def test_restarts_and_checkpoints_fall_together(configs: dict[Place, Config]) -> None:
    for (schedule, strength, _), config in configs.items():
        study = config["study"]
        assert study["every"] == 150
        assert study["push"]["_target_"].rpartition(".")[2] == ("Away" if strength else "Nothing")
        assert not strength or study["strength"] == strength
        if schedule != "fixed":
            assert config["scheduler"]["period"] == study["every"]


def test_an_arm_goes_on_from_a_trunk_of_its_own_schedule_and_rate(configs: dict[Place, Config]) -> None:
    trunks: dict[tuple[str, int], set[str]] = {}
    for (schedule, _, rate), config in configs.items():
        trunk = config["study"]["trunk"]["run"]
        assert trunk["epochs"] == 150
        for key in ("data", "model", "init", "optimizer", "scheduler", "seed"):
            assert trunk[key] == config[key]
        trunks.setdefault((schedule, rate), set()).add(fingerprint(trunk))
    assert len(trunks) == 5
    assert all(len(of_one) == 1 for of_one in trunks.values())


def test_a_fixed_rate_with_and_without_hills_is_that_of_distance_multiple(
    configs: dict[Place, Config],
) -> None:
    hills = composed("distance_multiple/paper", "model=mobilenetv2", "experiment.strength=100")
    plain = composed("distance_multiple/paper_plain", "model=mobilenetv2")
    assert fingerprint(configs["fixed", 100, 1]) == fingerprint(hills)
    assert fingerprint(configs["fixed", 0, 1]) == fingerprint(plain)


def test_the_claims_carry_what_the_thesis_prints() -> None:
    claims = definition("distance_schedule", composed("distance_schedule/paper")["experiment"])["claims"]
    printed = {c["id"]: (c["paper"]["first"], c["paper"]["second"]) for c in claims if c["paper"]}
    assert printed["T-4.7 step"] == printed["T-4.7 cosine"] == (100 - 90, 100 - 95)
    assert printed["T-4.8 gain"] == (1.0, 0.8)
    assert printed["T-4.10 fixed"] == (100 - 60, 100 - 90)
    for claim in (
        claim for claim in claims if claim["paper"]
    ):  # what its text does not say was read off a picture
        assert claim["paper"].get("approximate", False) == (", text to" not in claim["paper"]["source"])


@pytest.fixture(scope="module")
def read() -> dict[tuple[str, str, float, int, str, int], float]:
    """What was read off the figures."""
    file = config_folder() / "experiment" / "distance_schedule" / "reference.csv"
    with file.open(newline="") as rows:
        return {
            (
                row["model"],
                row["schedule"],
                float(row["strength"]),
                int(row["rate"]),
                row["quantity"],
                int(row["epoch"]),
            ): float(row["value"])
            for row in csv.DictReader(rows)
        }


def test_the_curves_of_the_figures_end_where_the_claims_say(
    read: dict[tuple[str, str, float, int, str, int], float],
) -> None:
    ends = [read["mobilenetv2", s, 0, 1, "squared_distance_0", 600] for s in ("fixed", "step", "cosine")]
    assert ends == pytest.approx([777, 539, 351], abs=1)
    assert read["mobilenetv2", "cosine", 1, 1, "squared_distance_0", 600] == pytest.approx(1076, abs=1)


def test_figure_4_10_says_the_opposite_of_its_two_networks(
    read: dict[tuple[str, str, float, int, str, int], float],
) -> None:
    """By its legend hills help MobileNetV2 and harm ResNet-32, and they carry the one nearer and the other farther."""
    for network, better, farther in (("mobilenetv2", 1, 0), ("resnet32_padded", 0, 1)):
        errors = {s: read[network, "cosine", s, 10, "test_error", 600] for s in (0, 1)}
        distances = {s: read[network, "cosine", s, 10, "squared_distance_0", 600] for s in (0, 1)}
        assert errors[better] < errors[1 - better]
        assert distances[farther] > distances[1 - farther]


@pytest.mark.slow
@pytest.mark.parametrize("arm", ["step", "cosine_hills", "wrong_fixed"])
def test_each_schedule_takes_a_step(one_step: Callable[..., Run], arm: str) -> None:
    start = ["study.trunk=null", "study.every=null", "study.checkpoints=[0]", "data.validation=0"]
    run = one_step(f"distance_schedule/paper_{arm}", "model=resnet32_padded", *start)
    history = run.history()
    assert history.squared_distance_0.iloc[-1] > 0
    assert history.lr.dropna().tolist() == [pytest.approx(0.1 if arm == "wrong_fixed" else 0.01)]
