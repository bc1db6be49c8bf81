"""The fingerprint: which run a configuration means."""

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any

from lossatlas.runs.store.references import Reference, substituted

if TYPE_CHECKING:  # this file is read before torch is
    from lossatlas.runs.store.store import Run

RESULTS_VERSION = 1
"""Raised when the numerics change, so that runs of the older code are no longer found."""

NOT_SCIENTIFIC: dict[str, str] = {
    # key (with all that lies below it): why it does not change what a run computes
    "hydra": "how jobs are composed and launched",
    "paths": "where files lie",
    "runtime": "threads, how often to checkpoint",
    "logger": "where metrics are shown",
    "figures": "how pictures look",
    "rates": "the rate that is used stands in optimizer.lr",
    "decays": "the weight decay that is used stands in optimizer.weight_decay",
    "landscape": "measured after training; landscapes have fingerprints of their own",
    "engine": "how landscapes are measured, which is part of their fingerprints",
    "experiment": "which figure asked, its claims and pictures",
    "overrides": "what the configuration of a run that a study names was composed from",
    "data.root": "where the data set lies",
    "data.download": "whether it may be fetched",
    "trainer.accelerator": "the hardware, which the manifest records",
    "trainer.devices": "always one; the hardware, which the manifest records",
    "trainer.num_nodes": "always one; the hardware, which the manifest records",
    "trainer.deterministic": "which of equivalent kernels run",
    "trainer.benchmark": "which of equivalent kernels run",
    "trainer.enable_progress_bar": "display",
    "trainer.enable_model_summary": "display",
    "trainer.log_every_n_steps": "how often metrics are shown",
    "trainer.profiler": "times what is computed",
    "trainer.detect_anomaly": "says where a NaN comes from",
}
"""The keys of a composed configuration that do not change a run's result. All others are hashed."""


_WITH_ACTIVATION = ("MLP", "VGG", "SqueezeNet", "ResNet", "PreActResNet", "WideResNet", "DenseNet")
_DROPPING = {
    "MLP": ("dropout", "input_dropout"),
    "LeNet": ("dropout", "input_dropout", "spatial_dropout"),
    "VGG": ("input_dropout", "spatial_dropout"),
    "DenseNet": ("input_dropout", "spatial_dropout"),
    "ResNet": ("dropout", "input_dropout", "spatial_dropout", "stochastic_depth"),
    "PreActResNet": ("input_dropout", "spatial_dropout", "stochastic_depth"),
    "WideResNet": ("input_dropout", "spatial_dropout", "stochastic_depth"),
}
_WITH_NORMALIZE = ("digits", "mnist", "cifar10", "cifar100", "synthetic_images")
_WITH_LABELS = (*_WITH_NORMALIZE, "synthetic_blobs")


def _added() -> dict[str, dict[str, Any]]:
    """`ADDED`: each part of a name's keys stands in a list of its own."""
    found: dict[str, dict[str, Any]] = {
        "lossatlas.optim.L2": {"parameters": "all"},
        "lossatlas.optim.HessianFree": {"preconditioner": "none", "probes": 10},
    }
    added: list[tuple[str, tuple[str, ...], dict[str, Any]]] = [
        ("models", _WITH_ACTIVATION, {"activation": "relu"}),
        ("models", ("MLP", "VGG"), {"norm_position": "before"}),
        *(("models", (name,), dict.fromkeys(rates, 0.0)) for name, rates in _DROPPING.items()),
        ("models", ("SqueezeNet",), {"s1x1": 0.25, "e1x1": 1.0, "e3x3": 1.0, "bypass": "none"}),
        ("data", _WITH_NORMALIZE, {"normalize": True}),
        ("data", _WITH_LABELS, {"label_noise": 0.0, "order": "reshuffled"}),
        ("data", _WITH_LABELS, {"train_on": "all", "part": 0, "parts": 5}),
    ]
    for room, names, keys in added:
        for name in names:
            found.setdefault(f"lossatlas.{room}.{name}", {}).update(keys)
    return found


ADDED = _added()
"""Keys that came when runs were stored: of a ``_target_``, each with the value at which it is what it was before.

At these values they are not hashed, so that those runs are still found, and landscapes whose surveys name such a thing.
"""

NORMALIZATION_BEFORE = {"_target_": "lossatlas.models.keep_normalization", "_partial_": True}
"""What a configuration without the section ``normalization`` means."""

_AS_THE_NETWORK_HAS_IT = (
    NORMALIZATION_BEFORE,
    {"_target_": "lossatlas.models.batch_normalization", "_partial_": True, "momentum": None, "eps": None},
)
"""Two words for the same."""


def without_added(node: Any) -> Any:
    """``node`` without the keys of `ADDED` that have their older values, at any depth.

    >>> without_added({"l2": {"_target_": "lossatlas.optim.L2", "weight_decay": 0.1, "parameters": "all"}})
    {'l2': {'_target_': 'lossatlas.optim.L2', 'weight_decay': 0.1}}
    """
    if isinstance(node, list | tuple):
        return [without_added(item) for item in node]
    if not isinstance(node, Mapping):
        return node
    added = _added_to(node)
    return {
        key: without_added(value)
        for key, value in node.items()
        if not (key in added and _same(value, added[key]))
    }


