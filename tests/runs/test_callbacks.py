"""Callbacks that a configuration names: they reach the trainer, survive interruptions, and may end a run early."""

import signal
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import xarray as xr
from processes import KillAtRename, Process, Signal, Stop
from small_runs import EPOCH, Config, manifest_of, record, run_of, small, trained

from lossatlas.runs.check import check_config, check_jobs
from lossatlas.runs.composition.job import ConfigError, Job
from lossatlas.runs.composition.signatures import find_target
from lossatlas.runs.ensure import ensure
from lossatlas.runs.resolve import resolved
from lossatlas.runs.store.fingerprint import OBSERVERS, fingerprint
from lossatlas.runs.store.references import Reference
from lossatlas.runs.store.store import Run
from lossatlas.runs.surveyor import Surveyor

SHRINK = ("+callbacks.mine._target_=their_callbacks.Shrink", "+callbacks.mine.factor=0.9")
STOPPING = (  # the training error of these runs falls, so that its maximum is that of the first epoch
    *("callbacks=early_stopping", "callbacks.early_stopping.monitor=train_loss", "epochs=6"),
    *("callbacks.early_stopping.mode=max", "callbacks.early_stopping.patience=2", "optimizer.lr=0.01"),
)
STOPPED = 3  # epochs
SURVEYED = (
    *("callbacks=survey_at_epochs", "callbacks.survey_at_epochs.surveys.line.points=3"),
    "callbacks.survey_at_epochs.surveys.line.directions=1",
)


def survive(config: Config, *stops: Stop) -> Run:
    """The run of ``config`` after its process was stopped in these ways."""
    for stop in stops:
        assert Process(config, stop).outcome().weights_sha256 is None
    return ensure(config)


def job(tmp_path: Path, *overrides: str) -> Job:
    return Job((), small(tmp_path, *overrides))


def test_a_callback_of_the_users_own_takes_part_in_training(tmp_path: Path) -> None:
    norms = []
    for overrides in ((), SHRINK):
        history = trained(small(tmp_path, "optimizer.lr=1e-9", *overrides)).history()
        norms.append(history.weight_norm)
    plain, shrunk = norms
    assert plain[2] == pytest.approx(plain[0], rel=1e-5)
    assert shrunk[1] == pytest.approx(0.9 * shrunk[0], rel=1e-5)
    assert shrunk[2] == pytest.approx(0.9**3 * shrunk[0], rel=1e-5)


@pytest.mark.parametrize("step", [1, EPOCH - 1, EPOCH + 1])
def test_its_state_goes_on_where_it_was(tmp_path: Path, step: int) -> None:
    expected = record(trained(small(tmp_path / "expected", *SHRINK)))
    run = survive(small(tmp_path / "stopped", *SHRINK), Signal(signal.SIGTERM, step))
    assert record(run) == expected


@pytest.mark.parametrize(
    ("overrides", "same"),
    [
        (("callbacks=none",), True),
        (("callbacks=[lr_monitor,survey_at_epochs]", "logger=csv"), True),
        (("callbacks=[early_stopping]", "callbacks.early_stopping=null"), True),
        (("callbacks=early_stopping",), False),
        (SHRINK, False),
    ],
)
def test_a_callback_makes_another_run_exactly_if_it_may_change_it(
    tmp_path: Path, overrides: tuple[str, ...], same: bool
) -> None:
    assert (fingerprint(small(tmp_path, *overrides)) == fingerprint(small(tmp_path))) == same


def test_a_setting_of_a_callback_is_part_of_the_run(tmp_path: Path) -> None:
    names = {
        fingerprint(small(tmp_path, *STOPPING, f"callbacks.early_stopping.patience={n}")) for n in (1, 2)
    }
    assert len(names) == 2


def test_the_configuration_of_an_older_run_which_knows_no_callbacks_is_still_that_run(tmp_path: Path) -> None:
    config = small(tmp_path)
    older = {key: value for key, value in config.items() if key != "callbacks"}
    check_config(older)
    assert fingerprint(older) == fingerprint(config)
    assert trained(older).is_finished()


