"""Subjects of a survey: a run that is there, or a network of the user's own, and what the user says of the survey."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from hydra.errors import HydraException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from lossatlas.files import sha256
from lossatlas.runs.check import check_config
from lossatlas.runs.composition.compose import compose_config, compose_job, plain
from lossatlas.runs.composition.foreign import recorded_config, recorded_overrides
from lossatlas.runs.composition.job import ConfigError, Job, trusted_by
from lossatlas.runs.composition.overrides import Overrides, key_of
from lossatlas.runs.composition.sweep import other_job
from lossatlas.runs.distributed import is_external
from lossatlas.runs.ensure import perform_other, run_of
from lossatlas.runs.resolve import place_in_file
from lossatlas.runs.store.fingerprint import NOT_SCIENTIFIC, digest, scientific
from lossatlas.runs.store.lookup import find_run, run_and_weights
from lossatlas.runs.store.references import references
from lossatlas.runs.store.store import Run, Store
from lossatlas.runs.trainer_settings import is_one_device

_SURVEYED_WITH = ("landscape", "engine", "logger", "figures", "runtime", "paths")
"""Sections of a configuration that are the survey's and not the run's."""

_ELSEWHERE = ("logger", "runtime", "paths")
"""Those of them that hold for further runs as well."""

_DEVICES = ("accelerator", "devices", "num_nodes", "deterministic")
"""Keys of the section ``trainer`` that are the survey's."""

_PLACES = tuple(key for key in NOT_SCIENTIFIC if key.startswith("data."))
"""Keys of the section ``data`` that do not change what the data are."""


def _survey_of(run: Run, overrides: Sequence[str]) -> Job:
    """The job of surveying ``run``, a finished run, as ``overrides`` say.

    Its configuration is the run's own but for landscapes, engine, logger, threads, places and devices; its overrides
    are those that the run was launched with and further runs are composed from.
    """
    typed = Overrides(overrides)
    config = compose_config(typed.without(*_PLACES))
    trusted = trusted_by(config)
    recorded = recorded_config(run, trusted)
    OmegaConf.set_struct(config, False)
    trainer = {
        key: config.trainer[key] for key in _DEVICES if key in config.trainer and typed.section("trainer")
    }
    for section, node in recorded.items():
        if section not in _SURVEYED_WITH:
            config[section] = {**node, **trainer} if section == "trainer" else node
    if "download" in config.data and not run.is_own():
        config.data.download = False
    for place in _PLACES:
        if typed.section(place):
            OmegaConf.update(config, place, typed.value(place))
    if "root" in config.data and typed.section("paths.data"):
        config.data.root = config.paths.data
    config.paths.runs = str(run.folder.parent)
    return Job(_launched_with(run, typed, trusted), plain(config))


def _check_overrides(run: Run, overrides: Sequence[str]) -> None:
    """Raise ValueError for the first override of what ``run`` was trained with."""
    allowed = {*_SURVEYED_WITH, "style", "trainer", *_PLACES, *(f"trainer.{key}" for key in _DEVICES)}
    for key in Overrides(overrides).keys:
        if key not in allowed and key.partition(".")[0] not in _SURVEYED_WITH:
            raise ValueError(
                f"{key}: what run {run.fingerprint} was trained with stays; "
                f"{', '.join(_SURVEYED_WITH)} and trainer.devices can be overridden"
            )


def _launched_with(run: Run, typed: Overrides, trusted: Sequence[str]) -> Overrides:
    """Overrides that further runs are composed from: those of ``run``, with the places that were typed."""
    recorded = recorded_overrides(run, trusted, compose_job).without(*_SURVEYED_WITH)
    places = [o for o in typed if key_of(o) in _PLACES or key_of(o).partition(".")[0] in _ELSEWHERE]
    return recorded.merged([*places, f"paths.runs={run.folder.parent}"])