def with_added(node: Any) -> Any:
    """``node`` with the keys of `ADDED` that it lacks, at their older values, as it would be written now.

    >>> with_added({"l2": {"_target_": "lossatlas.optim.L2", "weight_decay": 0.1}})
    {'l2': {'_target_': 'lossatlas.optim.L2', 'weight_decay': 0.1, 'parameters': 'all'}}
    """
    if isinstance(node, list | tuple):
        return [with_added(item) for item in node]
    if not isinstance(node, Mapping):
        return node
    return {
        **{key: with_added(value) for key, value in node.items()},
        **{key: value for key, value in _added_to(node).items() if key not in node},
    }


def _added_to(node: Mapping[str, Any]) -> Mapping[str, Any]:
    target = node.get("_target_")
    return ADDED.get(target, {}) if isinstance(target, str) else {}


def _same(value: Any, other: Any) -> bool:
    return isinstance(value, bool) is isinstance(other, bool) and bool(value == other)  # 0 and 0.0 are one


def no_result_changes(path: str) -> str | None:
    """Why the key at ``path``, or one that it lies in, does not change what a run computes; None if it does.

    >>> no_result_changes("trainer.devices"), no_result_changes("optimizer.lr")
    ('always one; the hardware, which the manifest records', None)
    """
    parts = path.split(".")
    keys = (".".join(parts[:end]) for end in range(1, len(parts) + 1))
    return next((NOT_SCIENTIFIC[key] for key in keys if key in NOT_SCIENTIFIC), None)


OBSERVERS: dict[str, str] = {
    # _target_ of a callback: why it does not change what a run computes
    "pytorch_lightning.callbacks.LearningRateMonitor": "sends rates to the logger",
    "pytorch_lightning.callbacks.DeviceStatsMonitor": "sends the device's load to the logger",
    "pytorch_lightning.callbacks.ModelSummary": "display",
    "pytorch_lightning.callbacks.RichModelSummary": "display",
    "pytorch_lightning.callbacks.RichProgressBar": "display",
    "pytorch_lightning.callbacks.TQDMProgressBar": "display",
    "lossatlas.studies.SurveyAtEpochs": "training gives the same bits with it as without",
}
"""The callbacks that do not change a run's result. All others are hashed, whoever has written them."""


def scientific(config: Mapping[str, Any]) -> dict[str, Any]:
    """Drop from a plain configuration the keys that do not change the result; runs in it are told by fingerprints.

    >>> scientific({"seed": 1, "data": {"root": "/d", "batch_size": 8}, "paths": {"runs": "r"}})
    {'seed': 1, 'data': {'batch_size': 8}}
    """
    kept = without_added(_without(config, ""))
    if kept.get("normalization") in _AS_THE_NETWORK_HAS_IT:
        del kept["normalization"]
    if callbacks := _counted(kept.pop("callbacks", None)):
        kept["callbacks"] = callbacks
    if isinstance(kept.get("trainer"), Mapping):
        kept["trainer"] = _as_trained(kept["trainer"], may_stop=bool(callbacks))
    return substituted(kept, _told_by_fingerprint, kinds=("run",))


def _counted(callbacks: Any) -> Any:
    """Those of the callbacks that can change a result; one that is null is none."""
    if not isinstance(callbacks, Mapping):
        return callbacks
    return {
        name: node
        for name, node in callbacks.items()
        if node is not None and not (isinstance(node, Mapping) and node.get("_target_") in OBSERVERS)
    }


_PRECISIONS = {"64": "64-true", "32": "32-true", "16": "16-mixed", "bf16": "bf16-mixed", "None": "32-true"}
"""Lightning's other names for its precisions."""


def precision_name(precision: Any) -> Any:
    """What a precision of Lightning's is called in full.

    >>> precision_name(32), precision_name("bf16"), precision_name("16-mixed"), precision_name(None)
    ('32-true', 'bf16-mixed', '16-mixed', '32-true')
    """
    return _PRECISIONS.get(str(precision), precision)


def _as_trained(trainer: Mapping[str, Any], *, may_stop: bool) -> dict[str, Any]:
    """The trainer's settings by what happens: one name for each precision, without those that change nothing.

    ``may_stop``: whether there are callbacks, which alone can stop training before its last epoch.

    >>> _as_trained({"precision": "bf16", "accumulate_grad_batches": 1, "gradient_clip_val": 0}, may_stop=False)
    {'precision': 'bf16-mixed'}
    """
    kept = {**trainer, "precision": precision_name(trainer.get("precision"))}
    idle = {
        "accumulate_grad_batches": kept.get("accumulate_grad_batches") in (None, 1),
        "gradient_clip_val": not kept.get("gradient_clip_val"),
        "gradient_clip_algorithm": not kept.get("gradient_clip_val")
        or kept.get("gradient_clip_algorithm") in (None, "norm"),
        "min_epochs": not may_stop or not kept.get("min_epochs"),
        "min_steps": not may_stop or not kept.get("min_steps"),
    }
    return {key: value for key, value in kept.items() if not idle.get(key, False)}


