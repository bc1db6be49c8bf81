"""Checking a configuration before anything is computed: one line that says what is wrong and what would be right."""

import logging
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import torch
from pytorch_lightning.callbacks import (
    Callback,
    DeviceStatsMonitor,
    EarlyStopping,
    LearningRateMonitor,
    StochasticWeightAveraging,
)
from torch import Tensor, nn
from torch.optim import Optimizer

from lossatlas.choices import nearest
from lossatlas.data import ImageData
from lossatlas.hardware import threads_limited
from lossatlas.interruption import Interrupted
from lossatlas.optim import Cyclic, Monitoring, Schedule
from lossatlas.optim.stepping import needs_closure, needs_objective
from lossatlas.runs.build import build_callbacks, build_data, build_network, build_study, make
from lossatlas.runs.composition.job import ConfigError, Job
from lossatlas.runs.dry_run import dry_run
from lossatlas.runs.schema import check_config, first_line
from lossatlas.runs.store.fingerprint import digest, precision_name, scientific
from lossatlas.runs.store.references import Reference, references, substituted
from lossatlas.runs.tracker import tracker_nodes
from lossatlas.runs.trainer_settings import try_trainer
from lossatlas.studies import BestWeights, Classifier, Study, SurveyAtEpochs

log = logging.getLogger(__name__)

_SIGNAL = 1e-5  # least standard deviation over images of any logit
_GRADIENT = 1e-2  # least norm of the gradient of some weight, which is 0.07 and more in networks that train


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
    parts = {**scientific(config), "seed": None, "study": study, "trainer": config["trainer"], **around}
    of_network = {"study": study, "normalization": config.get("normalization")}
    surveyed = {name: config[name] for name in ("model", "data", "landscape")} | of_network
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
    network = build_network(config, _named)
    data = _named("data", lambda: build_data(config))
    optimizer = _named("optimizer", lambda: make(config["optimizer"])(network.parameters()))
    _named("scheduler", lambda: _try_schedule(make(config["scheduler"]), config["epochs"]))
    _named("regularizer", lambda: _try_penalties(make(config["regularizer"]), network))
    study = _named("study", lambda: build_study(config, network, data))
    _named("optimizer", lambda: study.check_optimizer(study.make_optimizer()))
    _check_evaluations(config, optimizer)
    _named("model", lambda: _try_out(network, data))
    _named("study", lambda: _try_loss(study, data))
    _named("study", lambda: _try_mixed_targets(study, data))
    _check_callbacks(config, study)
    if study.monitor is not None:
        _check_column("scheduler.monitor", study.monitor, study)
    _check_snapshots(study.snapshot_epochs, config["epochs"])
    _named("study", lambda: _check_members(study, config["epochs"]))
    _check_trunk(config)
    _check_start(config)
    _check_last_batch(network, data)
    if without_signal(network, data):
        log.warning(
            "init: no signal comes through %s, whose outputs hardly depend on the image: it will not train, whatever "
            "the optimizer; type init=kaiming_fan_in, or another that fits the network",
            type(network).__name__,
        )


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
        raise ValueError(f"it does not take images of {list(data.shape)}: {first_line(error)}") from error
    if not isinstance(logits, Tensor):
        raise ValueError(
            f"it gives a {type(logits).__name__} for two images, expected a tensor of logits, "
            f"[2, {data.classes}]: wrap it in a module that returns those alone"
        )
    if logits.shape != (len(inputs[:2]), data.classes):
        raise ValueError(f"it gives {list(logits.shape)} for two images, expected [2, {data.classes}]")


def _try_schedule(schedule: Schedule, epochs: int) -> None:
    """Raise ValueError for one that gives no factor at the start or in the last epoch."""
    for epoch in (0.0, epochs - 1.0):
        if isinstance(schedule, Cyclic | Monitoring) and epoch:
            return  # which may need to know the steps of an epoch, or what was measured
        factor = schedule(epoch)
        if not (isinstance(factor, int | float) and math.isfinite(factor)):
            raise ValueError(f"expected a factor of the base rate at epoch {epoch:g}, got {factor}")


def _try_penalties(penalties: Mapping[str, Any], network: nn.Module) -> None:
    """Raise ValueError for one that gives no number for the weights of the network."""
    with torch.no_grad():
        for name, penalty in penalties.items():
            if not callable(penalty):
                continue  # what acts otherwise than by a penalty is tried with the study
            value = torch.as_tensor(penalty(dict(network.named_parameters())))
            if value.ndim or not value.isfinite():
                raise ValueError(f"{name}: expected a finite number, got {value}")


