"""Runs that a study names: composed whole, part of the fingerprint, trained first."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from small_runs import EPOCH, SMALL, manifest_of, run_of, small, trained

from lossatlas.runs.check import check_jobs
from lossatlas.runs.composition.compose import compose_job, start_hydra
from lossatlas.runs.composition.job import ConfigError, Job
from lossatlas.runs.ensure import ensure
from lossatlas.runs.store.fingerprint import fingerprint
from lossatlas.runs.store.store import StoreError
from lossatlas.studies import Classifier, TrainedNetwork


class Continued(Classifier):
    """Starts from another run, and keeps a member in the middle of each epoch."""

    def __init__(self, *arguments: Any, start: TrainedNetwork, **study: Any) -> None:
        super().__init__(*arguments, **study)
        self.start = start
        self.network.load_state_dict(dict(start.state))

    @property
    def member_steps(self) -> tuple[int, ...]:
        return (2, EPOCH + 2)


CONTINUED = (f"study._target_={__name__}.Continued", "+study.start={run: ['seed=7', 'epochs=1']}")


def continued(store: Path, *overrides: str) -> dict[str, Any]:
    return small(store, *CONTINUED, *overrides)


def test_a_run_that_a_study_names_is_composed_whole_and_as_it_would_be_by_itself(tmp_path: Path) -> None:
    (named,) = Job((), continued(tmp_path, "optimizer.lr=0.02")).upstream
    alone = small(tmp_path, "optimizer.lr=0.02", "seed=7", "epochs=1")
    assert named.fingerprint == fingerprint(alone)
    assert named.config["paths"]["runs"] == str(tmp_path)
    assert compose_job(named.overrides).config["seed"] == 7  # so that it can be named, and varied, by itself


def test_fingerprint_and_upstream_jobs_are_worked_out_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = Job(("seed=1",), continued(tmp_path))
    counted: list[Any] = []

    def counting(config: Any) -> str:
        counted.append(config)
        return fingerprint(config)

    monkeypatch.setattr("lossatlas.runs.composition.job.fingerprint", counting)
    assert job.fingerprint == job.fingerprint == fingerprint(job.config)
    assert len(counted) == 1
    assert job.upstream is job.upstream
    assert job.overrides.value("seed") == 1  # whatever sequence they were given as


def test_what_the_study_names_is_part_of_the_fingerprint(tmp_path: Path) -> None:
    config = continued(tmp_path)
    other = continued(tmp_path, "study.start={run: ['seed=8', 'epochs=1']}")
    same = continued(tmp_path, "study.start={run: ['epochs=1', 'seed=7']}", "logger=csv")
    assert fingerprint(other) != fingerprint(config) == fingerprint(same)


def test_the_run_that_is_named_is_trained_first_and_the_study_gets_its_weights(tmp_path: Path) -> None:
    config = continued(tmp_path)
    run = trained(config)
    start = run_of(small(tmp_path, "seed=7", "epochs=1"))
    assert start.is_finished()
    assert run.is_finished()
    assert manifest_of(start).metrics["test_loss"] != manifest_of(run).metrics["test_loss"]
    recorded = run.config()["study"]["start"]["run"]
    assert fingerprint(recorded) == start.fingerprint  # the record alone tells how it was trained


def test_members_are_listed_with_step_epoch_rate_and_hash(tmp_path: Path) -> None:
    run = trained(continued(tmp_path, "scheduler=constant"))
    first, second = manifest_of(run).members
    assert [(m.number, m.step, m.epoch, m.rate) for m in (first, second)] == [
        (0, 2, 2 / 3, 0.1),
        (1, 5, 5 / 3, 0.1),
    ]
    members = run.members()
    assert list(members) == [0, 1]
    assert any(not torch.equal(members[0][name], members[1][name]) for name in members[0])


def test_a_member_that_is_damaged_has_the_run_computed_again_to_the_same_bits(tmp_path: Path) -> None:
    run = trained(config := continued(tmp_path))
    before = manifest_of(run).members
    run.member_path(1).write_bytes(b"not what was written")
    assert not run.is_finished()
    said: list[str] = []
    ensure(config, say=said.append)
    assert manifest_of(run).members == before
    assert re.search(r"member-001.safetensors: damaged", said[0])


def test_a_run_named_by_its_fingerprint_must_be_finished(tmp_path: Path) -> None:
    start = trained(small(tmp_path, "seed=7", "epochs=1"))
    named = [
        *SMALL,
        CONTINUED[0],
        f"+study.start={{run: '{start.fingerprint[:6]}'}}",
        f"paths.runs={tmp_path}",
    ]
    assert compose_job(named).upstream[0].fingerprint == start.fingerprint
    manifest = manifest_of(start)
    manifest.status = "interrupted"
    start.write_manifest(manifest)
    with pytest.raises(ValueError, match=f"run {start.fingerprint} is interrupted, not finished"):
        compose_job(named)


def test_a_named_run_that_cannot_be_run_is_refused_before_anything_is_trained(tmp_path: Path) -> None:
    config = continued(tmp_path, "study.start={run: ['data.batch_size=1000']}")
    with pytest.raises(ConfigError, match="batch_size must be 1 to 40"):
        check_jobs([Job((), config)])


def test_a_value_that_names_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"run: expected overrides, as \[\"seed=1\"\].* got 7"):
        continued(tmp_path, "study.start={run: 7}")


def test_a_checkpoint_that_is_gone_is_told_in_one_line(tmp_path: Path) -> None:
    from lossatlas.runs.ensure import _trained

    config = continued(tmp_path)
    (named,) = Job((), config).upstream
    start = trained(named.config)
    network = _trained(config, named.config)
    assert network.seed == 7
    assert isinstance(network.training_state()["optimizer_states"], list)
    start.checkpoint_path.unlink()
    with pytest.raises(
        StoreError, match=r"checkpoint.ckpt: missing; remove .* to have the run trained again"
    ):
        network.training_state()


def test_the_rest_of_a_configuration_stays_as_it_is(tmp_path: Path) -> None:
    config: Mapping[str, Any] = continued(tmp_path)
    plainly = small(tmp_path)
    assert {key: config[key] for key in config if key != "study"} == {
        key: plainly[key] for key in plainly if key != "study"
    }


def test_a_run_that_names_itself_is_told_in_one_line(tmp_path: Path) -> None:
    folder = tmp_path / "experiment" / "loop"
    folder.mkdir(parents=True)
    loop = "study:\n  start: {run: ['experiment=loop/digits']}\n"
    (folder / "digits.yaml").write_text(f"# @package _global_\n{loop}")
    start_hydra(tmp_path)
    with pytest.raises(ValueError, match=r"the run of experiment=loop/digits.* is to start from itself"):
        compose_job(["experiment=loop/digits", "seed=3"])


@pytest.mark.parametrize("seeds", [(1, 2), (5, 9)])
def test_what_differs_in_seeds_alone_is_checked_once(
    tmp_path: Path, seeds: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    checked: list[Job] = []
    monkeypatch.setattr("lossatlas.runs.check._check_parts", checked.append)
    ends = "study.ends=[{{run: ['seed={}']}}, {{run: ['seed={}']}}]"
    first = compose_job([*SMALL, "study=curve", ends.format(3, 4), f"paths.runs={tmp_path}"])
    second = compose_job([*SMALL, "study=curve", ends.format(*seeds), f"paths.runs={tmp_path}", "seed=8"])
    check_jobs([first, second])
    assert len(checked) == 2  # an end, and a curve
    same = compose_job([*SMALL, "study=curve", ends.format(4, 4), f"paths.runs={tmp_path}"])
    check_jobs([first, same])
    assert len(checked) == 2 + 3  # ends of one seed are another matter


def test_a_trunk_of_other_images_or_of_another_optimizer_is_refused_before_it_is_trained(
    tmp_path: Path,
) -> None:
    arm = ["study=distance_kernel", "epochs=4", "study.checkpoints=[2]"]
    trunk = "study.trunk={run: ['epochs=2', 'data.noise=0.5']}"
    with pytest.raises(ConfigError, match=r"^study\.trunk: its data is not this run's"):
        check_jobs([Job((), small(tmp_path, *arm, trunk))])
    of_adam = "study.trunk={run: ['epochs=2', 'optimizer=adam']}"
    with pytest.raises(ConfigError, match=r"^study\.trunk: its optimizer is torch\.optim\.Adam, this run's"):
        check_jobs([Job((), small(tmp_path, *arm, of_adam))])
