"""What takes the place of what landscapes name, and what stands in for it before it is trained."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from small_runs import SMALL, run_of, small, trained

from lossatlas.files import sha256
from lossatlas.runs.build import build_network
from lossatlas.runs.check import check_jobs
from lossatlas.runs.composition.compose import compose_job
from lossatlas.runs.composition.job import ConfigError, Job
from lossatlas.runs.ensure import perform, perform_other
from lossatlas.runs.resolve import Planned, resolved, snapshots_left_out
from lossatlas.runs.store.fingerprint import landscape_path
from lossatlas.runs.store.references import KINDS, Reference
from lossatlas.runs.store.store import Run
from lossatlas.runs.surveyor import Surveyor

KEPT = ("study.snapshot_epochs=[0,1]",)
TRAJECTORY = {
    "_target_": "lossatlas.landscape.trajectory",
    "snapshots": {"snapshots": "all"},
    "points": 3,
    "draws": 1,
}


def no_other_run(value: Any) -> Run:
    raise AssertionError(f"nobody asked for {value}")


def test_snapshots_become_the_kept_weights_in_order_and_then_the_final_ones(tmp_path: Path) -> None:
    config = small(tmp_path, "study.snapshot_epochs=[1,0]")
    run = trained(config)
    surveyed = Surveyor(run, config, no_other_run).surveyed
    expected = {0: run.snapshot(0), 1: run.snapshot(1), 2: run.state()}
    for wanted, epochs in (("all", [0, 1, 2]), ([1], [1, 2])):
        found = resolved(Reference("snapshots", wanted), surveyed)
        assert list(found) == epochs
        for epoch, state in found.items():
            assert all(torch.equal(state[name], tensor) for name, tensor in expected[epoch].items())


def test_a_survey_is_told_the_epochs_of_the_snapshots(tmp_path: Path) -> None:
    config = small(tmp_path, "epochs=4", "study.snapshot_epochs=[0,1,3]")
    dataset = Surveyor(trained(config), config, no_other_run).survey("trajectory", TRAJECTORY)
    assert dataset is not None
    assert dataset.snapshot.values.tolist() == [0, 1, 3, 4]
    assert dataset.snapshot.attrs["units"] == "epoch"


def test_principal_directions_take_the_snapshots_too(tmp_path: Path) -> None:
    config = small(tmp_path, "epochs=4", "study.snapshot_epochs=[0,1,3]")
    along = {"_target_": "lossatlas.landscape.PrincipalDirections", "snapshots": {"snapshots": "all"}}
    node = {"_target_": "lossatlas.landscape.line", "along": along, "points": 3}
    dataset = Surveyor(trained(config), config, no_other_run).survey("line", node)
    assert dataset is not None
    assert dataset.sizes["direction"] == 2


def test_the_final_weights_do_not_come_twice_where_the_last_epoch_is_kept(tmp_path: Path) -> None:
    config = small(tmp_path, "study.snapshot_epochs=[0,2]")
    surveyed = Surveyor(trained(config), config, no_other_run).surveyed
    assert list(resolved(Reference("snapshots", "all"), surveyed)) == [0, 2]


def job(tmp_path: Path, node: dict[str, Any], *overrides: str) -> Job:
    composed = compose_job(["data=synthetic_blobs", "model=mlp", "logger=none", *overrides])
    composed.config["paths"]["runs"] = str(tmp_path)
    return Job(composed.overrides, {**composed.config, "landscape": {"trajectory": node}})


def test_a_trajectory_has_a_dry_run_with_as_many_networks_as_it_will_have(tmp_path: Path) -> None:
    given = job(tmp_path, TRAJECTORY, "study.snapshot_epochs=[0,1,2]")
    check_jobs([given])
    network = torch.nn.Linear(2, 2)
    states = resolved(Reference("snapshots", "all"), Planned(given, network))
    assert list(states) == [0, 1, 2, given.config["epochs"]]
    flat = torch.stack([state["weight"].flatten() for state in states.values()])
    assert torch.linalg.matrix_rank(flat[:-1] - flat[-1]) == 3


def test_of_many_snapshots_a_few_have_stand_ins_and_the_others_counted(tmp_path: Path) -> None:
    kept = ",".join(map(str, range(30)))
    given = job(tmp_path, TRAJECTORY, f"study.snapshot_epochs=[{kept}]")
    states = resolved(Reference("snapshots", "all"), Planned(given, torch.nn.Linear(2, 2)))
    assert list(states) == [*range(8), 30]
    assert snapshots_left_out(given, TRAJECTORY) == 22
    assert snapshots_left_out(given, {**TRAJECTORY, "snapshots": {"snapshots": [3, 4]}}) == 0


def test_a_trajectory_without_snapshots_is_refused_before_training(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"^landscape\.trajectory: the run keeps no snapshots: train it with"
    ):
        check_jobs([job(tmp_path, TRAJECTORY)])


def test_files_and_fingerprints_stand_in_by_the_weights_that_they_name(tmp_path: Path) -> None:
    run = trained(small(tmp_path))
    planned = Planned(job(tmp_path, {}), network := torch.nn.Linear(2, 2))
    save_file(network.state_dict(), tmp_path / "w.safetensors")
    found = resolved(Reference("weights", str(tmp_path / "w.safetensors")), planned)
    assert torch.equal(found["weight"], network.weight)
    with pytest.raises(ValueError, match="holds another network's weights: it lacks weight"):
        resolved(Reference("run", run.fingerprint), planned)
    with pytest.raises(ValueError, match=r"^run: expected overrides, .* got 7$"):
        resolved(Reference("run", 7), planned)


def values(tmp_path: Path, kind: str) -> Any:
    save_file(build_network(small(tmp_path)).state_dict(), tmp_path / "w.safetensors")
    return {
        "run": ["seed=1"],
        "snapshots": "all",
        "members": "all",
        "members_of": ["seed=1"],
        "curve": [],
        "weights": str(tmp_path / "w.safetensors"),
        "augment": 3,
    }[kind]


STUDIES = {
    "curve": ("study=curve", "study.ends=[{run: ['seed=1']}, {run: ['seed=2']}]"),
    "members": ("study=snapshot", "scheduler=cyclic_cosine", "scheduler.cycles=2"),
}
STUDIES |= {"members_of": STUDIES["members"]}


def shape_of(found: Any) -> Any:
    """Names and shapes of what took a reference's place, of images but those of one."""
    if isinstance(found, Mapping):
        return {name: shape_of(value) for name, value in found.items()}
    if isinstance(found, tuple):
        return [tensor.shape[1:] for tensor in found]
    return found.shape if isinstance(found, torch.Tensor) else type(found)