@torch.no_grad()
def _try_loss(study: Study, data: ImageData) -> None:
    """Raise ValueError for a loss that is no single number, and for metrics that do not take logits of the classes."""
    inputs, targets = data.normalized("test")
    loss, _ = study.eval().batch_loss((inputs[:2], targets[:2]))
    if not isinstance(loss, Tensor) or loss.ndim:
        given = list(loss.shape) if isinstance(loss, Tensor) else type(loss).__name__
        raise ValueError(f"loss: expected the mean over a batch, a single number, got {given}")
    if isinstance(study, Classifier):
        _try_metrics(study, study.network(inputs[:2]), targets[:2], data.classes)


@torch.no_grad()
def _try_mixed_targets(study: Study, data: ImageData) -> None:
    """Raise ValueError for a loss that does not take the probabilities that an augmentation makes of targets."""
    mixing = [name for name, change in data.augment.items() if getattr(change, "mixes_targets", False)]
    if not mixing:
        return
    inputs, targets = data.batch(seed=0, step=0)
    try:
        study.eval().batch_loss((inputs[:2], targets[:2]))
    except (RuntimeError, ValueError, TypeError, IndexError) as error:
        loss = type(getattr(study, "loss", study)).__name__
        raise ValueError(
            f"loss: {loss} does not take the targets of data.augment.{mixing[0]}, "
            f"which are probabilities of the {data.classes} classes ({first_line(error)}): "
            "take torch.nn.CrossEntropyLoss, or leave it out"
        ) from error


def _try_metrics(study: Classifier, logits: Tensor, targets: Tensor, classes: int) -> None:
    for name, metric in study.metrics.items():
        if (given := getattr(metric, "num_classes", classes)) != classes:
            raise ValueError(f"metrics.{name}.num_classes={given}: the data have {classes} classes")
    study.metrics.reset()
    study.metrics.update(logits, targets)
    for name, value in study.metrics.compute().items():
        if not isinstance(value, Tensor) or value.ndim:
            raise ValueError(f"metrics.{name}: expected a single number, got {value}")
    study.metrics.reset()


def _check_snapshots(epochs: Sequence[int], last: int) -> None:
    for epoch in epochs:
        if not 0 <= epoch <= last:
            raise ConfigError(f"study.snapshot_epochs: there is no epoch {epoch}; expected 0 to {last}")


def _check_members(study: Study, epochs: int) -> None:
    last = epochs * study.steps_per_epoch
    for step in study.member_steps:
        if not 0 <= step <= last:
            raise ValueError(f"a member is kept after step {step}, but the run has {last} steps")


def _check_callbacks(config: Mapping[str, Any], study: Study) -> None:
    """Raise `ConfigError` if a callback or a trainer of them cannot be made, or does not go with study or logger."""
    try:
        callbacks = build_callbacks(config)
        on_any_machine = {**config, "trainer": {**config["trainer"], "accelerator": "cpu", "devices": 1}}
        try_trainer(on_any_machine, list(callbacks.values()))
    except ValueError as error:
        raise ConfigError(first_line(error)) from error
    _check_alike(callbacks)
    for name, callback in callbacks.items():
        path = f"callbacks.{name}"
        if isinstance(callback, EarlyStopping):
            _check_early_stopping(path, callback, study)
        if isinstance(callback, BestWeights):
            _check_best_weights(path, callback, study)
        if isinstance(callback, LearningRateMonitor | DeviceStatsMonitor) and not tracker_nodes(config):
            raise ConfigError(
                f"{path}: it writes to a logger, and there is none: type logger=csv, or leave it out"
            )
        if isinstance(callback, StochasticWeightAveraging):
            raise ConfigError(f"{path}: it sets rates and epochs of its own: type study=swa")
        if isinstance(callback, SurveyAtEpochs) and not _trains_its_network(study):
            raise ConfigError(
                f"{path}: {type(study).__name__} has its network at the end alone: type landscape=..."
            )


def _check_alike(callbacks: Mapping[str, Callback]) -> None:
    """Raise `ConfigError` for two that a checkpoint cannot tell apart, which Lightning says when training begins."""
    found: dict[str, str] = {}
    for name, callback in callbacks.items():
        if type(callback).state_dict is Callback.state_dict:
            continue  # it keeps nothing
        other = found.setdefault(callback.state_key, name)
        if other != name:
            kind = type(callback).__name__
            raise ConfigError(
                f"callbacks.{name}: a checkpoint would take its state for that of callbacks.{other}, which is a {kind} "
                "too: leave one of them out"
            )


def _check_early_stopping(path: str, callback: EarlyStopping, study: Study) -> None:
    if study.needed_steps:
        raise ConfigError(
            f"{path}: {type(study).__name__} has its result only after step {study.needed_steps}: leave it out"
        )
    _check_column(f"{path}.monitor", callback.monitor, study)


def _check_best_weights(path: str, callback: BestWeights, study: Study) -> None:
    if type(study).finish is not Study.finish:
        raise ConfigError(
            f"{path}: {type(study).__name__} makes the network that it ends with itself: leave it out"
        )
    _check_column(f"{path}.monitor", callback.monitor, study)


