"""What both scales of an experiment have in common, and what its sweeps compare: five seeds, one setting at a time."""

from collections import defaultdict
from functools import cache
from math import factorial, log, prod
from typing import Any

import numpy as np
import pytest
from composed import configs_of, sweeps
from readings import VALUES, read
from test_papers import named_in, quick

from lossatlas.claims import Claim, RankCorrelation, StrongerCorrelation
from lossatlas.claims.statistics import least_number
from lossatlas.experiments import Values
from lossatlas.experiments.catalogue import experiment_folder, experiments
from lossatlas.experiments.python_files import function_of
from lossatlas.runs.build import build_network
from lossatlas.runs.composition.compose import compose_config
from lossatlas.runs.composition.sweep import compose_base, params_of

SCALES = ("digits", "paper")


@cache
def values(experiment: str, scale: str) -> Any:
    """What the claims and figures of an experiment refer to."""
    return compose_config([f"experiment={experiment}/{scale}"]).experiment[VALUES]


@pytest.mark.parametrize(
    "experiment",
    [pytest.param(name, marks=[] if name in quick() else pytest.mark.slow) for name in experiments()],
)
def test_every_sweep_of_scale_paper_is_over_five_seeds(experiment: str) -> None:
    """But for the planes of `distance_baseline`, of one."""
    seeds = [
        list(sweep.planned["seed"])
        for sweep in sweeps(experiment)
        if "plane" not in sweep.jobs[0].config["landscape"] or experiment != "distance_baseline"
    ]
    assert seeds == len(seeds) * [[0, 1, 2, 3, 4]]


@pytest.mark.parametrize("experiment", experiments())
def test_verdicts_of_scale_digits_are_of_seeds_that_chose_no_setting(experiment: str) -> None:
    """Settings and thresholds were chosen with seeds 0 to 4 in view, and networks of the seeds 10 to 54 beside them."""
    base = compose_base([f"experiment={experiment}/digits"])
    of_arms = [arm["seed"] for arm in (base.experiment.get("sweeps") or {}).values() if "seed" in arm]
    seeds = ",".join(map(str, [params_of(base)["seed"], *of_arms])).split(",")
    chose = {*map(str, range(5)), *(f"{beside}{seed}" for beside in range(1, 6) for seed in range(5))}
    assert not chose & set(seeds)
    assert not {f"{beside}{seed}" for beside in range(1, 6) for seed in seeds} & (chose | set(seeds))


@pytest.mark.parametrize("experiment", experiments())
def test_the_seeds_of_scale_digits_can_decide_every_claim(experiment: str) -> None:
    """Corrected for their number; and a rank correlation has settings enough, which seeds do not make up for."""
    base = compose_base([f"experiment={experiment}/digits"])
    claims = list(function_of(experiment_folder(experiment), "claims")(Values(base.experiment[VALUES])))
    least = least_number(1 - 0.05 / len(claims))
    assert len(params_of(base)["seed"].split(",")) >= least
    for claim in claims:
        if isinstance(claim, RankCorrelation | StrongerCorrelation):
            assert arrangements_of(experiment, claim) >= 2 / (1 - claim.confidence), claim.id


def arrangements_of(experiment: str, claim: Claim) -> int:
    """Arrangements of the values that the sweeps give their axes, of the part that the claim is about."""
    axes = compose_base([f"experiment={experiment}/digits"]).experiment.axes
    names = {key: axis for axis, key in axes.items()}
    found = defaultdict[str, set[Any]](set)
    for sweep in sweeps(experiment, "digits"):
        planned = {names[key]: set(values) for key, values in sweep.planned.items() if key in names}
        wanted = {axis: set(np.atleast_1d(value).tolist()) for axis, value in claim.at.items()}
        part = {axis: values & wanted.get(axis, values) for axis, values in planned.items()}
        if all(part.values()):
            for axis in part.keys() - {"seed"}:
                found[axis] |= part[axis]
    return prod(factorial(len(values)) for values in found.values())


@pytest.mark.parametrize(
    ("experiment", "names"),
    [
        ("distance_strength", ["checkpoint", "read", "before_read", "end", "before_end"]),
        ("distance_width", ["checkpoint", "read", "before_read", "end"]),
    ],
)
def test_epochs_of_scale_digits_are_a_fifth(experiment: str, names: list[str]) -> None:
    digits, paper = (values(experiment, scale) for scale in SCALES)
    assert [5 * digits[name] for name in names] == [paper[name] for name in names]
    assert digits.soon - digits.checkpoint == paper.soon - paper.checkpoint


