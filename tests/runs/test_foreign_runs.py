"""Runs that somebody else has written: surveyed like one's own, but they run no code and write nowhere else."""

import hashlib
import json
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from hydra.core.global_hydra import GlobalHydra
from small_runs import SMALL, Config, manifest_of, run_of, small

from lossatlas.runs.composition.compose import compose_job
from lossatlas.runs.composition.foreign import recorded_config, recorded_overrides
from lossatlas.runs.composition.overrides import Overrides
from lossatlas.runs.ensure import ensure
from lossatlas.runs.run_files import check_owner
from lossatlas.runs.store.manifest import RecordRefused
from lossatlas.runs.store.store import Run, Store, StoreError
from lossatlas.runs.subjects import Subject, subject_of_run
from lossatlas.runs.surveyor import Surveyor

THEIRS = """
from pathlib import Path

from torch import nn


def draw(network, generator):
    Path(__file__).with_name("mark").touch()


class Net(nn.Sequential):
    def __init__(self, input_shape, classes):
        super().__init__(nn.Flatten(), nn.Linear(input_shape[1] * input_shape[2], classes))
"""
LINE = ("landscape=line", "landscape.line.points=3", "landscape.line.directions=1", "logger=none")


KINDS: dict[str, tuple[str, ...]] = {
    "plain": (),
    "drawn": ("init._target_=theirs_module.draw", "~init.mode", "~init.linear_std"),
    "whole": (
        *("model=own", "model._target_=theirs_module.Net", "+model.input_shape=${data.shape}"),
        *(
            "+model.classes=${data.classes}",
            "init._target_=theirs_module.draw",
            "~init.mode",
            "~init.linear_std",
        ),
    ),
}


def become(name: str, patch: pytest.MonkeyPatch, settings: Path) -> None:
    """Be another user, whose key is another's than those of the others."""
    patch.setenv("XDG_CONFIG_HOME", str(settings / name))


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with the module that somebody has, their settings, and a store of theirs for each of `KINDS`."""
    folder = tmp_path_factory.mktemp("somebody")
    (folder / "theirs_module.py").write_text(THEIRS)
    with pytest.MonkeyPatch.context() as patch:
        become("somebody", patch, folder / "settings")
        patch.syspath_prepend(folder)
        for kind, overrides in KINDS.items():
            words = Overrides(SMALL).merged(["epochs=1", *overrides])
            ensure(compose_job([*words, f"paths.runs={folder / kind}"]).config, overrides=words)
    GlobalHydra.instance().clear()
    sys.modules.pop("theirs_module", None)
    return folder


@pytest.fixture
def as_user(
    originals: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[str], None]]:
    """Function that makes somebody the user, who at first is "me". All have the module, of which a mark would tell."""
    shutil.copy(originals / "theirs_module.py", tmp_path)
    shutil.copytree(originals / "settings", tmp_path / "settings")
    monkeypatch.syspath_prepend(tmp_path)
    become("me", monkeypatch, tmp_path / "settings")
    yield lambda name: become(name, monkeypatch, tmp_path / "settings")
    sys.modules.pop("theirs_module", None)


@pytest.fixture
def foreign(originals: Path, tmp_path: Path, as_user: Callable[[str], None]) -> Callable[[str], Run]:
    """Function from a kind to a run of somebody else's, in the user's store."""

    def copied(kind: str = "plain") -> Run:
        shutil.copytree(originals / kind, tmp_path / "runs")
        (run,) = Store(tmp_path / "runs").runs()
        return run

    return copied


@pytest.fixture
def mine(tmp_path: Path, foreign: Callable[[str], Run]) -> Run:
    """A run of the user's own, that of `config`."""
    run = foreign("plain")
    manifest = manifest_of(run)
    run.write_manifest(manifest)  # which signs it
    return run


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """The configuration of the plain run."""
    return small(tmp_path / "runs", "epochs=1")


def subject(run: Run, *overrides: str) -> Subject:
    return subject_of_run(str(run.folder), [*LINE, *overrides])


def losses(subject: Subject) -> list[float]:
    found = Surveyor(subject.run, subject.job.config, subject.other_run).survey_all()
    return list(found["line"].loss.values.ravel())


def test_a_run_of_somebody_else_is_surveyed_as_it_is_by_them(
    foreign: Callable[..., Run], as_user: Callable[[str], None]
) -> None:
    run = foreign()
    assert not run.is_own()
    mine = losses(subject(run))
    shutil.rmtree(run.landscapes)
    as_user("somebody")
    assert run.is_own()
    assert losses(subject(run)) == mine


