"""`snapshot_diversity` at scale paper against what Huang et al. 2017 show in figures 5 and 6."""

from functools import cache

from omegaconf import OmegaConf
from paper import Config, composed

from lossatlas.cli.reproduction import definition
from lossatlas.experiments.sweeps import compose_sweeps, planned_values
from lossatlas.runs.build import make
from lossatlas.runs.composition.compose import compose_jobs
from lossatlas.runs.store.fingerprint import fingerprint

SCALES = ("digits", "paper")


@cache
def configured(scale: str) -> Config:
    """Configuration of a scale's file, composed once for all tests, which must not change it."""
    return composed(f"snapshot_diversity/{scale}")


def test_the_sweep_is_nocycle_and_cycles_over_five_seeds() -> None:
    for scale in SCALES:
        for sweep, method in ((scale, "nocycle"), (f"{scale}_cyclic", "snapshot_01")):
            planned = planned_values([f"experiment=snapshot_diversity/{sweep}"])
            assert (planned["experiment.method"], planned["seed"]) == ([method], [0, 1, 2, 3, 4])


def test_the_networks_are_those_of_snapshot() -> None:
    for scale in SCALES:
        ours = compose_sweeps(["experiment=snapshot_diversity", f"scale={scale}", "seed=2"])
        theirs = [
            job
            for sweep in (scale, f"{scale}_cyclic")
            for job in compose_jobs([f"experiment=snapshot/{sweep}", "seed=2"])
            if job.config["experiment"]["method"] != "snapshot_02"
        ]
        found = [fingerprint(job.config) for sweep in ours for job in sweep.jobs]
        assert found == [fingerprint(job.config) for job in theirs]
        assert len(set(found)) == 2


def test_lines_lead_from_the_last_member_to_each_before_it_and_are_measured_on_test_images() -> None:
    for scale in SCALES:
        node = configured(scale)["landscape"]["interpolation"]
        assert node["other"] == {"members": [0, 1, 2, 3, 4]}
        assert (node["low"], node["high"], node["points"], node["splits"]) == (0.0, 1.0, 21, ["test"])
        assert node["statistics"] is True  # both ends are the two networks


def test_the_last_three_networks_of_nocycle_are_those_at_the_lower_rates() -> None:
    """At the paper's milestones, which the levels of the claims stand for: three members at each end of them."""
    for scale in SCALES:
        config = configured(scale)
        levels, schedule = config["experiment"]["values"], make(config["scheduler"])
        epochs = [config["epochs"] * (k + 1) / levels["members"] for k in range(levels["members"])]
        lower = [k for k, epoch in enumerate(epochs) if schedule(epoch - 1) < 1]
        assert lower == levels["last"]
        assert levels["first"] == [k for k in range(levels["members"]) if k not in lower]
        assert levels["late"] == lower[:-1]


def test_the_claims_are_those_of_the_two_figures_and_have_no_printed_numbers() -> None:
    experiment = definition("snapshot_diversity", OmegaConf.create(configured("paper")["experiment"]))
    claims = {claim["id"]: claim for claim in experiment["claims"]}
    assert {claim_id.split()[0] for claim_id in claims} == {"H-F5", "H-F6"}
    assert all(claim["paper"] is None for claim in claims.values())
    assert claims["H-F5 NoCycle"]["at"] == {"method": "nocycle", "member": [3, 4]}
    everyone, last = claims["H-F6 correlation"]["measure"]["of"]
    assert everyone["at"] == {"split": "test"}
    assert last["at"] == {"split": "test", "member": [3, 4, 5], "other": [3, 4, 5]}
    consecutive, farther = claims["H-F6 consecutive"]["measure"]["of"]
    assert sorted([*consecutive["apart"], *farther["apart"]]) == [1, 2, 3, 4, 5]
    assert consecutive["apart"] == [1]