def _told_by_fingerprint(named: Reference) -> dict[str, Any]:
    return {"run": fingerprint(named.value) if isinstance(named.value, Mapping) else named.value}


def _without(node: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for key, value in node.items():
        path = f"{prefix}{key}"
        if path not in NOT_SCIENTIFIC:
            kept[key] = _without(value, f"{path}.") if isinstance(value, Mapping) else value
    return kept


def digest(value: Any) -> str:
    """First 16 hexadecimal digits of the SHA-256 of ``value`` in canonical JSON.

    The order of keys does not matter, nor whether a whole number is written as 1 or 1.0.

    >>> digest({"a": 1, "b": 2.5}) == digest({"b": 2.5, "a": 1.0})
    True
    """
    text = json.dumps(_canonical(value), sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _canonical(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _canonical(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_canonical(item) for item in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise ValueError(f"a configuration holds numbers, strings, lists and mappings; got {value!r}")


def fingerprint(config: Mapping[str, Any]) -> str:
    """Fingerprint of a resolved, plain configuration: 16 hexadecimal digits.

    >>> a = fingerprint({"seed": 0, "paths": {"runs": "here"}})
    >>> b = fingerprint({"seed": 0, "paths": {"runs": "there"}})
    >>> a == b, a == fingerprint({"seed": 1})
    (True, False)
    """
    return digest({"results_version": RESULTS_VERSION, "config": scientific(config)})


LANDSCAPE_VERSION = 2
"""Raised when the numerics of landscapes change, so that datasets of the older code are no longer found.

For one survey alone that is its own version, `lossatlas.landscape.survey.survey`.
"""

OtherRun = Callable[[Any], "Run"]
"""From the value of a reference to a run, overrides of this run's configuration or a fingerprint, to that run."""


def landscape_path(
    run: "Run", name: str, node: Mapping[str, Any], other_run: OtherRun, weights: str | None = None
) -> Path | None:
    """Where the landscape ``name`` with the settings ``node`` is kept; None if it lies between a run and itself.

    The fingerprints of other runs and the bytes of files that ``node`` names are part of the landscape's own key, and
    so is ``weights``, the digest of those surveyed where they are not the run's final ones.
    """
    ends: list[str] = []  # fingerprints of the runs between which it lies, beside this one

    def fingerprint_of(named: Reference) -> str:
        other = run if named.is_own else other_run(named.value)
        if named.kind == "run":
            ends.append(other.fingerprint)
        return other.fingerprint

    settings = substituted(without_added(node), lambda reference: reference.hashed(fingerprint_of))
    key = digest(
        {"version": LANDSCAPE_VERSION, "node": _naming(settings)}
        | ({"weights": weights} if weights else {})
        | ({"surveys": surveys} if (surveys := _survey_versions(node)) else {})
    )
    between_itself = weights is None and run.fingerprint in ends
    return None if between_itself else run.landscapes / f"{name}-{key}.nc"


def _naming(node: Any) -> Any:
    """``node`` without options that surveys in it, at any depth, were given later and that leave their numbers.

    >>> _naming({"_target_": "lossatlas.landscape.trace", "probes": 60, "convention": "lossatlas"})
    {'_target_': 'lossatlas.landscape.trace', 'probes': 60}
    """
    from lossatlas.landscape.survey import naming  # imports torch, which composing does without

    if isinstance(node, list | tuple):
        return [_naming(item) for item in node]
    if not isinstance(node, Mapping):
        return node
    own = naming(survey_named(node), node) if "_target_" in node else node
    return {key: _naming(value) for key, value in own.items()}


def _survey_versions(node: Any) -> dict[str, int]:
    """Versions, where raised, of the surveys that ``node`` makes use of, at any depth, by their ``_target_``.

    >>> _survey_versions({"_target_": "lossatlas.landscape.trajectory", "points": 3})
    {'lossatlas.landscape.trajectory': 2}
    """
    from lossatlas.landscape.survey import version_at

    values = node.values() if isinstance(node, Mapping) else node if isinstance(node, list | tuple) else ()
    found = {name: version for value in values for name, version in _survey_versions(value).items()}
    if not isinstance(node, Mapping) or "_target_" not in node:
        return found
    target = str(node["_target_"])
    version = version_at(survey_named(node), node)
    return found | ({target: version} if version > 1 else {})


def survey_named(node: Mapping[str, Any]) -> Any:
    """What the ``_target_`` of ``node`` names; None if it cannot be imported, nor then computed."""
    try:
        return resolve_name(str(node["_target_"]))
    except Exception:  # whatever its module raises
        return None