def test_a_target_of_somebody_else_is_refused_by_name_and_neither_called_nor_imported(
    tmp_path: Path, foreign: Callable[..., Run]
) -> None:
    run = foreign("drawn")
    message = (
        rf"^run {run.fingerprint}: init\._target_=theirs_module\.draw: this installation has not written the run, "
        r"and that could run code; if you know it, allow it by name: runtime\.trust=\[theirs_module\.draw\]$"
    )
    with pytest.raises(StoreError, match=message):
        subject(run)
    assert not (tmp_path / "mark").exists()
    assert "theirs_module" not in sys.modules


def test_what_is_allowed_by_name_is_used(tmp_path: Path, foreign: Callable[..., Run]) -> None:
    run = foreign("whole")
    with pytest.raises(StoreError, match=r"trust=\[theirs_module\.Net,theirs_module\.draw\]"):
        subject(run)
    assert losses(subject(run, "runtime.trust=[theirs_module.Net,theirs_module.draw]"))
    assert (tmp_path / "mark").exists()


@pytest.mark.parametrize(("given", "refused"), [("theirs_module.Net", True), ("3", False), ("[1]", False)])
def test_what_is_trusted_is_a_list_of_names_or_one(
    foreign: Callable[..., Run], given: str, refused: bool
) -> None:
    """Not a text in which a name happens to stand."""
    message = (
        r"trust=\[theirs_module\.draw\]$" if refused else r"^runtime\.trust=.*: expected names of targets"
    )
    with pytest.raises(ValueError, match=message):
        subject(foreign("whole"), f"runtime.trust={given}")


def test_who_has_trained_a_network_of_their_own_need_not_allow_it(
    foreign: Callable[..., Run], as_user: Callable[[str], None]
) -> None:
    run = foreign("whole")
    as_user("somebody")
    assert losses(subject(run))


def test_a_run_of_a_version_without_signatures_is_read_as_one_of_somebody_else(mine: Run) -> None:
    assert mine.is_own()
    rewrite(mine, lambda value: value.pop("signature"))
    assert mine.is_finished()
    assert not mine.is_own()
    assert subject(mine).job.config["model"] == mine.config()["model"]


def test_the_overrides_of_somebody_else_s_run_are_held_to_the_same(foreign: Callable[..., Run]) -> None:
    """Composing further runs from them would make the network already, to see what it takes."""
    run = foreign()
    rewrite(run, lambda value: value["overrides"].append("model._target_=theirs_module.Net"))
    with pytest.raises(
        StoreError, match=r"model\._target_=theirs_module\.Net: .*trust=\[theirs_module\.Net\]"
    ):
        subject(run)
    assert "theirs_module" not in sys.modules
    for override in ("+model.act={_target_: theirs_module.Net}", "++study.x=[{_target_: theirs_module.Net}]"):
        rewrite(run, lambda value, text=override: value.update(overrides=[text]))
        with pytest.raises(StoreError, match=r"_target_=theirs_module\.Net"):
            recorded_overrides(run, [], compose_job)
    rewrite(run, lambda value: value.update(overrides=["hydra.searchpath=[/elsewhere]", "seed=1", "seed=2"]))
    assert recorded_overrides(run, [], compose_job) == ("seed=2",)
    for override, reason in (("seed=1,2", "each has one value"), ("seed=[", "cannot be read as an override")):
        rewrite(run, lambda value, text=override: value.update(overrides=[text]))
        with pytest.raises(StoreError, match=reason):
            recorded_overrides(run, [], compose_job)


@pytest.mark.parametrize(
    ("override", "refused"),
    [
        ("model={up}{here}/choice", None),
        ("model@model={up}{here}/choice", "of another package"),
        ("+model@hydra=mlp", "of another package"),
        ("study.ends=[{{run: ['model={up}{here}/choice']}}, {{run: ['seed=2']}}]", None),
        ("study.ends=[{{run: ['model._target_=theirs_module.Net']}}, {{run: ['seed=2']}}]", "theirs_module"),
    ],
)
def test_what_is_composed_from_somebody_else_s_overrides_is_held_to_the_same(
    tmp_path: Path, foreign: Callable[..., Run], override: str, refused: str | None
) -> None:
    """A choice by a path would be read from their own folder, and runs that are named are composed too.

    If nothing can be composed, there are none.
    """
    run = foreign()
    (tmp_path / "choice.yaml").write_text("_target_: theirs_module.draw\n")
    text = override.format(up="../" * 20, here=str(tmp_path).lstrip("/"))
    study = ["study=curve"] if "ends" in text else []
    rewrite(run, lambda value: value.update(overrides=[*SMALL, *study, text]))
    if refused is None:
        assert recorded_overrides(run, [], compose_job) == ()
    else:
        with pytest.raises(StoreError, match=refused):
            recorded_overrides(run, [], compose_job)
    assert "theirs_module" not in sys.modules


