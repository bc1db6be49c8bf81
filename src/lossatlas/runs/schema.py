"""What the keys and values of a configuration may be: its sections, the signatures that they target, and ranges."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from lossatlas.choices import nearest
from lossatlas.runs.composition.job import ConfigError, trusted_by
from lossatlas.runs.composition.signatures import NODE, find_target, in_words, misfit, signature_of, takes
from lossatlas.runs.composition.synonyms import our_word
from lossatlas.runs.store.references import KINDS, Reference, substituted
from lossatlas.runs.trainer_settings import check_trainer

_ONE = (
    *("data", "model", "normalization", "init", "optimizer", "scheduler", "study", "engine", "trainer"),
    "figures",
)
"""Sections that are one node, a mapping with a ``_target_``."""

_SEVERAL = ("regularizer", "landscape", "callbacks", "logger")
"""Sections of nodes by name."""

_PLAIN = {
    "experiment": None,
    "paths": ("runs", "results", "data"),
    "runtime": ("threads", "checkpoint_seconds", "debug", "trust"),
    "rates": None,
    "decays": ("coupled", "decoupled"),
}
"""Sections of plain values, with their keys where they are known."""

_SECTIONS = (*_ONE, *_SEVERAL, *_PLAIN, "seed", "epochs")
"""The keys at the top of a configuration."""

_LATER = ("callbacks", "normalization", "decays", "figures")
"""Those that the configurations of older runs lack."""

_LATER_KEYS = ("debug", "trust")
"""Keys of the sections of plain values that they lack."""

_NULL = ("callbacks", "logger")
"""Sections whose nodes may be null, which leaves them out."""

_GIVEN = {
    "study": (
        *("network", "data", "optimizer", "schedule", "penalties", "seed"),
        "accumulate_grad_batches",
    ),
    "landscape": ("problem", "journal", "progress"),
    "normalization": ("network",),
    "init": ("model", "network", "generator", "images"),
    "optimizer": ("params",),
}
"""Arguments that are given to what a section targets, and are no keys of it."""

_UNBOUNDED = ("experiment", "logger")
"""Sections whose numbers need not be finite: nothing is computed with them, and no key is made of them."""


def _is_whole(value: Any, least: float = -math.inf) -> bool:
    return type(value) is int and value >= least


def _is_number(value: Any, least: float = -math.inf, most: float = math.inf) -> bool:
    return type(value) in (int, float) and least <= value <= most


_RANGES: tuple[tuple[str, Callable[[Any], bool], str], ...] = (
    ("seed", _is_whole, "a whole number"),
    ("epochs", lambda value: _is_whole(value, 1), "a whole number >= 1"),
    ("experiment.name", lambda value: value is None or isinstance(value, str), "text, or null"),
    ("experiment.tags", lambda value: value is None or isinstance(value, list), "a list, as [a,b]"),
    ("runtime.threads", lambda value: value is None or _is_whole(value, 1), "a whole number >= 1, or null"),
    ("runtime.debug", lambda value: isinstance(value, bool), "true or false"),
    ("runtime.checkpoint_seconds", lambda value: _is_number(value, 0), "a number >= 0"),
    *(
        (f"paths.{key}", lambda value: isinstance(value, str), "a folder, as text")
        for key in _PLAIN["paths"] or ()
    ),
)
"""Path of a value, whether it is one that is meant, and what is."""

_RANGES_OF_TARGETS: dict[tuple[str, str], tuple[Callable[[Any], bool], str]] = {
    ("torch.nn.CrossEntropyLoss", "label_smoothing"): (
        lambda value: _is_number(value, 0, 1),
        "a number from 0 to 1",
    ),
    ("torch.nn.CrossEntropyLoss", "reduction"): (lambda value: value == "mean", "mean, the batch's"),
    ("lossatlas.studies.CalibrationError", "bins"): (
        lambda value: _is_whole(value, 1),
        "a whole number >= 1",
    ),
}
"""As `_RANGES`, of what targets take that do not tell by themselves what is senseless."""


_OF_HYDRA: dict[str, tuple[Callable[[Any], bool], str]] = {
    "_partial_": (lambda value: isinstance(value, bool), "true or false"),
    "_recursive_": (lambda value: isinstance(value, bool), "true or false"),
    "_convert_": (
        lambda value: value in ("none", "partial", "object", "all"),
        "none, partial, object or all",
    ),
    "_args_": (lambda value: isinstance(value, list), "a list"),
    "_target_": (lambda value: isinstance(value, str), "the name of a class or function"),
}
"""As `_RANGES_OF_TARGETS`, of Hydra's own keys in any node; any other that begins with ``_`` is a key as all are."""