def test_restarts_of_scale_digits_have_a_fifth_of_all_epochs() -> None:
    digits, paper = (values("warm_restarts", scale) for scale in SCALES)
    assert set(digits.periods) == {"whole", "quarter", "doubling"}
    assert all(5 * period == paper.periods[name] for name, period in digits.periods.items())
    assert [5 * epoch for epoch in digits.drops] == list(paper.drops)
    assert 5 * digits.late[-1] == paper.late[-1]
    for ours, scale in ((digits, "digits"), (paper, "paper")):
        end = compose_config([f"experiment=warm_restarts/{scale}"]).epochs
        assert list(ours.drawn) == [*ours.traced, end]
    assert 5 * digits.drawn[-1] == paper.drawn[-1]


@pytest.mark.parametrize("scale", SCALES)
def test_a_push_is_let_out_as_long_after_either_checkpoint(scale: str) -> None:
    release = values("distance_release", scale)
    assert release.release - release.checkpoint == release.early


@pytest.mark.parametrize("scale", SCALES)
def test_distances_are_counted_in_what_the_log_law_has_for_three_times_the_strength(scale: str) -> None:
    multiple = values("distance_multiple", scale)
    assert multiple.per_factor * 2 * multiple.sigma**2 * log(3) == pytest.approx(1)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("experiment", "steep"),
    [
        ("distance_baseline", {6.25}),
        ("distance_strength", {0.2, 2, 20, 200, 2000}),  # the fifth one steeper than those of scale paper
        ("distance_width", {200, 20, 2, 0.2}),
    ],
)
def test_hills_of_scale_digits_are_as_steep_over_weight_decay_as_those_of_the_thesis(
    experiment: str, steep: set[float]
) -> None:
    """Or three times as steep, at the baseline."""
    having = {"study.push": "Away"}
    found = {
        round(read(config, "steepness over weight decay"), 6)
        for config in configs_of(experiment, having, "digits")
    }
    assert found == steep


@pytest.mark.slow
def test_names_of_strengths_say_how_steep_hills_of_scale_digits_are() -> None:
    configs = configs_of("distance_strength", {"study.push": "Away"}, "digits")
    steep = {config["study"]["strength"]: read(config, "steepness over weight decay") for config in configs}
    ours = values("distance_strength", "digits")
    assert list(ours.strengths) == sorted(steep)
    assert list(ours.steep) == sorted(strength for strength in steep if steep[strength] > 19.9)
    assert [steep[ours.named[name]] for name in ("below", "above")] == pytest.approx([0.2, 2])
    assert ours.named.strongest == max(steep)
    assert ours.per_width == pytest.approx(1 / read(configs[0], "width of the hill"))


@pytest.mark.slow
def test_at_scale_digits_the_widths_of_mode_width_are_in_the_papers_ratio() -> None:
    widths = sorted({config["model"]["width"] for config in configs_of("mode_width", {}, "digits")})
    assert [width / 20 for width in widths] == [0.3, 0.5, 0.8, 1.0]


@pytest.mark.slow
def test_snapshots_of_scale_digits_differ_from_the_papers_in_network_batches_and_length() -> None:
    """Rate, momentum and decay, the method, its schedule and what the ensembles are of stay the same."""
    kept = ["optimizer", "landscape.ensemble.members"]

    def described(scale: str) -> list[list[Any]]:
        configs = configs_of("snapshot", {}, scale)
        kinds = [[config[part]["_target_"] for part in ("study", "scheduler")] for config in configs]
        return [
            [*kind, *(read(config, key) for key in kept)] for kind, config in zip(kinds, configs, strict=True)
        ]

    ours, papers = described("digits"), described("paper")
    assert [kind for kind in papers if kind not in ours] == []
    assert [kind for kind in ours if kind not in papers] == []
    assert (len(ours), len(papers)) == (9, 14)  # there on two data sets, and of two networks
    steps = [
        configs_of("snapshot", {"study": "CheckpointEnsemble"}, scale)[0]["scheduler"] for scale in SCALES
    ]
    assert [schedule["milestones"] for schedule in steps] == [[12, 18], [150, 225]]


@pytest.mark.parametrize("scale", ["paper", pytest.param("digits", marks=pytest.mark.slow)])
def test_cycles_of_snapshots_end_where_the_claims_have_them(scale: str) -> None:
    config = configs_of("snapshot", {"study": "SnapshotEnsemble", "scheduler.cycles": 6}, scale)[0]
    ours = values("snapshot", scale)
    assert read(config, "ends of cycles") == [*ours.ends, ours.epochs]
    assert ours.cycle * ours.members == ours.epochs == config["epochs"]


