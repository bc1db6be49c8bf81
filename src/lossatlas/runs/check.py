"""Checking a configuration before anything is computed: one line that says what is wrong and what would be right."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import torch
from pytorch_lightning.callbacks import DeviceStatsMonitor, EarlyStopping, LearningRateMonitor
from torch import nn

from lossatlas.choices import nearest
from lossatlas.data import ImageData
from lossatlas.hardware import threads_limited
from lossatlas.runs.build import build_callbacks, build_data, build_network, build_study, make
from lossatlas.runs.composition.custom_model import accepted_arguments, find_target
from lossatlas.runs.composition.job import ConfigError, Job, trusted_by
from lossatlas.runs.composition.synonyms import TRAINER, our_word
from lossatlas.runs.dry_run import dry_run
from lossatlas.runs.store.fingerprint import digest, scientific
from lossatlas.runs.store.references import Reference, references, substituted
from lossatlas.runs.tracker import tracker_nodes
from lossatlas.studies import Study, SurveyAtEpochs

_SECTIONS = (
    *("data", "model", "init", "optimizer", "scheduler", "regularizer", "study", "landscape", "engine"),
    *("trainer", "callbacks", "logger", "experiment", "paths", "runtime", "seed", "epochs", "rates"),
)
"""The keys at the top of a configuration."""

_LATER = ("callbacks",)
"""Those that the configurations of older runs lack."""

_KEYS = {"paths": ("runs", "results", "data"), "runtime": ("threads", "checkpoint_seconds", "debug", "trust")}
"""The keys of those sections whose targets cannot say which they take."""


def check_jobs(jobs: Iterable[Job]) -> None:
    """Raise `ConfigError` for the first job that cannot be run, or whose study names a run that cannot.

    Its parts are built to see that they fit, once for all jobs that differ in seeds alone, and its landscapes have a
    dry run, once for all jobs that share network and data.
    """
    checked: set[str] = set()
    with threads_limited(1):  # for a few images, others only get in each other's way
        for job in jobs:
            _check(job, checked)


def _check(job: Job, checked: set[str]) -> None:
    config = job.config
    check_config(config)
    for reference in references(config["study"]):
        if reference.kind != "run":
            written = f"{{{reference.kind}: {reference.value}}}"
            raise ConfigError(
                f"study: {written} is for landscapes; a study names runs, as {{run: ['seed=1']}}"
            )
    for named in job.upstream:
        _check(named, checked)
    study = _told_by_kind(config["study"])
    around = {"callbacks": config.get("callbacks"), "logger": bool(tracker_nodes(config))}
    parts = {**scientific(config), "seed": None, "study": study, **around}
    surveyed = {name: config[name] for name in ("model", "data", "landscape")} | {"study": study}
    for key, check in ((digest(parts), _check_parts), (digest(surveyed), _check_landscapes)):
        if key not in checked:
            checked.add(key)
            check(job)


def _told_by_kind(study: Any) -> Any:
    """``study`` with numbers for the seeds of the runs that it names, in the order in which they first come."""
    numbers: dict[int, int] = {}

    def run(reference: Reference) -> Any:
        named = reference.value
        if not isinstance(named, Mapping):
            return named
        number = numbers.setdefault(named["seed"], len(numbers))
        return {**scientific(named), "seed": number, "study": _told_by_kind(named["study"])}

    return substituted(study, run, kinds=("run",))


def _check_parts(job: Job) -> None:
    """Build what a configuration names; a part that does not take its values is named with its complaint."""
    config = job.config
    network = _named("model", lambda: build_network(config))
    data = _named("data", lambda: build_data(config))
    _named("optimizer", lambda: make(config["optimizer"])(network.parameters()))
    _named("scheduler", lambda: make(config["scheduler"])(0.0))
    _named("regularizer", lambda: make(config["regularizer"]))
    study = _named("study", lambda: build_study(config, network, data))
    _named("model", lambda: _try_out(network, data))
    _named("study", lambda: _try_loss(study, data))
    _check_callbacks(config, study)
    _check_snapshots(study.snapshot_epochs, config["epochs"])
    _named("study", lambda: _check_members(study, config["epochs"]))
    _check_trunk(config)
    _check_last_batch(network, data)


def _check_landscapes(job: Job) -> None:
    if job.config["landscape"]:
        _try_landscapes(job, build_network(job.config), build_data(job.config))


def _try_landscapes(job: Job, network: nn.Module, data: ImageData) -> None:
    for name in job.config["landscape"]:
        _named(f"landscape.{name}", partial(dry_run, job, name, network, data))


@torch.no_grad()
def _try_out(network: nn.Module, data: ImageData) -> None:
    """Raise ValueError if the network does not take the data's images or does not give a logit for each class."""
    inputs, _ = data.normalized("test")
    try:
        logits = network.eval()(inputs[:2])
    except RuntimeError as error:
        raise ValueError(f"it does not take images of {list(data.shape)}: {_first_line(error)}") from error
    if logits.shape != (len(inputs[:2]), data.classes):
        raise ValueError(f"it gives {list(logits.shape)} for two images, expected [2, {data.classes}]")