def check_config(config: Mapping[str, Any], *, several_devices: bool = False) -> None:
    """Raise `ConfigError` for unknown, missing or misspelt keys, and for values that cannot be meant.

    For a trainer of several devices unless they are allowed.
    """
    _check_sections(config)
    found = list(_nodes(config, ""))
    for path, value in found:
        if isinstance(value, str) and value == "???":
            raise ConfigError(f"{path} is required: give {path}=VALUE")
    _check_ranges(config)
    for path, value in found:
        if isinstance(value, float) and not math.isfinite(value) and path.partition(".")[0] not in _UNBOUNDED:
            raise ConfigError(f"{path}={value}: expected a finite number")
    if not several_devices:
        check_trainer(config)
    for path, value in found:
        if isinstance(value, Mapping) and "_target_" in value:
            kinds = _kinds(path)
            named = {k: substituted(v, partial(_referred, f"{path}.{k}"), kinds) for k, v in value.items()}
            _check_node(path, named)


def _check_ranges(config: Mapping[str, Any]) -> None:
    for section in ("rates", "decays"):
        for key, value in (config.get(section) or {}).items():
            if not _is_number(value, 0):
                raise ConfigError(f"{section}.{key}={value}: expected a number >= 0")
    for path, fits, expected in _RANGES:
        section, _, key = path.partition(".")
        holder = config[section] if key else config
        value = holder.get(key or section, False if path == "runtime.debug" else None)
        if not fits(value):
            raise ConfigError(f"{path}={value}: expected {expected}")
    trusted_by(config)


def _check_sections(config: Mapping[str, Any]) -> None:
    for key in config:
        if key not in _SECTIONS:
            raise ConfigError(f"{key}: unknown key; {our_word(key) or nearest(key, _SECTIONS)}")
    for section in _SECTIONS:
        if section not in config and section not in _LATER:
            raise ConfigError(f"{section} is missing from the configuration")
    for section in _ONE:
        if section in config or section not in _LATER:
            _check_is_node(section, config[section])
    for section in (*_SEVERAL, *_PLAIN):
        part = config.get(section)
        if not isinstance(part, Mapping) and not (part is None and section in (*_NULL, *_LATER)):
            raise ConfigError(f"{section}={part}: expected a mapping")
    for section in _SEVERAL:
        part = config.get(section) or {}
        for name, node in ({} if "_target_" in part else part).items():
            if node is not None or section not in _NULL:
                _check_is_node(f"{section}.{name}", node)
    for section, keys in _PLAIN.items():
        if section not in config:  # of an older run
            continue
        for key in config[section]:
            if keys is not None and key not in keys:
                hint = our_word(f"{section}.{key}") or nearest(str(key), keys)
                raise ConfigError(f"{section}.{key}: unknown key; {hint}")
        for key in keys or ():
            if key not in config[section] and key not in _LATER_KEYS:
                raise ConfigError(f"{section}.{key} is missing from the configuration")


def _check_is_node(path: str, node: Any) -> None:
    if not isinstance(node, Mapping) or "_target_" not in node:
        raise ConfigError(f"{path}={node}: expected a mapping with a _target_")


