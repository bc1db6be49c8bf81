"""Surveying one subject: a run of the store, weights of it at another time, or a network of the user's own."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from lossatlas.cli.errors import JobsFailed, exit_status, traceback_wanted
from lossatlas.cli.job import perform_other, say
from lossatlas.cli.progress import watching
from lossatlas.figures import PICTURES, picture, save
from lossatlas.files import sha256
from lossatlas.interruption import Interrupted
from lossatlas.landscape.mapping.ranks import RankFailedError
from lossatlas.runs.check import ConfigError, check_config, check_survey
from lossatlas.runs.compose import Job, compose_config, compose_job
from lossatlas.runs.find import find_run, named_run, run_and_weights
from lossatlas.runs.fingerprint import digest, fingerprint, scientific
from lossatlas.runs.joining import is_external, is_first, joined
from lossatlas.runs.loggers import logging_to
from lossatlas.runs.progress import Progress, write_progress
from lossatlas.runs.recorded import check_overrides, own_network, survey_of
from lossatlas.runs.store import Run, Store
from lossatlas.runs.survey import Surveyor


@dataclass(frozen=True)
class Subject:
    """What is surveyed, and how."""

    run: Run  # in whose folder the landscapes are kept
    job: Job
    weights: Path | None  # None: the final ones of the run
    is_run: bool  # whether it was trained here, so that other runs can be named by overrides

    def other_run(self, value: Any) -> Run:
        """The run that ``{run: value}`` names in a landscape; trained, unless several processes are at work."""
        if isinstance(value, str):
            other = find_run(Store(self.job.config["paths"]["runs"]), value)
            if not other.is_finished():
                raise ValueError(f"run {other.fingerprint} is not finished")
            return other
        self._check_composable(value)
        if self.job.config["trainer"]["devices"] == 1 and not is_external():
            return perform_other(self.job, value)
        return named_run(value, self.job.config, self._trained)

    def _trained(self, overrides: Sequence[str]) -> Run:
        other = compose_job([*self.job.overrides, *overrides])
        run = Store(other.config["paths"]["runs"]).run(fingerprint(other.config))
        if not run.is_finished():
            raise ValueError(
                f"run {list(overrides)}: {run.fingerprint} is not trained yet, which takes one device: "
                "type the command with trainer.devices=1 first"
            )
        return run

    def _check_composable(self, value: Any) -> None:
        """Raise ValueError if overrides cannot turn this subject into another run."""
        if not self.is_run:
            raise ValueError(
                f"run {value}: a network of your own has no overrides to change; give +...weights=FILE, "
                "the weights of the other network"
            )
        if fingerprint(compose_job(self.job.overrides).config) != self.run.fingerprint:
            raise ValueError(
                f"run {value}: {self.run.fingerprint} cannot be composed again from the overrides that it was launched "
                "with; name the other run by its fingerprint, in quotes"
            )


def subject_of_run(text: str, overrides: Sequence[str]) -> Subject:
    """The run, or the weights in a run's folder, that ``text`` names. ValueError if it is not finished."""
    places = [override for override in overrides if override.startswith("paths.")]
    store = Store(compose_config(places).paths.runs)
    run, weights = run_and_weights(store, text)
    check_overrides(run, overrides)
    if not run.is_finished():
        raise ValueError(f"{text}: run {run.fingerprint} is not finished; train it to its end first")
    return Subject(run, survey_of(run, overrides), weights, is_run=True)


def subject_of_file(text: str, overrides: Sequence[str]) -> Subject:
    """The network that ``model._target_`` names with the weights of the file ``text``."""
    job = own_network(overrides)
    check_config(job.config, several_devices=True)
    weights = Path(text)
    if not weights.is_file():
        raise ValueError(f"ckpt={text}: no such file")
    config = job.config
    parts = {name: scientific(config)[name] for name in ("model", "data")}
    key = digest({**parts, "loss": config["study"]["loss"], "weights": sha256(weights)})
    name = config["model"]["_target_"].rpartition(".")[2]
    folder = Path(config["paths"]["results"]) / "landscapes" / f"{name}-{key}"
    return Subject(Run(folder), job, weights, is_run=False)