@pytest.mark.parametrize("kind", KINDS)
def test_a_stand_in_is_of_the_form_of_what_it_stands_for(tmp_path: Path, kind: str) -> None:
    given = compose_job(
        [*SMALL, *STUDIES.get(kind, ()), *(KEPT if kind == "snapshots" else ()), f"paths.runs={tmp_path}"]
    )
    surveyor = Surveyor(perform(given), given.config, lambda value: perform_other(given, value))
    reference = Reference(kind, values(tmp_path, kind))
    planned = Planned(given, build_network(given.config))
    assert shape_of(resolved(reference, planned)) == shape_of(resolved(reference, surveyor.surveyed))


OTHER = ["model.width=3"]
SAME_SHAPES = ["model.activation=tanh"]


@pytest.mark.parametrize("kind", ["run", "members_of"])
@pytest.mark.parametrize("overrides", [OTHER, SAME_SHAPES, ["seed=1"]])
def test_a_run_of_another_architecture_is_a_network_where_a_survey_takes_it(
    tmp_path: Path, kind: str, overrides: list[str]
) -> None:
    """Also where its weights would fit; beforehand a network beside that with which it begins."""
    given = compose_job([*SMALL, *STUDIES["members"], f"paths.runs={tmp_path}"])
    planned = Planned(given, build_network(given.config))
    surveyed = Surveyor(perform(given), given.config, lambda value: perform_other(given, value)).surveyed
    reference = Reference(kind, overrides)
    there, before = (resolved(reference, source, any_network=True) for source in (surveyed, planned))
    assert shape_of(there) == shape_of(before)
    run = perform_other(given, overrides)
    last = there if kind == "run" else there[1]  # of two cycles
    assert isinstance(last, torch.nn.Module) == (overrides != ["seed=1"])
    state = last.state_dict() if isinstance(last, torch.nn.Module) else last
    expected = run.state() if kind == "run" else run.member(1)
    assert all(torch.equal(state[name], tensor) for name, tensor in expected.items())
    if overrides == OTHER:
        with pytest.raises(ValueError, match="holds another network's weights"):
            resolved(reference, surveyed)