@torch.no_grad()
def _try_loss(study: Study, data: ImageData) -> None:
    inputs, targets = data.normalized("test")
    study.eval().batch_loss((inputs[:2], targets[:2]))


def _check_snapshots(epochs: Sequence[int], last: int) -> None:
    for epoch in epochs:
        if not 0 <= epoch <= last:
            raise ConfigError(f"study.snapshot_epochs: there is no epoch {epoch}; expected 0 to {last}")


def _check_members(study: Study, epochs: int) -> None:
    last = epochs * study.data.steps_per_epoch
    for step in study.member_steps:
        if not 0 <= step <= last:
            raise ValueError(f"a member is kept after step {step}, but the run has {last} steps")


def _check_callbacks(config: Mapping[str, Any], study: Study) -> None:
    """Raise `ConfigError` if a callback cannot be made, or does not go with the study or the logger."""
    try:
        callbacks = build_callbacks(config)
    except ValueError as error:
        raise ConfigError(_first_line(error)) from error
    for name, callback in callbacks.items():
        path = f"callbacks.{name}"
        if isinstance(callback, EarlyStopping):
            _check_early_stopping(path, callback, study)
        if isinstance(callback, LearningRateMonitor | DeviceStatsMonitor) and not tracker_nodes(config):
            raise ConfigError(
                f"{path}: it writes to a logger, and there is none: type logger=csv, or leave it out"
            )
        if isinstance(callback, SurveyAtEpochs) and not _trains_its_network(study):
            raise ConfigError(
                f"{path}: {type(study).__name__} has its network at the end alone: type landscape=..."
            )


def _check_early_stopping(path: str, callback: EarlyStopping, study: Study) -> None:
    if study.needed_steps:
        raise ConfigError(
            f"{path}: {type(study).__name__} has its result only after step {study.needed_steps}: leave it out"
        )
    columns = study.epoch_columns
    if columns is not None and callback.monitor not in columns:
        raise ConfigError(
            f"{path}.monitor={callback.monitor}: no such column of history.csv; {nearest(callback.monitor, columns)}"
        )


def _trains_its_network(study: Study) -> bool:
    own = {id(parameter) for parameter in study.network.parameters()}
    return all(id(parameter) in own for parameter in study.trained_parameters())


def _check_trunk(config: Mapping[str, Any]) -> None:
    """Raise `ConfigError` if the run branches from one that was not its own beginning."""
    trunk = config["study"].get("trunk")
    if trunk:
        for name, node in (trunk["run"].get("callbacks") or {}).items():
            if node is not None and "EarlyStopping" in node["_target_"]:
                raise ConfigError(
                    f"study.trunk: callbacks.{name} may stop it before its last epoch: name it with callbacks=none"
                )
        ours, theirs = scientific(config), scientific(trunk["run"])
        for section in ("data", "model", "init"):
            if ours[section] != theirs[section]:
                raise ConfigError(
                    f"study.trunk: its {section} is not this run's; name it by overrides of other keys"
                )
        ours, theirs = (config_of["optimizer"].get("_target_") for config_of in (ours, theirs))
        if ours != theirs:
            raise ConfigError(
                f"study.trunk: its optimizer is {theirs}, this run's {ours}: take the same for both"
            )


@torch.no_grad()
def _check_last_batch(network: nn.Module, data: ImageData) -> None:
    """Raise `ConfigError` if an epoch ends with a single image on which the network cannot train.

    Batch normalisation needs several values of a channel. Tried out, since one image has them in the early
    layers: a ResNet may train, a network with a normalised hidden layer does not.
    """
    inputs, _ = data.batch(seed=0, step=data.steps_per_epoch - 1)
    if len(inputs) > 1:
        return
    try:
        network.train()(inputs)
    except ValueError as error:
        raise ConfigError(
            f"data.batch_size={data.batch_size}: the last batch of an epoch is a single image, which batch "
            "normalisation cannot train on; type data.drop_last=true or take another batch size"
        ) from error


def _named(section: str, build: Callable[[], Any]) -> Any:
    try:
        return build()
    except FileNotFoundError:
        raise  # a data set that is not there says itself what to do
    except (ValueError, TypeError, RuntimeError) as error:
        raise ConfigError(f"{section}: {_first_line(error)}") from error