def _check_column(path: str, column: str | None, study: Study) -> None:
    """Raise `ConfigError` unless the study logs ``column``, the value of ``path``, if it knows before it is trained."""
    columns = study.epoch_columns
    if columns is not None and column not in columns:
        raise ConfigError(f"{path}={column}: no such column of history.csv; {nearest(str(column), columns)}")


def _trains_its_network(study: Study) -> bool:
    own = {id(parameter) for parameter in study.network.parameters()}
    return all(id(parameter) in own for parameter in study.trained_parameters())


def _check_evaluations(config: Mapping[str, Any], optimizer: Optimizer) -> None:
    """Raise `ConfigError` for an optimizer that evaluates the loss itself where gradients are scaled or clipped."""
    if config["trainer"].get("gradient_clip_val") is not None and needs_objective(optimizer):
        raise ConfigError(
            f"trainer.gradient_clip_val: {type(optimizer).__name__} goes by gradient and curvature, of which one alone "
            "would be clipped: type optimizer.trust_radius=... for the longest step"
        )
    if precision_name(config["trainer"].get("precision")) == "16-mixed" and needs_closure(optimizer):
        raise ConfigError(
            f"trainer.precision=16-mixed: {type(optimizer).__name__} evaluates the loss itself, without the scaled "
            "gradients of half precision: type trainer.precision=bf16-mixed"
        )


def _check_trunk(config: Mapping[str, Any]) -> None:
    """Raise `ConfigError` if the run branches from one that was not its own beginning."""
    trunk = config["study"].get("trunk")
    if trunk:
        for name, node in (trunk["run"].get("callbacks") or {}).items():
            if node is not None and node["_target_"].endswith(("EarlyStopping", "BestWeights")):
                raise ConfigError(
                    f"study.trunk: callbacks.{name} may end it with another epoch than its last: "
                    "name it with callbacks=none"
                )
        ours, theirs = scientific(config), scientific(trunk["run"])
        for section in ("data", "model", "normalization", "init"):
            if ours.get(section) != theirs.get(section):
                raise ConfigError(
                    f"study.trunk: its {section} is not this run's; name it by overrides of other keys"
                )
        ours, theirs = (config_of["optimizer"].get("_target_") for config_of in (ours, theirs))
        if ours != theirs:
            raise ConfigError(
                f"study.trunk: its optimizer is {theirs}, this run's {ours}: take the same for both"
            )


def _check_start(config: Mapping[str, Any]) -> None:
    """Raise `ConfigError` for momentum of a run whose network is that of another epoch."""
    study = config["study"]
    start = study.get("start") or {}
    if (
        not isinstance(start, Mapping)
        or not isinstance(start.get("run"), Mapping)
        or not study.get("momentum")
    ):
        return
    for name, node in (start["run"].get("callbacks") or {}).items():
        if node is not None and node["_target_"].endswith("BestWeights"):
            raise ConfigError(
                f"study.start: callbacks.{name} ends it with the network of its best epoch, and its momentum is that "
                "of the last: type study.momentum=false"
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


def without_signal(network: nn.Module, data: ImageData) -> bool:
    """Whether a network has the same outputs for all images of a batch, and no weight has a gradient to change that.

    In training mode. Of the networks of conf/model that train logits differ by 1e-4 and more, of others by less than
    1e-6. Where the last layer begins with zeros its gradient says that they will. A network without weights of two
    dimensions, such as a ball, looks at no image.
    """
    inputs, targets = data.batch(seed=0, step=0)
    weights = [
        parameter for parameter in network.parameters() if parameter.ndim > 1 and parameter.requires_grad
    ]
    if len(inputs) < 2 or not weights or not inputs.std(0).max() > 0:
        return False
    outputs = network.train()(inputs)
    if not outputs.std(0).max() < _SIGNAL:
        return False
    loss = nn.functional.cross_entropy(outputs, targets)
    gradients = torch.autograd.grad(loss, weights, materialize_grads=True)
    return all(float(torch.linalg.vector_norm(gradient)) < _GRADIENT for gradient in gradients)


def _named(section: str, build: Callable[[], Any]) -> Any:
    """What ``build`` gives; what it raises is told as the section's. Of the user's own code that may be anything."""
    try:
        return build()
    except (OSError, Interrupted):
        raise  # a data set or file that is not there says itself what to do
    except (ValueError, TypeError, RuntimeError) as error:
        raise ConfigError(f"{section}: {first_line(error)}") from error
    except Exception as error:
        raise ConfigError(f"{section}: {type(error).__name__}: {first_line(error)}") from error


def check_survey(job: Job) -> None:
    """Raise `ConfigError` if the landscapes of a job cannot be had, be it on several devices."""
    check_config(job.config, several_devices=True)
    network = build_network(job.config, _named)
    data = _named("data", lambda: build_data(job.config))
    _named("model", lambda: _try_out(network, data))
    with threads_limited(1):
        _try_landscapes(job, network, data)
