"""The manifest: what a run's record says of it, beside its configuration."""

import os
import platform
import socket
import subprocess
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path, PurePosixPath
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from packaging.version import InvalidVersion, Version

from lossatlas import __version__
from lossatlas.hardware import cpu_name

Status = Literal["running", "interrupted", "failed", "finished"]

PACKAGES = ("lossatlas", "torch", "torchvision", "pytorch-lightning", "hydra-core", "numpy", "scikit-learn")
ENVIRONMENT = ("SLURM_JOB_ID", "SLURM_ARRAY_TASK_ID", "CUDA_VISIBLE_DEVICES", "OMP_NUM_THREADS")
"""The only environment variables whose values are recorded: none that could hold a key."""


class StoreError(ValueError):
    """A run's folder does not hold what it should."""


class RecordRefused(StoreError):  # noqa: N818
    """A record is whole, but not one that this version may use, or that lies in its run's folder: it is left alone."""


@dataclass
class _Attempt:
    """One stretch of work on a run, from a start or a resumption to its end."""

    started: str  # ISO 8601, UTC
    host: str
    pid: int
    device: str
    threads: int
    from_step: int
    seconds: float = 0.0
    to_step: int | None = None


@dataclass
class Member:
    """A network that a run has kept beside its final one: of an ensemble, or a point that a curve is made of."""

    number: int  # from 0
    step: int  # optimizer steps after which it was kept
    epoch: float  # the same in epochs
    rate: float  # learning rate of the last of these steps
    file: str  # in the run's folder
    sha256: str


@dataclass
class Manifest:
    """What is known of a run beside its configuration and its results. Kept as ``manifest.json``."""

    fingerprint: str
    results_version: int
    status: Status
    experiment: str | None
    overrides: list[str]
    seed: int
    created: str
    versions: dict[str, str]
    code: dict[str, Any]
    hardware: dict[str, Any]
    environment: dict[str, str]
    attempts: list[_Attempt] = field(default_factory=list)
    epochs: int = 0
    steps: int = 0
    metrics: dict[str, float] = field(default_factory=dict)
    weights_sha256: str | None = None
    files_sha256: dict[str, str] = field(default_factory=dict)  # configuration, history, snapshots
    members: list[Member] = field(default_factory=list)
    failure: dict[str, Any] | None = None
    signature: str | None = None  # by which the installation that wrote it knows it again

    def to_json(self) -> dict[str, Any]:
        """Plain containers for ``manifest.json``."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "Manifest":
        """Rebuild from ``to_json``'s value. ValueError, which says what is wrong, if it is not one."""
        lists = {
            key: [_built(kind, item, f"{key}.") for item in value[key]]
            for key, kind in (("attempts", _Attempt), ("members", Member))
            if isinstance(value.get(key), list)
        }
        manifest = _built(cls, {**value, **lists})
        age_seconds(manifest.created)
        for name in (*manifest.files_sha256, *(member.file for member in manifest.members)):
            if not is_inside(name):
                raise ValueError(f"{name}: names a file outside the run's folder")
        return manifest


def _built(kind: Any, value: Any, path: str = "") -> Any:
    """A dataclass of what was read; ValueError for the first key that it lacks, does not know, or of another type."""
    if not isinstance(value, Mapping):
        raise ValueError(f"{path.rstrip('.')}: expected mappings, got {value!r}")
    hints = _hints(kind)
    needed = {part.name for part in fields(kind) if part.default is part.default_factory}
    for key in (*(needed - value.keys()), *(value.keys() - hints.keys())):
        raise ValueError(f"{path}{key}: {'is missing' if key in needed else 'unknown key'}")
    for key, item in value.items():
        if not _fits(item, hints[key]):
            raise ValueError(f"{path}{key}: expected {_named(hints[key])}, got {item!r}")
    return kind(**value)


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def _named(hint: Any) -> str:
    if get_origin(hint) is Literal:
        return f"one of {', '.join(get_args(hint))}"
    return (
        hint.__name__ if isinstance(hint, type) and not get_args(hint) else str(hint).replace("typing.", "")
    )


def _fits(value: Any, hint: Any) -> bool:
    """Whether a value that was read from JSON is of the type; a whole number is a float too."""
    kind, inside = get_origin(hint), get_args(hint)
    if kind in (Union, UnionType):
        return any(_fits(value, one) for one in inside)
    if kind is list:
        return isinstance(value, list) and all(_fits(item, inside[0]) for item in value)
    if kind is dict:
        return isinstance(value, dict) and all(_fits(item, inside[1]) for item in value.values())
    if kind is Literal:
        return value in inside
    if hint is Any or is_dataclass(hint):  # built before
        return True
    return type(value) in ((float, int) if hint is float else (hint,))


def is_inside(name: str) -> bool:
    """Whether a file of that name, relative to a folder, lies in it, on any system.

    >>> is_inside("snapshots/epoch-0001.safetensors"), is_inside("../other"), is_inside("/etc/hosts"), is_inside("C:x")
    (True, False, False, False)
    """
    parts = PurePosixPath(name).parts
    return bool(parts) and not name.startswith("/") and ".." not in parts and not set(name) & set("\\:\0")


def written_by_newer(value: Mapping[str, Any]) -> str | None:
    """Version of lossatlas that has written a manifest, if that is newer than this one.

    >>> written_by_newer({"versions": {"lossatlas": "9999.1"}}), written_by_newer({"versions": {"lossatlas": "0.0.1"}})
    ('9999.1', None)
    """
    try:
        theirs = Version(value["versions"]["lossatlas"])
    except (KeyError, TypeError, InvalidVersion):
        return None
    return str(theirs) if theirs > Version(__version__) else None


def now() -> str:
    """The time as ISO 8601 in UTC, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def age_seconds(timestamp: str) -> float:
    """Seconds since an ISO 8601 time."""
    return time.time() - datetime.fromisoformat(timestamp).timestamp()


def new_manifest(
    fingerprint: str, results_version: int, *, seed: int, experiment: str | None, overrides: list[str]
) -> Manifest:
    """Manifest of a run that is about to start on this machine with this code."""
    return Manifest(
        fingerprint=fingerprint,
        results_version=results_version,
        status="running",
        experiment=experiment,
        overrides=overrides,
        seed=seed,
        created=now(),
        versions={"python": platform.python_version(), **_versions()},
        code=_code(),
        hardware=_hardware(),
        environment={name: os.environ[name] for name in ENVIRONMENT if name in os.environ},
    )


def new_attempt(*, device: str, threads: int, from_step: int) -> _Attempt:
    """Attempt that starts now in this process."""
    return _Attempt(now(), socket.gethostname(), os.getpid(), device, threads, from_step)


def _versions() -> dict[str, str]:
    found = {}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def _code() -> dict[str, Any]:
    """Commit and cleanliness of the checkout that this file lies in; empty for an installed wheel."""
    here = Path(__file__).parent
    try:
        _git(
            here, "ls-files", "--error-unmatch", str(Path(__file__))
        )  # fails where a wheel lies in some checkout
        modified = bool(_git(here, "status", "--porcelain", "-uno"))
        return {"commit": _git(here, "rev-parse", "HEAD"), "modified": modified}
    except (OSError, subprocess.SubprocessError):
        return {}


def _git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()


def _hardware() -> dict[str, Any]:
    import torch

    gpus = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    capability = torch.backends.cpu.get_cpu_capability()
    processor = {"machine": platform.machine(), "cpu": cpu_name(), "capability": capability}
    return {**processor, "cores": os.cpu_count(), "gpus": gpus}
