"""What landscapes name that lies elsewhere: other runs, snapshots, files; in mappings, and in lists of them."""

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
import xarray as xr
from safetensors.torch import save_file
from small_runs import run_of, small, trained

from lossatlas.files import sha256
from lossatlas.landscape.survey import survey
from lossatlas.runs.check import check_jobs
from lossatlas.runs.composition.compose import compose_job
from lossatlas.runs.composition.job import ConfigError, Job
from lossatlas.runs.dry_run import stand_ins, unrehearsed_snapshots
from lossatlas.runs.store.fingerprint import LANDSCAPE_VERSION, digest, landscape_path
from lossatlas.runs.store.references import arguments, check_snapshots, replaced
from lossatlas.runs.store.store import Run, Store, find_run, named_run, run_and_weights
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


def test_nodes_of_one_known_key_are_replaced_at_any_depth_and_others_copied() -> None:
    node = {
        "through": [{"run": ["a"]}, {"run": ["b"]}],
        "inner": {"deep": [{"weights": "w"}]},
        "run": 1,
        "list": [[1, 2], "x"],
    }
    assert replaced(node, {"run": tuple, "weights": str.upper}) == {
        "through": [("a",), ("b",)],
        "inner": {"deep": ["W"]},
        "run": 1,
        "list": [[1, 2], "x"],
    }


def test_what_is_replaced_is_handed_over_as_it_is_unless_hydra_has_to_make_what_holds_it() -> None:
    node = {"_target_": "f", "points": 3, "other": {"run": []}, "along": {"_target_": "g", "to": {"run": []}}}
    tensor = torch.ones(1)
    configured, given = arguments(node, {"run": lambda _: {"w": tensor}})
    assert configured == {"_target_": "f", "points": 3, "along": {"_target_": "g", "to": {"w": tensor}}}
    assert given["other"]["w"] is tensor