def _nodes(node: Any, path: str) -> Iterator[tuple[str, Any]]:
    """``node`` and all within, by their paths."""
    yield path, node
    items = node.items() if isinstance(node, Mapping) else enumerate(node) if isinstance(node, list) else ()
    for key, value in items:
        yield from _nodes(value, f"{path}.{key}" if path else str(key))


def _kinds(path: str) -> Sequence[str]:
    """Kinds of references that may be written in a path's section; which a study takes is told when it is built."""
    return KINDS if path.partition(".")[0] in ("study", "landscape") else ()


def _referred(path: str, named: Reference) -> dict[str, str]:
    """What stands for a reference, which is whatever it names. `ConfigError` for a value that its kind does not take.

    The run that a study names may be a whole configuration by now.
    """
    if not (named.kind == "run" and isinstance(named.value, Mapping)):
        try:
            named.check()
        except ValueError as error:
            raise ConfigError(f"{path}.{error}") from error
    return {"_target_": named.kind}


def _check_node(path: str, node: Mapping[str, Any]) -> None:
    """Hold a node's keys and values against the signature of what its ``_target_`` names."""
    name = node["_target_"]
    if not isinstance(name, str):
        raise ConfigError(
            f"{path}._target_={name}: expected the name of a class or function, as torch.nn.ReLU"
        )
    try:
        target = find_target(name)
    except Exception as error:  # whatever the module raises
        raise ConfigError(f"{path}._target_={_why_not_found(name, error)}") from error
    if not callable(target):
        raise ConfigError(
            f"{path}._target_={name}: expected a class or function, got {type(target).__name__}"
        )
    signature = signature_of(target)
    parent = path.rpartition(".")[0]
    given = _GIVEN.get(path if parent != "landscape" else parent, ())
    for key, value in node.items():
        at = f"{path}.{key}"
        if key in _OF_HYDRA:
            fits, expected = _OF_HYDRA[key]
            if not fits(value):
                raise ConfigError(f"{at}={value}: expected {expected}")
            continue
        if key in given:
            raise ConfigError(f"{at}: not to be set; {our_word(at) or 'it is given by the other sections'}")
        parameter = signature.parameters.get(key)
        if parameter is None and signature.is_closed:
            hint = our_word(at) or nearest(str(key), signature.parameters.keys() - set(given))
            raise ConfigError(f"{at}: {name} takes no such key; {hint}")
        if (
            parameter is not None
            and not takes(parameter, value)
            and not (value is None and path.startswith("logger"))
        ):
            where, wrong, annotation = misfit(at, value, parameter.annotation)
            raise ConfigError(f"{where}={wrong}: expected {_expected(path, wrong, annotation)}")
        fits, expected = _RANGES_OF_TARGETS.get((name, key), (lambda _: True, ""))
        if not fits(value):
            raise ConfigError(f"{at}={value}: expected {expected}")


def _expected(path: str, wrong: Any, annotation: Any) -> str:
    """What a type takes, in words; for a mapping that may be meant as a run, how one is named."""
    words = in_words(annotation)
    meant = isinstance(wrong, Mapping) and "_target_" not in wrong and _kinds(path)
    return words.replace(NODE, "a run, as {run: [overrides]},").removesuffix(",") if meant else words


def _why_not_found(target: str, error: Exception) -> str:
    cause = error.__cause__ or error
    missing = cause.name if isinstance(cause, ModuleNotFoundError) and cause.name else ""
    parent, _, name = missing.rpartition(".")
    if parent and target.startswith(missing):
        return f"{target}: cannot be imported ({parent} has no {name})"
    hint = "; a module of your own must lie on PYTHONPATH" if missing == target.partition(".")[0] else ""
    return f"{target}: cannot be imported ({first_line(cause)}){hint}"


def first_line(error: BaseException) -> str:
    """First line of what an error says, or its name if it says nothing."""
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