@pytest.mark.parametrize("target", OBSERVERS)
def test_those_that_are_listed_as_onlookers_exist(target: str) -> None:
    assert isinstance(find_target(target), type)


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return record(trained(small(tmp_path_factory.mktemp("store"), *STOPPING)))


def test_a_run_that_stops_early_is_finished_and_says_where(tmp_path: Path) -> None:
    said: list[str] = []
    config = small(tmp_path, *STOPPING)
    run = ensure(config, say=said.append)
    manifest = manifest_of(run)
    assert run.is_finished()
    assert (manifest.epochs, manifest.steps) == (STOPPED, STOPPED * EPOCH)
    assert list(run.history().index) == list(range(STOPPED + 1))
    assert said == [f"run {run.fingerprint}: stopped by a callback after epoch {STOPPED} of 6"]
    unstopped = trained(small(tmp_path, "epochs=6", "optimizer.lr=0.01")).history()
    pd.testing.assert_frame_equal(run.history(), unstopped.loc[:STOPPED])


@pytest.mark.parametrize(
    "stops",
    [
        (Signal(signal.SIGKILL, EPOCH + 1),),
        (Signal(signal.SIGTERM, 1), Signal(signal.SIGTERM, 2 * EPOCH)),
        (Signal(signal.SIGTERM, STOPPED * EPOCH - 1),),
        (KillAtRename("checkpoint.ckpt", "half", nth=STOPPED),),
        (KillAtRename("checkpoint.ckpt", "after", nth=STOPPED),),
        (KillAtRename("weights.safetensors", "before"),),
    ],
    ids=str,
)
def test_a_run_that_stops_early_ends_with_the_same_bits_however_it_was_interrupted(
    tmp_path: Path, stopped: dict[str, Any], stops: tuple[Stop, ...]
) -> None:
    assert record(survive(small(tmp_path, *STOPPING), *stops)) == stopped