def ensemble_of(*overrides: str) -> dict[str, Any]:
    return {
        "_target_": "lossatlas.landscape.ensemble",
        "own": True,
        "members": [{"run": list(overrides)}],
        "splits": ["test"],
    }


def test_an_ensemble_of_a_run_has_networks_of_others_architectures(tmp_path: Path) -> None:
    given = compose_job([*SMALL, f"paths.runs={tmp_path}"])
    surveyor = Surveyor(perform(given), given.config, lambda value: perform_other(given, value))
    alone = {}
    for name, overrides in (("other", OTHER), ("tanh", SAME_SHAPES)):
        found = surveyor.survey("ensemble", ensemble_of(*overrides))
        assert found is not None
        alone[name] = perform_other(given, overrides).manifest().metrics["test_loss"]
        assert found.member_nll.sel(split="test")[1].item() == pytest.approx(alone[name], rel=1e-5)
        assert found.attrs["networks"] == "VGG, VGG"
    assert alone["other"] != alone["tanh"]


def test_a_member_of_other_classes_or_images_is_refused_before_training(tmp_path: Path) -> None:
    for overrides, message in (
        (
            ["data.classes=3"],
            "member 1, VGG, tells 3 classes apart, the network 4: the members of an ensemble",
        ),
        (["data.shape=[3,8,8]"], "member 1, VGG, does not take inputs of .1, 8, 8., those of split 'train'"),
    ):
        composed = job(tmp_path, {}, *SMALL)
        node = ensemble_of(*overrides)
        with pytest.raises(ConfigError, match=rf"^landscape\.ensemble: {message}"):
            check_jobs([Job(composed.overrides, {**composed.config, "landscape": {"ensemble": node}})])


def test_the_place_in_a_file_counts_where_the_file_holds_several_networks(tmp_path: Path) -> None:
    config = small(tmp_path)
    surveyor = Surveyor(trained(config), config, no_other_run)
    state = build_network(config).state_dict()
    net, ema = (
        {f"{at}.{name}": tensor + k for name, tensor in state.items()}
        for k, at in enumerate(("net", "ema.module"))
    )
    file = tmp_path / "w.ckpt"

    def node(*place: str) -> dict[str, Any]:
        return {"others": [{"weights": str(file)} | ({"ckpt_key": place[0]} if place else {})]}

    torch.save({"state_dict": net}, file)
    assert surveyor.path("x", node()) == surveyor.path("x", node("state_dict.net"))
    torch.save({"state_dict": net | ema}, file)
    paths = [surveyor.path("x", node(f"state_dict.{place}")) for place in ("net", "ema", "ema.module")]
    assert len(set(paths)) == 2
    assert paths[1] == paths[2]
    found = resolved(Reference("weights", str(file), "state_dict.ema"), surveyor.surveyed)
    assert all(torch.equal(found[name], tensor + 1) for name, tensor in state.items())
    with pytest.raises(ValueError, match="holds 2 networks that fit"):
        resolved(Reference("weights", str(file)), surveyor.surveyed)


def test_weights_of_another_time_have_landscapes_of_their_own(tmp_path: Path) -> None:
    config = small(tmp_path, *KEPT)
    run = trained(config)
    early, late = (Surveyor(run, config, no_other_run, weights=run.snapshot_path(epoch)) for epoch in (0, 1))
    paths = {surveyor.path("x", {}) for surveyor in (early, late, Surveyor(run, config, no_other_run))}
    assert len(paths) == 3
    digest_of_file = sha256(run.snapshot_path(0))
    assert early.path("x", {}) == landscape_path(run, "x", {}, no_other_run, digest_of_file)
    expected = run.snapshot(0)
    state = early.problem.model.state_dict()
    assert all(torch.equal(state[name], tensor) for name, tensor in expected.items())
    assert run_of(config).folder == run.folder