def check_survey(job: Job) -> None:
    """Raise `ConfigError` if the landscapes of a job cannot be had, be it on several devices."""
    check_config(job.config, several_devices=True)
    network = _named("model", lambda: build_network(job.config))
    data = _named("data", lambda: build_data(job.config))
    _named("model", lambda: _try_out(network, data))
    with threads_limited(1):
        _try_landscapes(job, network, data)


def check_config(config: Mapping[str, Any], *, several_devices: bool = False) -> None:
    """Raise `ConfigError` for unknown, missing or misspelt keys; for several devices unless they are allowed."""
    for key in config:
        if key not in _SECTIONS:
            raise ConfigError(f"{key}: unknown key; {our_word(key) or nearest(key, _SECTIONS)}")
    for section in _SECTIONS:
        if section not in config and section not in _LATER:
            raise ConfigError(f"{section} is missing from the configuration")
    for section, keys in _KEYS.items():
        for key in config[section]:
            if key not in keys:
                hint = our_word(f"{section}.{key}") or nearest(key, keys)
                raise ConfigError(f"{section}.{key}: unknown key; {hint}")
    within = list(_nodes(config, ""))
    for path, node in within:
        if isinstance(node, str) and node == "???":
            raise ConfigError(f"{path} is required: give {path}=VALUE")
    for path, node in within:
        if isinstance(node, Mapping) and "_target_" in node:
            _check_arguments(path, node)
    for name, node in config["landscape"].items():
        _check_is_node(f"landscape.{name}", node)
    for section, nodes in (("callbacks", config.get("callbacks") or {}), ("logger", tracker_nodes(config))):
        for name, node in nodes.items():
            if node is not None:
                _check_is_node(f"{section}.{name}", node)
    trusted_by(config)
    seed, epochs, runtime = config["seed"], config["epochs"], config["runtime"]
    threads, debug, seconds = runtime["threads"], runtime.get("debug", False), runtime["checkpoint_seconds"]
    some_threads = threads is None or (type(threads) is int and threads >= 1)
    for path, value, fits, expected in (
        ("seed", seed, type(seed) is int, "a whole number"),
        ("epochs", epochs, type(epochs) is int and epochs >= 1, "a whole number >= 1"),
        ("runtime.threads", threads, some_threads, "a whole number >= 1, or null"),
        ("runtime.debug", debug, isinstance(debug, bool), "true or false"),
        ("runtime.checkpoint_seconds", seconds, isinstance(seconds, int | float), "a number"),
    ):
        if not fits:
            raise ConfigError(f"{path}={value}: expected {expected}")
    if not several_devices:
        _check_trainer(config)


def _check_is_node(path: str, node: Any) -> None:
    if not isinstance(node, Mapping) or "_target_" not in node:
        raise ConfigError(f"{path}={node}: expected a mapping with a _target_")


def _check_trainer(config: Mapping[str, Any]) -> None:
    """Raise `ConfigError` for what training sets itself, and what would leave a run without its last epoch."""
    for key, value in config["trainer"].items():
        if key in TRAINER and not (key == "fast_dev_run" and config["runtime"].get("debug")):
            raise ConfigError(f"trainer.{key}={value}: not to be set; {TRAINER[key]}")
    if (devices := config["trainer"]["devices"]) != 1:
        raise ConfigError(
            f"trainer.devices={devices}: a run takes one device; "
            "a sweep (-m) runs as many jobs side by side as there are devices"
        )


def _nodes(node: Any, path: str) -> Iterator[tuple[str, Any]]:
    """``node`` and all within, by their paths."""
    yield path, node
    items = node.items() if isinstance(node, Mapping) else enumerate(node) if isinstance(node, list) else ()
    for key, value in items:
        yield from _nodes(value, f"{path}.{key}" if path else str(key))


def _check_arguments(path: str, node: Mapping[str, Any]) -> None:
    """Hold a node's keys against the signature of what its ``_target_`` names."""
    try:
        target = find_target(node["_target_"])
    except Exception as error:  # whatever the module raises
        raise ConfigError(f"{path}._target_={_why_not_found(node['_target_'], error)}") from error
    accepted = accepted_arguments(target)
    if accepted is None:
        return
    for key in node:
        if not key.startswith("_") and key not in accepted:
            hint = our_word(f"{path}.{key}") or nearest(key, accepted)
            raise ConfigError(f"{path}.{key}: {node['_target_']} takes no such key; {hint}")


def _why_not_found(target: str, error: Exception) -> str:
    cause = error.__cause__ or error
    missing = cause.name if isinstance(cause, ModuleNotFoundError) and cause.name else ""
    parent, _, name = missing.rpartition(".")
    if parent and target.startswith(missing):
        return f"{target}: cannot be imported ({parent} has no {name})"
    hint = "; a module of your own must lie on PYTHONPATH" if missing == target.partition(".")[0] else ""
    return f"{target}: cannot be imported ({_first_line(cause)}){hint}"


def _first_line(error: BaseException) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
