"""The fingerprint: which run a configuration means."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from lossatlas.runs.nodes import replaced

RESULTS_VERSION = 1
"""Raised when the numerics change, so that runs of the older code are no longer found."""

NOT_SCIENTIFIC: dict[str, str] = {
    # key (with all that lies below it): why it does not change what a run computes
    "hydra": "how jobs are composed and launched",
    "paths": "where files lie",
    "runtime": "threads, how often to checkpoint",
    "logger": "where metrics are shown",
    "rates": "the rate that is used stands in optimizer.lr",
    "landscape": "measured after training; landscapes have fingerprints of their own",
    "engine": "how landscapes are measured, which is part of their fingerprints",
    "experiment": "which figure asked, its claims and pictures",
    "overrides": "what the configuration of a run that a study names was composed from",
    "data.root": "where the data set lies",
    "data.download": "whether it may be fetched",
    "trainer.accelerator": "the hardware, which the manifest records",
    "trainer.devices": "always one; the hardware, which the manifest records",
    "trainer.deterministic": "which of equivalent kernels run",
    "trainer.enable_progress_bar": "display",
    "trainer.enable_model_summary": "display",
}
"""The keys of a composed configuration that do not change a run's result. All others are hashed."""


def scientific(config: Mapping[str, Any]) -> dict[str, Any]:
    """Drop from a plain configuration the keys that do not change the result; runs in it are told by fingerprints.

    >>> scientific({"seed": 1, "data": {"root": "/d", "batch_size": 8}, "paths": {"runs": "r"}})
    {'seed': 1, 'data': {'batch_size': 8}}
    """
    return replaced(_without(config, ""), {"run": _told_by_fingerprint})


def _told_by_fingerprint(run: Any) -> dict[str, Any]:
    return {"run": fingerprint(run) if isinstance(run, Mapping) else run}


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