@dataclass(frozen=True)
class Subject:
    """What is surveyed, and how."""

    run: Run  # in whose folder the landscapes are kept
    job: Job
    weights: Path | None  # None: the final ones of the run
    is_run: bool  # whether it was trained here, so that other runs can be named by overrides
    ckpt_key: str | None = None  # place of the network in the file of weights, where it holds several

    def other_run(self, value: Any) -> Run:
        """The run that ``{run: value}`` names in a landscape; trained, unless several processes are at work."""
        if isinstance(value, str):
            other = find_run(Store(self.job.config["paths"]["runs"]), value)
            if not other.is_finished():
                other.manifest()  # which says so of one that is not to be used
                raise ValueError(f"run {other.fingerprint} is not finished")
            return other
        self._check_composable(value)
        if is_one_device(self.job.config["trainer"]["devices"]) and not is_external():
            return perform_other(self.job, value)
        other = run_of(other_job(self.job, value))
        if not other.is_finished():
            raise ValueError(
                f"run {list(value)}: {other.fingerprint} is not trained yet, which takes one device: "
                "type the command with trainer.devices=1 first"
            )
        return other

    def check_named(self) -> None:
        """Raise ValueError if a landscape names by overrides a run that they cannot turn this subject into."""
        for named in references(self.job.config["landscape"], kinds=("run",)):
            if self.is_run and isinstance(named.value, list):
                self._check_composable(named.value)

    def _check_composable(self, value: Any) -> None:
        """Raise ValueError if overrides cannot turn this subject into another run."""
        if not self.is_run:
            raise ValueError(
                f"run {value}: a network of your own has no overrides to change; give +...weights=FILE, "
                "the weights of the other network"
            )
        if self._composed_again != self.run.fingerprint:
            raise ValueError(
                f"run {value}: {self.run.fingerprint} cannot be composed again from the overrides that it was launched "
                "with; name the other run by its fingerprint, in quotes"
            )

    @cached_property
    def _composed_again(self) -> str | None:
        """Fingerprint of the run that is composed from the subject's overrides today; None if none can be."""
        try:
            return compose_job(self.job.overrides).fingerprint
        except (ValueError, HydraException, OmegaConfBaseException):  # a file or key that is there no more
            return None


def subject_of_run(text: str, overrides: Sequence[str], ckpt_key: str | None = None) -> Subject:
    """The run, or the weights in a run's folder, that ``text`` names. ValueError if it is not finished."""
    store = Store(compose_config(Overrides(overrides).section("paths")).paths.runs)
    run, weights = run_and_weights(store, text)
    if weights is None and ckpt_key is not None:
        raise ValueError(
            f"ckpt_key={ckpt_key}: says which network of a file of weights; run={text} names the run itself"
        )
    _check_overrides(run, overrides)
    if not run.is_finished():
        run.manifest()  # which says so of one that is not to be used
        raise ValueError(f"{text}: run {run.fingerprint} is not finished; train it to its end first")
    return Subject(run, _survey_of(run, overrides), weights, is_run=True, ckpt_key=ckpt_key)


def subject_of_file(text: str, overrides: Sequence[str], ckpt_key: str | None = None) -> Subject:
    """The network that ``model._target_`` names, or a file of the group, with the weights of the file ``text``.

    ``ckpt_key`` is their place in the file; see `load_weights`. `ConfigError` if no network is named.
    """
    if not {"model", "model._target_"} & set(Overrides(overrides).keys):
        raise ConfigError(  # the default choice is no network of the user's
            "model._target_ is missing: which network are the weights of? type model._target_=yours.Net"
        )
    job = compose_job(overrides)
    check_config(job.config, several_devices=True)
    weights = Path(text)
    if not weights.is_file():
        raise ValueError(f"ckpt={text}: no such file")
    config = job.config
    parts = {name: scientific(config)[name] for name in ("model", "data")}
    place = place_in_file(weights, ckpt_key, config)
    key = digest(
        {**parts, "loss": config["study"]["loss"], "weights": sha256(weights)}
        | ({} if place is None else {"ckpt_key": place})
    )
    name = config["model"]["_target_"].rpartition(".")[2]
    folder = Path(config["paths"]["results"]) / "landscapes" / f"{name}-{key}"
    return Subject(Run(folder), job, weights, is_run=False, ckpt_key=ckpt_key)