@pytest.mark.slow
@pytest.mark.parametrize("scale", SCALES)
def test_the_last_members_of_nocycle_are_those_at_lower_rates(scale: str) -> None:
    """Half of them; the claims leave out the very last, which the others are compared with."""
    (config,) = configs_of("snapshot_diversity", {"study": "CheckpointEnsemble"}, scale)
    ours = values("snapshot_diversity", scale)
    ends = [config["epochs"] * (k + 1) / ours.members for k in range(ours.members)]
    factors = read(config, "rate factors", [end - 1 for end in ends])
    lower = [k for k, factor in enumerate(factors.values()) if factor < 1]
    assert list(ours.last) == lower
    assert list(ours.first) == [k for k in range(ours.members) if k not in lower]
    assert list(ours.late) == lower[:-1]


@pytest.mark.parametrize("scale", ["paper", pytest.param("digits", marks=pytest.mark.slow)])
def test_tunnels_vary_one_setting_at_a_time_around_the_centre(scale: str) -> None:
    """Each has three values; curves and their ends train alike, and the third optimum is one at the centre."""
    ours = values("tunnels", scale)
    keys = {
        "rate": "rates.sgd",
        "weight_decay": "regularizer.l2.weight_decay",
        "batch_size": "data.batch_size",
    }
    centre = tuple(ours[name] for name in keys)
    curves = configs_of("tunnels", {"experiment.optima": 2}, scale)
    settings = [tuple(read(config, key) for key in keys.values()) for config in curves]
    others = {
        (*centre[:k], value, *centre[k + 1 :]) for k, name in enumerate(keys) for value in ours[f"{name}s"]
    }
    assert sorted(settings) == sorted(others)  # the centre once
    assert len(others) == 7
    (three,) = configs_of("tunnels", {"experiment.optima": 3}, scale)
    for config in (*curves, three):
        assert config["optimizer"]["weight_decay"] == 0  # the penalty only once
        for end in (end["run"] for end in config["study"]["ends"]):
            assert end["study"]["_target_"] == "lossatlas.studies.Classifier"
            same = ["model", "data", "init", "regularizer"]
            same += ["optimizer", "scheduler", "epochs"] if scale == "digits" else []
            for key in same:
                assert end[key] == config[key]
            if (
                scale == "paper"
            ):  # curves are trained three times as long as the ends, at 0.3 times their rate
                assert (end["epochs"], config["epochs"]) == (200, 600)
                assert config["optimizer"]["lr"] == pytest.approx(0.3 * end["optimizer"]["lr"])
                assert end["optimizer"]["lr"] == read(config, keys["rate"])
    assert tuple(read(three, key) for key in keys.values()) == centre
    assert [end["run"]["seed"] for end in three["study"]["ends"]] == [0, 10, 20]


@pytest.mark.slow
@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize(
    ("kind", "having"), [("perceptron", {"model": "MLP"}), ("convolutional", {"model": {"ResNet", "VGG"}})]
)
def test_widths_that_symmetry_sweeps_are_those_that_claims_name(
    scale: str, kind: str, having: dict[str, Any]
) -> None:
    ours = values("symmetry", scale)
    swept = [config["experiment"]["width"] for config in configs_of("symmetry", having, scale)]
    assert swept == list(ours[f"{kind}_widths"])
    assert ours[f"{kind}_widest"] == max(swept)


@pytest.mark.slow
@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize(("layers", "normalised"), [("all", True), ("first", False)])
def test_twins_are_of_the_network_with_small_batches_and_weight_decay(
    scale: str, layers: str, normalised: bool
) -> None:
    """With batch norm, which swallows the factor of each layer; without, where the second layer undoes the first."""
    (config,) = configs_of("direction_normalization", {"landscape.twins_line.layers": layers}, scale)
    ours = values("direction_normalization", scale)
    assert config["optimizer"]["weight_decay"] == ours.weight_decay
    assert config["data"]["batch_size"] == ours.small_batch
    assert {node["layers"] for node in config["landscape"].values()} == {layers}
    norms = [m for m in build_network(config).modules() if "BatchNorm" in type(m).__name__]
    assert bool(norms) == normalised


def test_steps_of_scale_digits_are_timed_one_at_a_time_on_one_thread() -> None:
    whole = compose_config(["experiment=distance_cost/digits"])
    assert (whole.hydra.launcher.jobs, whole.hydra.launcher.threads) == (1, 1)
    assert whole.landscape.step_time.clock == "processor"


def test_only_the_projects_own_experiments_have_no_table() -> None:

    assert set(experiments()) - set(named_in("SETTINGS")) == {
        "distance_kernels",
        "distance_toy",
        "weight_precision",
        "weight_spectra",
    }
