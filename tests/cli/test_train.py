"""`lossatlas train`: one run or a sweep, with every launcher that is installed; what is there is not trained again."""

from collections.abc import Callable
from pathlib import Path

from typed import TINY, Answer, Typed, attempts, progress, statuses, type_here, weights

from lossatlas.runs.composition.compose import compose_job
from lossatlas.runs.store.fingerprint import fingerprint
from lossatlas.runs.store.store import Store

LINE = ("landscape=line", "landscape.line.directions=1", "landscape.line.points=3")


def rows(answer: Answer) -> list[list[str]]:
    """Words of the rows of the table of runs."""
    return [line.split() for line in answer.out.splitlines()[1:]]


def test_one_run_is_trained_surveyed_and_listed(folder: Path) -> None:
    answer = type_here("train", *TINY, *LINE, "seed=3")
    assert (answer.status, answer.err) == (0, "")
    name = fingerprint(compose_job([*TINY, "seed=3"]).config)  # the landscape is no part of the run's
    assert rows(answer)[0][0] == name
    assert statuses(folder) == {3: "finished"}
    assert len(list((folder / "runs" / name / "landscapes").glob("line-*.nc"))) == 1
    assert progress(folder)[0]["phase"] == "done"


def test_the_landscapes_of_a_single_run_are_told_and_drawn_as_landscape_does(folder: Path) -> None:
    answer = type_here("train", *TINY, *LINE, "seed=3")
    name = fingerprint(compose_job([*TINY, "seed=3"]).config)
    _, _, numbers, *places = answer.out.splitlines()
    assert numbers.startswith("line: train loss ")
    assert [Path(place.strip()).suffix for place in places] == [".nc", ".png"]
    assert all((folder / place.strip()).exists() for place in places)
    asked = type_here("landscape", f"run={name}", *LINE, "logger=none")
    assert asked.out.splitlines() == [numbers, *places]


def test_the_log_of_a_run_says_what_happened(folder: Path) -> None:
    type_here("train", *TINY, *LINE, "seed=3")
    type_here("train", *TINY, *LINE, "seed=3")
    (log,) = folder.glob("runs/*/lossatlas.log")
    told = [line.partition("INFO: ")[2] for line in log.read_text(encoding="utf-8").splitlines()]
    begun, ended, computed, there = told
    assert begun == "training on cpu, 1 thread, 2 epochs"
    assert ended.startswith("finished at step 8 after ")
    assert "test_error" in ended
    assert computed.startswith("landscape line: computed in ")
    assert there.startswith("landscape line: there, line-")


def test_what_is_there_is_not_trained_again(folder: Path) -> None:
    type_here("train", *TINY, "seed=3")
    before = weights(folder)
    for again in (
        TINY,
        ("-m", *TINY, "hydra/launcher=basic"),
        (*TINY, "paths.data=elsewhere"),
        (*TINY, *LINE),
    ):
        answer = type_here("train", *again, "seed=3")
        assert answer.status == 0
    assert weights(folder) == before
    assert attempts(folder) == 1
    more = type_here("train", "-m", *TINY, "seed=3,4", "hydra/launcher=basic")
    assert [row[1:3] for row in rows(more)] == [["seed=3", "finished"], ["seed=4", "finished"]]
    assert attempts(folder) == 2
    assert weights(folder)[3] == before[3]


def test_an_override_may_stand_before_or_after_an_option(folder: Path) -> None:
    type_here("train", "seed=1,2", "-m", *TINY, "hydra/launcher=basic")
    assert statuses(folder) == {1: "finished", 2: "finished"}


def test_an_experiment_launches_its_sweep_by_itself(folder: Path) -> None:
    """The sweep of `sharpness` is 2 optimizers x 2 decays x 2 batches x 5 seeds, of which all but one are pinned."""
    pinned = ("optimizer=sgd", "optimizer.weight_decay=0.0", "seed=0", "landscape=weights", "epochs=1")
    answer = type_here(
        "train", "experiment=sharpness", *pinned, "model.width=2", "logger=none", "hydra/launcher=basic"
    )
    assert [row[1:3] for row in rows(answer)] == [
        ["batch_size=164", "finished"],
        ["batch_size=16", "finished"],
    ]
    found = {run.config()["data"]["batch_size"] for run in Store("runs").runs()}
    assert found == {16, 164}
    assert {run.manifest().experiment for run in Store("runs").runs()} == {"sharpness"}


def test_the_default_launcher_runs_jobs_side_by_side_and_relays_what_they_say(
    typed: Callable[..., Typed], folder: Path
) -> None:
    """Of four jobs two fail, one finds its weights damaged, and one is new."""
    type_here("train", *TINY, "seed=1")
    (weights_path,) = folder.glob("runs/*/weights.safetensors")
    bits = weights(folder)[1]
    weights_path.write_bytes(b"")
    command = typed("train", "-m", *TINY, "seed=0,1", "optimizer.lr=1e10,0.1", "hydra.launcher.jobs=2")
    answer = command.answer()
    said = [line for line in answer.err.splitlines() if not line.startswith("runs ")]
    assert (
        f"{weights_path.relative_to(folder)}: damaged; set aside as weights.safetensors.damaged-1" in said[0]
    )
    assert said[1].startswith("lossatlas: 2 of 4 runs failed: first seed=0 lr=")
    assert len(said) == 2
    assert answer.status == 1
    assert [row[3] for row in rows(answer)] == ["failed", "finished"] * 2
    good = [run.manifest() for run in Store("runs").runs() if run.is_finished()]
    assert bits in [manifest.weights_sha256 for manifest in good]
    (other,) = [manifest for manifest in good if manifest.seed == 0]
    assert other.attempts[0].pid != command.pid
    assert other.attempts[0].threads == 1


def test_an_interpolation_that_is_typed_is_resolved_in_each_run_anew(folder: Path) -> None:
    """Hydra hands a job its overrides resolved: for the run that a landscape names they are those of its own values."""
    other = ("landscape=interpolation", "landscape.interpolation.other.run=['seed=1']")
    few = ("landscape.interpolation.points=3", "landscape.interpolation.statistics=false")
    typed = [o for o in TINY if not o.startswith("model.hidden")]
    width = ("+experiment.units=[4]", 'model.hidden="${experiment.units}"')
    answer = type_here("train", *typed, *width, *other, *few)
    assert (answer.status, answer.err) == (0, "")
    assert statuses(folder) == {0: "finished", 1: "finished"}
    assert [
        str(o) for run in Store("runs").runs() for o in run.manifest().overrides if "hidden" in o
    ] == 2 * ['model.hidden="${experiment.units}"']