def test_somebody_else_s_overrides_fetch_nothing_and_trust_nobody(foreign: Callable[..., Run]) -> None:
    run = foreign()
    theirs = ["data.download=true", "data.root=/elsewhere", "runtime.trust=[theirs_module.Net]"]
    rewrite(run, lambda value: value.update(overrides=[*SMALL, *theirs]))
    assert not {"data.download", "data.root", "runtime.trust"} & set(
        recorded_overrides(run, [], compose_job).keys
    )


def test_a_run_that_a_study_names_by_its_fingerprint_is_held_to_the_same(foreign: Callable[..., Run]) -> None:
    run = foreign("drawn")
    ends = f"study.ends=[{{run: '{run.fingerprint}'}}, {{run: ['seed=2']}}]"
    named = [*SMALL, "study=curve", ends, f"paths.runs={run.folder.parent}"]
    with pytest.raises(StoreError, match=r"init\._target_=theirs_module\.draw"):
        compose_job(named)
    assert (
        compose_job([*named, "runtime.trust=[theirs_module.draw]"]).upstream[0].fingerprint == run.fingerprint
    )


def test_a_configuration_without_targets_of_theirs_is_read_without_their_places(
    foreign: Callable[..., Run],
) -> None:
    config = recorded_config(foreign(), [])
    assert {"model", "data", "init", "study", "seed"} <= config.keys()
    assert not {"paths", "runtime", "logger", "landscape", "engine"} & config.keys()


@pytest.mark.parametrize("text", ["[1, 2]", "{", "a: &a [*a]\n", "!!python/name:os.getcwd ''"])
def test_what_is_no_configuration_is_refused(foreign: Callable[..., Run], text: str) -> None:
    run = foreign()
    write_config(run, text)
    with pytest.raises(StoreError, match=rf"^{run.config_path}: no configuration \(|None: this installation"):
        recorded_config(run, [])


# What a record may say


def rewrite(run: Run, change: Callable[[dict[str, Any]], object]) -> None:
    """Change the manifest, as anybody can, whose checksum then is right."""
    value = json.loads(run.manifest_path.read_text())
    del value["checksum"]
    change(value)
    checksum = hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
    run.manifest_path.write_text(json.dumps({**value, "checksum": checksum}))


def write_config(run: Run, text: str) -> None:
    run.config_path.write_text(text)
    digest = hashlib.sha256(text.encode()).hexdigest()
    rewrite(run, lambda value: value["files_sha256"].update({"config.yaml": digest}))


@pytest.mark.parametrize(
    "name", ["../../letter.txt", "/etc/hostname", "a/../../letter.txt", "..\\letter.txt", ""]
)
def test_a_manifest_that_names_a_file_outside_is_refused_and_the_file_stays(
    tmp_path: Path, foreign: Callable[..., Run], config: Config, name: str
) -> None:
    run = foreign()
    (tmp_path / "letter.txt").write_text("not of the store")
    rewrite(run, lambda value: value["files_sha256"].update({name: "0" * 64}))
    before = run.manifest_path.read_bytes()
    with pytest.raises(RecordRefused, match="names a file outside the run's folder"):
        ensure(config)
    assert run.manifest_path.read_bytes() == before
    assert (tmp_path / "letter.txt").read_text() == "not of the store"
    assert not list(tmp_path.glob("*.damaged-*"))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda value: value.update(created="some day in May"), "Invalid isoformat string"),
        (
            lambda value: value.update(metrics={"test_error": "small"}),
            r"metrics: expected dict\[str, float\]",
        ),
        (lambda value: value.update(epochs=True), "epochs: expected int, got True"),
        (
            lambda value: value.update(status="lost"),
            "status: expected one of running, interrupted, failed, finished, got 'lost'",
        ),
        (lambda value: value.update(attempts=7), "attempts: expected list"),
        (lambda value: value["attempts"][0].pop("host"), r"attempts\.host: is missing"),
        (lambda value: value.update(members=[3]), "members: expected mappings, got 3"),
        (lambda value: value.update(energy=1), "energy: unknown key"),
        (lambda value: value.pop("seed"), "seed: is missing"),
    ],
)
def test_a_manifest_whose_checksum_is_right_is_never_thrown_away(
    foreign: Callable[..., Run], config: Config, change: Callable[[dict[str, Any]], object], reason: str
) -> None:
    run = foreign()
    rewrite(run, change)
    before = run.manifest_path.read_bytes()
    with pytest.raises(RecordRefused, match=rf"^{run.manifest_path}: cannot be used \({reason}"):
        ensure(config)
    assert run.manifest_path.read_bytes() == before