def test_its_last_snapshot_is_the_network_that_it_ended_with(tmp_path: Path) -> None:
    line = ["landscape=trajectory", "landscape.trajectory.points=3"]
    config = small(tmp_path, *STOPPING, "study.snapshot_epochs=[0,1,2,5]", *line)
    surveyor = Surveyor(ensure(config), config, lambda value: run_of(config))
    assert list(resolved(Reference("snapshots", "all"), surveyor.surveyed)) == [0, 1, 2, STOPPED]
    with pytest.raises(ValueError, match="no snapshot of epoch 5"):
        resolved(Reference("snapshots", [5]), surveyor.surveyed)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (
            ["study=checkpoints", "study.members=2"],
            r"^callbacks\.early_stopping: CheckpointEnsemble has its result only after step 18: leave it out$",
        ),
        (["study=swa"], r"^callbacks\.early_stopping: AveragedClassifier has its result only after step 18"),
        (
            ["callbacks.early_stopping.monitor=val_loss"],
            r"^callbacks\.early_stopping\.monitor=val_loss: no such column .* did you mean validation_loss\?$",
        ),
        (
            ["data.validation=0", "callbacks.early_stopping.monitor=validation_loss"],
            r"^callbacks\.early_stopping\.monitor=validation_loss: no such column",
        ),
        (
            ["callbacks.early_stopping.mode=least"],
            r"^callbacks\.early_stopping: `mode` can be min, max, got least$",
        ),
    ],
)
def test_what_needs_all_epochs_is_not_stopped_early(
    tmp_path: Path, overrides: list[str], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        check_jobs([job(tmp_path, *STOPPING, *overrides)])


def test_a_run_does_not_branch_from_one_that_may_stop_early(tmp_path: Path) -> None:
    named = "study.trunk={run: ['callbacks=early_stopping', 'epochs=5']}"
    branching = ("study=distance_kernel", "study.checkpoints=[5]", "epochs=6", named)
    with pytest.raises(
        ConfigError, match=r"^study\.trunk: callbacks\.early_stopping may end it .* callbacks=none$"
    ):
        check_jobs([job(tmp_path, *branching)])


def test_a_study_that_somebodys_callback_stops_too_soon_is_told_so(tmp_path: Path) -> None:
    stop = ("+callbacks.mine._target_=their_callbacks.StopAfter", "+callbacks.mine.epochs=1")
    config = small(tmp_path, "study=swa", "epochs=4", *stop)
    for _ in range(2):
        with pytest.raises(
            ValueError, match="a callback stopped it after epoch 1 of 4, before the study has"
        ):
            ensure(config)
    assert manifest_of(run_of(config)).status == "interrupted"


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (
            ["+callbacks.mine._target_=torch.nn.ReLU"],
            r"^callbacks\.mine: torch\.nn\.ReLU gives no .*Callback",
        ),
        (["+callbacks.mine._target_=no.Such"], r"^callbacks\.mine\._target_=no\.Such: cannot be imported"),
        (["+callbacks.mine=3"], r"^callbacks\.mine=3: expected a mapping with a _target_$"),
        ([*SHRINK, "+callbacks.mine.facter=2"], r"^callbacks\.mine\.facter: .* did you mean factor\?$"),
        (
            ["callbacks=lr_monitor"],
            r"^callbacks\.lr_monitor: it writes to a logger, and there is none: type logger=csv",
        ),
        (
            [
                "callbacks=survey_at_epochs",
                "study=curve",
                "study.ends=[{run: ['seed=1']}, {run: ['seed=2']}]",
            ],
            r"^callbacks\.survey_at_epochs: Curve has its network at the end alone",
        ),
    ],
)
def test_a_callback_that_cannot_be_had_is_told_in_one_line(
    tmp_path: Path, overrides: list[str], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        check_jobs([job(tmp_path, *overrides)])


def test_two_callbacks_whose_states_have_one_name_are_told_in_one_line(tmp_path: Path) -> None:
    twice = [
        o.replace("early_stopping.", "other.").replace("callbacks.", "+callbacks.") for o in STOPPING[1:2]
    ]
    target = "+callbacks.other._target_=pytorch_lightning.callbacks.EarlyStopping"
    with pytest.raises(ValueError, match=r"^trainer: Found more than one stateful callback"):
        ensure(small(tmp_path, *STOPPING, target, *twice, "+callbacks.other.mode=max"))


def test_surveys_while_a_run_trains_leave_its_bits_and_are_the_same_after_an_interruption(
    tmp_path: Path,
) -> None:
    expected = record(trained(small(tmp_path / "plain")))
    whole = trained(small(tmp_path / "whole", *SURVEYED))
    resumed = survive(small(tmp_path / "stopped", *SURVEYED), Signal(signal.SIGTERM, EPOCH + 1))
    assert record(whole) == record(resumed) == expected
    for epoch in (0, 2):
        one, other = (
            xr.load_dataset(run.landscapes / f"epoch-{epoch:04d}" / "line.nc") for run in (whole, resumed)
        )
        xr.testing.assert_identical(one, other)
        assert list(one["split"].values) == ["train", "test"]


def test_the_survey_at_the_end_is_that_of_the_landscape_command(tmp_path: Path) -> None:
    landscape = ["landscape=line", "landscape.line.points=3", "landscape.line.directions=1"]
    config = small(tmp_path, *SURVEYED, *landscape)
    run = ensure(config)
    found = Surveyor(run, config, lambda value: run).survey_all()["line"]
    at_end = xr.load_dataset(run.landscapes / "epoch-0002" / "line.nc")
    xr.testing.assert_allclose(found["loss"], at_end["loss"], rtol=1e-5)


def test_a_finished_run_is_not_trained_again_for_an_onlooker_and_says_so(tmp_path: Path) -> None:
    run, said = trained(small(tmp_path)), []
    config = small(tmp_path, *SURVEYED)
    assert ensure(config, say=said.append).fingerprint == run.fingerprint
    assert said == [f"run {run.fingerprint} is there, trained without callbacks.survey_at_epochs"]


def test_the_learning_rate_is_logged_within_the_epoch(tmp_path: Path) -> None:
    run = trained(small(tmp_path, "logger=csv", "callbacks=lr_monitor", "+trainer.log_every_n_steps=1"))
    rates = pd.read_csv(run.folder / "csv" / "metrics.csv")["lr-SGD"].dropna()
    assert len(rates) == 2 * EPOCH
    assert rates.iloc[0] == pytest.approx(0.1)
    assert rates.is_monotonic_decreasing