@pytest.mark.parametrize(
    ("wanted", "kept", "message"),
    [
        ("all", [], r"^the run keeps no snapshots: train it with study\.snapshot_epochs=\[0,1,2\], say$"),
        ([0], [], "^the run keeps no snapshots"),
        ([0, 3], [2, 0], r"^there is no snapshot of epoch 3; study\.snapshot_epochs has 0, 2$"),
        ("some", [0], "^snapshots: expected all, or a list of epochs, got 'some'$"),
        ([0.5], [0], r"^snapshots: expected all, or a list of epochs, got \[0\.5\]$"),
        ([], [0], r"^snapshots: expected all, or a list of epochs, got \[\]$"),
    ],
)
def test_snapshots_that_are_not_kept_are_refused(wanted: Any, kept: list[int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check_snapshots(wanted, kept)


def test_the_path_of_a_landscape_depends_on_what_its_nodes_name(tmp_path: Path) -> None:
    run = Run(tmp_path / "runs" / "aa")
    file = tmp_path / "w.pt"

    def path(node: dict[str, Any], weights: str | None = None) -> Path | None:
        return landscape_path(run, "x", node, lambda value: Run(tmp_path / "runs" / value[0]), weights)

    key = digest({"version": LANDSCAPE_VERSION, "node": {"others": ["b", "c"]}})
    assert path({"others": [{"run": ["b"]}, {"run": ["c"]}]}) == run.landscapes / f"x-{key}.nc"
    assert path({"others": [{"run": ["c"]}, {"run": ["b"]}]}) != run.landscapes / f"x-{key}.nc"
    assert path({"others": [{"run": ["aa"]}]}) is None
    assert path({"others": [{"run": ["aa"]}]}, weights="digest") is not None
    assert path({"s": {"snapshots": [0]}}) != path({"s": {"snapshots": "all"}})
    file.write_bytes(b"one")
    first = path({"other": {"weights": str(file)}})
    moved = file.rename(tmp_path / "elsewhere.pt")
    assert path({"other": {"weights": str(moved)}}) == first
    moved.write_bytes(b"two")
    assert path({"other": {"weights": str(moved)}}) != first


def test_snapshots_become_the_kept_weights_in_order_and_then_the_final_ones(tmp_path: Path) -> None:
    config = small(tmp_path, "study.snapshot_epochs=[1,0]")
    run = trained(config)
    states = Surveyor(run, config, no_other_run)._states["snapshots"]
    expected = {0: run.snapshot(0), 1: run.snapshot(1), 2: run.state()}
    for wanted, epochs in (("all", [0, 1, 2]), ([1], [1, 2])):
        found = states(wanted)
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


def test_a_survey_with_a_version_of_its_own_is_not_found_under_its_older_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At any depth; landscapes of other surveys stay where they are."""
    module = ModuleType("a")
    monkeypatch.setitem(sys.modules, "a", module)
    run = Run(tmp_path / "abc")
    nodes: list[dict[str, Any]] = [
        {"_target_": "a.way", "points": 3},
        {"_target_": "a.twins", "survey": {"_target_": "a.way"}},
        {"_target_": "a.twins", "surveys": [{"_target_": "a.way"}]},
        {"_target_": "a.line", "points": 3},
    ]
    paths = []
    for version in (1, 2, 3):
        vars(module)["way"] = survey(products=None, version=version)(lambda problem: xr.Dataset())
        paths.append([landscape_path(run, "x", node, no_other_run) for node in nodes])
    assert [len(set(of_node)) for of_node in zip(*paths, strict=True)] == [3, 3, 3, 1]


def test_the_final_weights_do_not_come_twice_where_the_last_epoch_is_kept(tmp_path: Path) -> None:
    config = small(tmp_path, "study.snapshot_epochs=[0,2]")
    states = Surveyor(trained(config), config, no_other_run)._states["snapshots"]
    assert list(states("all")) == [0, 2]


def job(tmp_path: Path, node: dict[str, Any], *overrides: str) -> Job:
    composed = compose_job(["data=synthetic_blobs", "model=mlp", "logger=none", *overrides])
    composed.config["paths"]["runs"] = str(tmp_path)
    return Job(composed.overrides, {**composed.config, "landscape": {"trajectory": node}})


def test_a_trajectory_is_rehearsed_with_as_many_networks_as_it_will_have(tmp_path: Path) -> None:
    given = job(tmp_path, TRAJECTORY, "study.snapshot_epochs=[0,1,2]")
    check_jobs([given])
    network = torch.nn.Linear(2, 2)
    states = stand_ins(given, network)["snapshots"]("all")
    assert list(states) == [0, 1, 2, given.config["epochs"]]
    flat = torch.stack([state["weight"].flatten() for state in states.values()])
    assert torch.linalg.matrix_rank(flat[:-1] - flat[-1]) == 3


def test_of_many_snapshots_a_few_are_rehearsed_and_the_others_counted(tmp_path: Path) -> None:
    kept = ",".join(map(str, range(30)))
    given = job(tmp_path, TRAJECTORY, f"study.snapshot_epochs=[{kept}]")
    states = stand_ins(given, torch.nn.Linear(2, 2))["snapshots"]("all")
    assert list(states) == [*range(8), 30]
    assert unrehearsed_snapshots(given, TRAJECTORY) == 22
    assert unrehearsed_snapshots(given, {**TRAJECTORY, "snapshots": {"snapshots": [3, 4]}}) == 0


def test_a_trajectory_without_snapshots_is_refused_before_training(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"^landscape\.trajectory: the run keeps no snapshots: train it with"
    ):
        check_jobs([job(tmp_path, TRAJECTORY)])


def test_files_and_fingerprints_are_rehearsed_with_the_weights_that_they_name(tmp_path: Path) -> None:
    run = trained(small(tmp_path))
    given = job(tmp_path, {})
    network = torch.nn.Linear(2, 2)
    save_file(network.state_dict(), tmp_path / "w.safetensors")
    named = stand_ins(given, network)
    assert torch.equal(named["weights"](str(tmp_path / "w.safetensors"))["weight"], network.weight)
    with pytest.raises(ValueError, match="holds another network's weights: it lacks weight"):
        named["run"](run.fingerprint)
    with pytest.raises(ValueError, match=r"^run: expected overrides, .* got 7$"):
        named["run"](7)


def test_a_run_is_found_by_the_beginning_of_its_fingerprint_its_folder_or_a_file_in_it(
    tmp_path: Path,
) -> None:
    config = small(tmp_path, *KEPT)
    run, store = trained(config), Store(tmp_path)
    for text in (run.fingerprint, run.fingerprint[:4], str(run.folder)):
        assert find_run(store, text).folder == run.folder
    assert run_and_weights(store, str(run.weights_path))[1] is None
    found, weights = run_and_weights(store, str(run.snapshot_path(1)))
    assert (found.folder, weights) == (run.folder, run.snapshot_path(1))
    assert named_run(run.fingerprint, config, no_other_run).folder == run.folder
    assert named_run(["seed=1"], config, lambda overrides: Run(Path(overrides[0]))).fingerprint == "seed=1"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("abce1", r"^abce1: no such run in .*; did you mean abcd1\?$"),
        ("abcd", "^abcd: 2 runs begin with it: abcd1, abcd2$"),
        ("zz", "^zz: no such run in .*; expected one of abcd1, abcd2, ef$"),
        ("", "^: no such run"),
    ],
)
def test_a_run_that_is_not_there_is_told_with_the_nearest(tmp_path: Path, text: str, message: str) -> None:
    for name in ("abcd1", "abcd2", "ef"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "manifest.json").write_text("{}")
    with pytest.raises(ValueError, match=message):
        find_run(Store(tmp_path), text)


def test_of_many_runs_the_error_does_not_list_all(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"^q: no such run; there are no runs in "):
        find_run(Store(tmp_path), "q")
    for index in range(9):
        (tmp_path / f"abc{index}").mkdir()
        (tmp_path / f"abc{index}" / "manifest.json").write_text("{}")
    with pytest.raises(ValueError, match=r"^q: no such run in .*/; lossatlas runs lists them$"):
        find_run(Store(tmp_path), "q")


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
