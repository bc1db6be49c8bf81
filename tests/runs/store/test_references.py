"""What studies and landscapes name that lies elsewhere: in mappings, and in lists of them; and runs in the store."""

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
import xarray as xr
from small_runs import small, trained

from lossatlas.files import sha256
from lossatlas.landscape.survey import survey
from lossatlas.runs.store.fingerprint import LANDSCAPE_VERSION, digest, landscape_path
from lossatlas.runs.store.lookup import find_run, named_run, run_and_weights
from lossatlas.runs.store.references import KINDS, Reference, arguments, references, substituted
from lossatlas.runs.store.store import Run, Store

KEPT = ("study.snapshot_epochs=[0,1]",)


def no_other_run(value: Any) -> Run:
    raise AssertionError(f"nobody asked for {value}")


def test_references_of_a_kind_are_replaced_at_any_depth_and_all_else_is_copied() -> None:
    node = {
        "through": [{"run": ["a"]}, {"run": ["b"]}],
        "inner": {"deep": [{"weights": "w"}]},
        "run": 1,
        "list": [[1, 2], "x"],
    }
    kinds = ("run", "weights")
    assert substituted(node, lambda reference: (reference.kind, *reference.value), kinds) == {
        "through": [("run", "a"), ("run", "b")],
        "inner": {"deep": [("weights", "w")]},
        "run": 1,
        "list": [[1, 2], "x"],
    }
    assert substituted(node, lambda reference: 0, kinds=("weights",)) == {**node, "inner": {"deep": [0]}}
    assert [reference.kind for reference in references(node)] == ["run", "run", "weights"]


def test_what_is_replaced_is_handed_over_as_it_is_unless_hydra_has_to_make_what_holds_it() -> None:
    node = {"_target_": "f", "points": 3, "other": {"run": []}, "along": {"_target_": "g", "to": {"run": []}}}
    tensor = torch.ones(1)
    configured, given = arguments(node, lambda _: {"w": tensor})
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
        Reference("snapshots", wanted).among(kept)


@pytest.mark.parametrize(
    ("wanted", "kept", "message"),
    [
        ("all", [], "^the run keeps no members: study=snapshot keeps one at the end of each cycle, say$"),
        ([2], range(2), r"^there is no member 2; the run has 2, numbered from 0$"),
        ([True], range(2), r"^members: expected all, or a list of numbers, got \[True\]$"),
    ],
)
def test_members_that_are_not_kept_are_refused(wanted: Any, kept: range, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Reference("members", wanted).among(kept)


@pytest.mark.parametrize("kind", KINDS)
def test_a_value_of_another_kind_is_told_with_the_key_and_what_is_expected(kind: str) -> None:
    for wrong in (None, 0.5, {"a": 1}, [1, "a"]):
        with pytest.raises(ValueError, match=rf"^{kind}: expected .*, got "):
            Reference(kind, wrong).check()


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        *(("run", value) for value in ("3f0c", [], ["seed=1"])),
        *(("snapshots", value) for value in ("all", [0, 3])),
        *(("curve", value) for value in ("3f0c", [], ["seed=1"])),
        ("weights", "w.pt"),
        ("augment", 0),
    ],
)
def test_what_its_kind_takes_is_taken(kind: str, value: Any) -> None:
    Reference(kind, value).check()
    assert Reference(kind, value).is_own == (kind == "curve" and value == [])


def test_what_is_hashed_is_a_fingerprint_the_bytes_of_a_file_or_what_is_written(tmp_path: Path) -> None:
    (tmp_path / "w.pt").write_bytes(b"weights")
    written = {"members": "all", "snapshots": [0], "augment": 3}
    expected = {
        "run": "3f0c",
        "members_of": {"members_of": "3f0c"},
        "curve": {"curve": "3f0c"},
        "weights": sha256(tmp_path / "w.pt"),
        **{kind: {kind: value} for kind, value in written.items()},
    }
    values = {**{kind: ["seed=1"] for kind in expected}, "weights": str(tmp_path / "w.pt"), **written}
    for kind in KINDS:
        assert Reference(kind, values[kind]).hashed(lambda named: "3f0c") == expected[kind]


