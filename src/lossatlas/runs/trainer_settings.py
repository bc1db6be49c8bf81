"""Which of the trainer's settings a run takes, and whether this machine computes what they say."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pytorch_lightning import Callback, Trainer
from pytorch_lightning.accelerators import AcceleratorRegistry
from pytorch_lightning.utilities.exceptions import MisconfigurationException

from lossatlas.callbacks.best_weights import BestWeights
from lossatlas.choices import nearest
from lossatlas.runs.build import make
from lossatlas.runs.composition.job import ConfigError
from lossatlas.runs.composition.synonyms import TRAINER, our_word
from lossatlas.runs.process_settings import lightning_warns_only, settings_restored
from lossatlas.runs.store.fingerprint import precision_name

_PRECISIONS = ("32-true", "bf16-mixed", "16-mixed")
"""Those that a study trains in; in others the weights themselves are no float32, as all that measures them takes."""


_ACCELERATORS = ("auto", "gpu", *sorted(AcceleratorRegistry.available_accelerators()))


def _at_least(least: float, kinds: tuple[type, ...] = (int,)) -> Callable[[Any], bool]:
    return lambda value: value is None or (type(value) in kinds and value >= least)


def device_number(devices: Any) -> int | None:
    """The number, from 0, of the one device that is chosen by it; None where it is not.

    >>> device_number([1]), device_number(1), device_number([0, 1])
    (1, None, None)
    """
    if not isinstance(devices, Sequence) or isinstance(devices, str) or len(devices) != 1:
        return None
    return int(devices[0]) if type(devices[0]) is int and devices[0] >= 0 else None


def is_one_device(devices: Any) -> bool:
    """Whether there is one, whichever it is."""
    return (type(devices) is int and devices == 1) or device_number(devices) is not None


_TAKEN: dict[str, tuple[Callable[[Any], bool], str]] = {
    "devices": (is_one_device, "1, or the number of one, as [1]"),
    "accelerator": (lambda value: value in _ACCELERATORS, f"one of {', '.join(_ACCELERATORS)}"),
    "num_nodes": (lambda value: value == 1, "1: a run takes one device"),
    "precision": (
        lambda value: precision_name(value) in _PRECISIONS,
        "32-true or bf16-mixed, or on a GPU 16-mixed",
    ),
    "accumulate_grad_batches": (lambda value: type(value) is int and value >= 1, "a whole number >= 1"),
    "gradient_clip_val": (_at_least(0, (int, float)), "a number >= 0, or null"),
    "gradient_clip_algorithm": (lambda value: value in (None, "norm", "value"), "norm or value"),
    "min_epochs": (_at_least(0), "a whole number >= 0, or null"),
    "min_steps": (_at_least(0), "a whole number >= 0, or null"),
    "deterministic": (lambda value: value in (None, True, False, "warn"), "true, false or warn"),
    "benchmark": (lambda value: value in (None, True, False), "true or false"),
    "log_every_n_steps": (_at_least(1), "a whole number >= 1"),
    "profiler": (lambda value: not isinstance(value, bool | int | float | list), "a profiler"),
    "detect_anomaly": (lambda value: isinstance(value, bool), "true or false"),
    "enable_progress_bar": (lambda value: value in (None, True, False), "true or false"),
    "enable_model_summary": (lambda value: value in (None, True, False), "true or false"),
}
"""Arguments of Lightning's Trainer that a run takes, whether a value is one that is meant, and what is."""


def check_trainer(config: Mapping[str, Any]) -> None:
    """Raise `ConfigError` for what a run does not take, or training sets itself, or would end it before its end."""
    for key in ("accelerator", "devices"):
        if key not in config["trainer"]:
            raise ConfigError(f"trainer.{key} is missing from the configuration")
    for key, value in config["trainer"].items():
        in_debug = key == "fast_dev_run" and config["runtime"].get("debug")
        if key == "_target_" or in_debug:
            continue
        if key == "devices" and not is_one_device(value):
            raise ConfigError(
                f"trainer.devices={value}: a run takes one device, of which [1] names the second; "
                "a sweep (-m) runs as many jobs side by side as there are devices"
            )
        if key in TRAINER:
            raise ConfigError(f"trainer.{key}={value}: not to be set; {TRAINER[key]}")
        if key not in _TAKEN:
            name = config["trainer"]["_target_"]
            hint = our_word(f"trainer.{key}") or nearest(str(key), (*_TAKEN, *TRAINER))
            raise ConfigError(f"trainer.{key}: {name} takes no such key; {hint}")
        fits, expected = _TAKEN[key]
        if not fits(value):
            raise ConfigError(f"trainer.{key}={value}: expected {expected}")
    if (config["trainer"].get("min_epochs") or 0) > config["epochs"]:
        raise ConfigError(f"trainer.min_epochs: expected at most epochs={config['epochs']}")


def build_trainer(config: Mapping[str, Any], callbacks: Sequence[Callback], **given: Any) -> Trainer:
    """Make the trainer of a plain configuration, with ``callbacks`` and what else is ``given``.

    ValueError for what Lightning refuses: an accelerator that this machine does not have, or two callbacks whose
    states have one name.
    """
    try:
        return make(config["trainer"], max_epochs=config["epochs"], callbacks=list(callbacks), **given)
    except (MisconfigurationException, RuntimeError, ValueError, TypeError) as error:
        raise ValueError(f"trainer: {error}") from error


def try_trainer(config: Mapping[str, Any], callbacks: Sequence[Callback] = ()) -> Trainer:
    """Make it and leave the process as it was; ValueError as `build_trainer`."""
    with settings_restored(), lightning_warns_only(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        others = [callback for callback in callbacks if not isinstance(callback, BestWeights)]
        return build_trainer(config, others, logger=False, enable_checkpointing=False)


def check_machine(config: Mapping[str, Any]) -> None:
    """Raise `ConfigError` unless this machine has the accelerator, and computes in the precision that is asked for.

    A processor trains in bfloat16 where float16 is asked for.
    """
    node = config["trainer"]
    try:
        trainer = try_trainer(config)
    except ValueError as error:
        raise ConfigError(" ".join(str(error).split())) from error
    asked, device = precision_name(node.get("precision")), trainer.strategy.root_device.type
    if asked == "16-mixed" and device == "cpu":
        raise ConfigError(
            f"trainer.precision={node['precision']}: this machine's processor trains in bfloat16 instead; "
            "type trainer.precision=bf16-mixed, or take a GPU"
        )