def survey(subject: Subject, arguments: Sequence[str]) -> None:
    """Have the landscapes of ``subject``, draw, log and print them; ``arguments`` are those of the whole command.

    `JobsFailed` if another of several processes has failed, `Interrupted` after a request to stop.
    """
    config, run = subject.job.config, subject.run
    if not config["landscape"]:
        raise ConfigError("landscape is missing: type landscape=CHOICE, such as landscape=surface")
    check_survey(subject.job)
    tell = say if is_first() else lambda message: None
    trainer = config["trainer"]
    if trainer["devices"] != 1 and not is_external() and _is_there(subject):
        trainer = {**trainer, "devices": 1}
    try:
        with joined(trainer, ["landscape", *arguments], quiet=not traceback_wanted()) as stop:
            surveyor = Surveyor(run, config, subject.other_run, tell, weights=subject.weights, on_stop=stop)
            found = _surveyed(surveyor, subject)
    except RankFailedError as error:
        raise JobsFailed(
            f"{error}; finished points are kept, and the same command goes on from there"
        ) from error
    except Interrupted as error:
        raise Interrupted(f"{error}; the same command goes on from there") from error
    if is_first():
        _show(subject, surveyor, found)


def _is_there(subject: Subject) -> bool:
    """Whether all landscapes have been computed before."""
    surveyor = Surveyor(subject.run, subject.job.config, subject.other_run, weights=subject.weights)
    paths = [surveyor.path(name, node) for name, node in subject.job.config["landscape"].items()]
    return all(path is None or path.exists() for path in paths)


@contextmanager
def said_by_the_first() -> Iterator[None]:
    """End quietly where one of several processes fails, save in the first, which says what became of all."""
    try:
        yield
    except Exception as error:
        if is_first() or traceback_wanted():
            raise
        raise SystemExit(exit_status(error)) from None


def _surveyed(surveyor: Surveyor, subject: Subject) -> Mapping[str, xr.Dataset]:
    if not is_first():
        return surveyor.survey_all()
    subject.run.folder.mkdir(parents=True, exist_ok=True)
    with watching([subject.job], runs=[("", subject.run)]):
        found = surveyor.survey_all()
    write_progress(subject.run, Progress("done", 1, 1))
    return found


def _show(subject: Subject, surveyor: Surveyor, found: Mapping[str, xr.Dataset]) -> None:
    """Draw, log and print what was found."""
    for name, dataset in found.items():
        path = surveyor.path(name, subject.job.config["landscape"][name])
        assert path is not None
        print(f"{name}: {in_numbers(dataset)}")
        print(f"  {path}")
        if dataset.attrs.get("survey") in PICTURES:
            drawn = path.with_suffix(".png")
            if not drawn.exists() or drawn.stat().st_mtime < path.stat().st_mtime:
                save(picture(dataset), path.parent, path.stem)
            print(f"  {drawn}")
    for name in surveyor.config["landscape"].keys() - found.keys():
        print(f"{name}: lies between the run and itself")
    if surveyor.computed:
        from lossatlas.cli.pictures import log_landscapes

        subject_name = f"{subject.run.fingerprint}" + (f"-{subject.weights.stem}" if subject.weights else "")
        where = {"subject": subject_name, "folder": subject.run.folder, "job_type": "landscape"}
        with logging_to(subject.job.config, **where) as logger:  # type: ignore[arg-type]
            log_landscapes(logger, {name: found[name] for name in surveyor.computed})


def in_numbers(dataset: xr.Dataset) -> str:
    """One line that says what a landscape holds: the range of its losses, or its first numbers, or their ranges.

    >>> in_numbers(xr.Dataset({"loss": (("split", "x"), [[2.0, 0.5, 3.0]])}, {"split": ["test"]}))
    'test loss 0.5 to 3'
    >>> in_numbers(xr.Dataset({"trace": 5.5, "sample": ("probe", [4.0, 7.0])}))
    'trace 5.5, sample 4 to 7'
    """
    loss = dataset.get("loss")
    if loss is not None and "split" in loss.dims:
        named = {f"{split} loss": loss.sel(split=split) for split in dataset["split"].values}
    else:
        floats = {str(name): values for name, values in dataset.data_vars.items() if values.dtype.kind == "f"}
        named = dict(list(floats.items())[:4])
    return ", ".join(f"{name} {_range(values.values)}" for name, values in named.items())


def _range(values: np.ndarray) -> str:
    finite = values[np.isfinite(values)]
    if not finite.size:
        return "not finite"
    low, high = f"{finite.min():.4g}", f"{finite.max():.4g}"
    return low if low == high else f"{low} to {high}"