def test_a_manifest_of_a_newer_version_says_so_and_stays(mine: Run, config: Config) -> None:
    run = mine

    def newer(value: dict[str, Any]) -> None:
        value["versions"]["lossatlas"] = "99.0"
        value["energy"] = {"joules": 12.5}

    rewrite(run, newer)
    before = run.manifest_path.read_bytes()
    message = r"written by lossatlas 99\.0, newer than this \S+ \(energy: unknown key\)"
    with pytest.raises(RecordRefused, match=message):
        ensure(config)
    assert run.manifest_path.read_bytes() == before
    rewrite(run, lambda value: value.pop("energy"))  # what can be read is used
    assert ensure(config).is_finished()


def test_a_folder_that_holds_another_run_is_refused_and_stays(mine: Run, tmp_path: Path) -> None:
    config = small(tmp_path / "runs", "epochs=1", "seed=1")
    one = run_of(config)
    shutil.copytree(mine.folder, one.folder)
    assert not one.is_finished()
    message = (
        rf"^{one.manifest_path}: is that of run {mine.fingerprint}, which belongs in a folder of that name"
    )
    with pytest.raises(RecordRefused, match=message):
        ensure(config)
    assert one.weights_path.read_bytes() == mine.weights_path.read_bytes()
    with pytest.raises(RecordRefused, match=message):
        subject_of_run(str(one.folder), LINE)


def test_the_checkpoint_of_another_run_is_not_trained_on(mine: Run, tmp_path: Path) -> None:
    config = small(tmp_path / "runs", "epochs=1", "seed=1")
    run = run_of(config)
    run.folder.mkdir()
    shutil.copy(mine.checkpoint_path, run.checkpoint_path)
    with pytest.raises(
        StoreError, match=rf"^{run.checkpoint_path}: is that of run {mine.fingerprint}; remove it$"
    ):
        ensure(config)
    checkpoint = torch.load(run.checkpoint_path, weights_only=True)
    check_owner({**checkpoint, "run": run.fingerprint}, run.checkpoint_path)
    del checkpoint["run"]  # as older ones are, which do not say
    check_owner(checkpoint, run.checkpoint_path)


def test_a_link_out_of_a_folder_from_elsewhere_is_not_written_through(
    tmp_path: Path, foreign: Callable[..., Run]
) -> None:
    run = foreign()
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / ".note.tmp").write_text("mine")
    run.landscapes.symlink_to(outside, target_is_directory=True)
    with pytest.raises(StoreError, match=rf"^{run.landscapes}: a link that leads out of the run's folder"):
        losses(subject(run))
    assert [path.name for path in outside.iterdir()] == [".note.tmp"]
    run.landscapes.unlink()
    run.lock_path.unlink()
    run.lock_path.symlink_to(outside / ".note.tmp")
    with pytest.raises(StoreError, match=rf"^{run.lock_path}: is a link"):
        losses(subject(run))
    assert (outside / ".note.tmp").read_text() == "mine"


def test_one_s_own_folders_may_be_links(mine: Run, tmp_path: Path) -> None:
    (tmp_path / "large disk").mkdir()
    mine.landscapes.symlink_to(tmp_path / "large disk", target_is_directory=True)
    mine.check_contained()


def test_going_on_with_somebody_else_s_run_takes_none_of_its_overrides(
    foreign: Callable[..., Run], config: Config
) -> None:
    run = foreign()

    def interrupted(value: dict[str, Any]) -> None:
        value.update(
            status="interrupted", overrides=["model._target_=theirs_module.Net"], experiment="theirs"
        )

    rewrite(run, interrupted)
    assert ensure(config, overrides=["epochs=1"]).folder == run.folder
    manifest = manifest_of(run)
    assert (manifest.overrides, manifest.experiment) == (["epochs=1"], None)
    assert run.is_own()


def test_how_pictures_look_is_the_business_of_who_draws_them(
    foreign: Callable[..., Run], tmp_path: Path
) -> None:
    """Else a run from elsewhere could have a file of this machine read, or LaTeX run."""
    run = foreign()
    rewrite(
        run,
        lambda value: value.update(overrides=[*SMALL, "style=dark", "figures.matplotlibrc=/elsewhere"]),
    )
    assert "figures" not in recorded_config(run, [])
    assert "figures.matplotlibrc" not in recorded_overrides(run, [], compose_job).keys