def test_the_place_in_a_file_of_weights_stands_beside_it_and_is_hashed_if_it_is_written(
    tmp_path: Path,
) -> None:
    (tmp_path / "w.pt").write_bytes(b"weights")
    node = {
        "others": [{"weights": str(tmp_path / "w.pt"), "ckpt_key": "net"}, {"weights": "v.pt"}],
        "points": 3,
    }
    one, other = references(node)
    assert (one.kind, one.value, one.ckpt_key) == ("weights", str(tmp_path / "w.pt"), "net")
    assert other == Reference("weights", "v.pt")
    assert one.hashed(lambda named: "3f0c") == {"weights": sha256(tmp_path / "w.pt"), "ckpt_key": "net"}
    assert list(references({"run": "3f0c", "ckpt_key": "net"})) == []
    with pytest.raises(
        ValueError, match=r"^ckpt_key: expected a place in the file, as state_dict\.ema, got 7$"
    ):
        Reference("weights", "w.pt", 7).check()


def test_the_members_of_this_run_are_hashed_as_those_of_another_would_be(tmp_path: Path) -> None:
    """Surveyed on one run or named from another, they lie under different runs, but in settings of one form."""
    run = Run(tmp_path / "aa")
    key = digest({"version": LANDSCAPE_VERSION, "node": {"of": {"members_of": "aa"}}})
    assert (
        landscape_path(run, "x", {"of": {"members_of": []}}, no_other_run) == run.landscapes / f"x-{key}.nc"
    )


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


def test_an_option_that_a_survey_was_given_later_leaves_the_names_of_older_datasets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the value at which the numbers are the older ones; at any depth."""
    module = ModuleType("a")
    monkeypatch.setitem(sys.modules, "a", module)
    vars(module)["way"] = survey(products=None, added={"convention": "lossatlas"})(
        lambda problem, convention="lossatlas": xr.Dataset()
    )
    run = Run(tmp_path / "abc")

    def paths(**settings: str) -> list[Path | None]:
        way = {"_target_": "a.way", "points": 3, **settings}
        nodes = [way, {"_target_": "a.twins", "surveys": [way]}]
        return [landscape_path(run, "x", node, no_other_run) for node in nodes]

    assert paths() == paths(convention="lossatlas")
    assert not set(paths()) & set(paths(convention="li2018"))


def test_a_version_of_some_settings_alone_leaves_the_others_where_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = ModuleType("a")
    monkeypatch.setitem(sys.modules, "a", module)
    nodes: list[dict[str, Any]] = [{"_target_": "a.way"}, {"_target_": "a.way", "fast": True}]
    paths = []
    for version in (1, lambda fast, **_: 2 if fast else 1):
        vars(module)["way"] = survey(products=None, version=version)(lambda problem, fast=False: xr.Dataset())
        paths.append([landscape_path(Run(tmp_path / "abc"), "x", node, no_other_run) for node in nodes])
    assert [len(set(of_node)) for of_node in zip(*paths, strict=True)] == [1, 2]


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


def test_what_a_survey_names_was_what_it_is_at_the_values_of_keys_that_came_later(tmp_path: Path) -> None:
    def path(**given: Any) -> Path | None:
        timed = {"_target_": "lossatlas.optim.HessianFree", "damping": 1.0, **given}
        node = {"_target_": "lossatlas.landscape.step_timing", "optimizers": {"curved": timed}}
        return landscape_path(Run(tmp_path / "abc"), "x", node, no_other_run)

    assert path() == path(preconditioner="none") == path(preconditioner="none", probes=10)
    assert path() != path(probes=11) != path(damping=2.0)
