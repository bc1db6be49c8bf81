"""What a run that is there is surveyed with, and which other runs that can name."""

from pathlib import Path

import pytest
from small_runs import SMALL

from lossatlas.runs.composition.compose import compose_job
from lossatlas.runs.ensure import perform, run_of
from lossatlas.runs.store.store import Run
from lossatlas.runs.subjects import Subject, subject_of_run

CYCLES = ("scheduler=cyclic_cosine", "scheduler.cycles=2")


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return perform(compose_job([*SMALL, *CYCLES, f"paths.runs={tmp_path}"]))


def subject(run: Run, *overrides: str) -> Subject:
    return subject_of_run(str(run.folder), ["landscape=interpolation", "logger=none", *overrides])


def test_another_choice_of_a_group_names_the_same_run_on_several_devices_as_on_one(run: Run) -> None:
    """What was set within the old choice, such as a number of cycles, goes with it on either."""
    expected = compose_job([*SMALL, "scheduler=step", f"paths.runs={run.folder.parent}"])
    several = subject(run, "trainer.devices=2")
    with pytest.raises(
        ValueError, match=rf"{expected.fingerprint} is not trained yet, which takes one device"
    ):
        several.other_run(["scheduler=step"])
    on_one = subject(run).other_run(["scheduler=step"])
    assert on_one.folder == several.other_run(["scheduler=step"]).folder == run_of(expected).folder


def test_where_things_lie_is_typed_for_further_runs_too(run: Run) -> None:
    typed = ("paths.data=elsewhere", "runtime.checkpoint_seconds=5", "engine=bfloat16")
    further = subject(run, *typed).job.overrides
    assert further.value("paths.data") == "elsewhere"
    assert further.value("runtime.checkpoint_seconds") == 5
    assert further.keys.count("runtime.checkpoint_seconds") == 1
    assert "engine" not in further.keys
    assert further.value("paths.runs") == str(run.folder.parent)


@pytest.mark.parametrize("override", ["scheduler=step", "study/kernel=rbf", "+data.batch_size=3", "seed=1"])
def test_what_the_run_was_trained_with_stays(run: Run, override: str) -> None:
    key = override.partition("=")[0].lstrip("+").replace("/", ".")
    with pytest.raises(ValueError, match=f"^{key}: what run {run.fingerprint} was trained with stays"):
        subject(run, override)


def test_a_run_that_cannot_be_composed_again_is_told_before_anything_is_surveyed(run: Run) -> None:
    """As one of an arm's file that is there no more; other runs are named by their fingerprints then."""
    other = "landscape.interpolation.other.run=['seed=1']"
    subject(run, other).check_named()
    manifest = run.manifest()
    assert manifest is not None
    manifest.overrides.append("experiment=width/digits_gone")
    run.write_manifest(manifest)
    with pytest.raises(
        ValueError, match=rf"{run.fingerprint} cannot be composed again .* by its fingerprint"
    ):
        subject(run, other).check_named()
    subject(run, "landscape.interpolation.other.run='0123'").check_named()
