"""The manifest: what a run's record says of it, beside its configuration."""

import os
import platform
import socket
import subprocess
import time
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal, get_args

from lossatlas.hardware import cpu_name

Status = Literal["running", "interrupted", "failed", "finished"]

PACKAGES = ("lossatlas", "torch", "torchvision", "pytorch-lightning", "hydra-core", "numpy", "scikit-learn")
ENVIRONMENT = ("SLURM_JOB_ID", "SLURM_ARRAY_TASK_ID", "CUDA_VISIBLE_DEVICES", "OMP_NUM_THREADS")
"""The only environment variables whose values are recorded: none that could hold a key."""


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

    def to_json(self) -> dict[str, Any]:
        """Plain containers for ``manifest.json``."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "Manifest":
        """Rebuild from ``to_json``'s value. TypeError or ValueError if it is not one."""
        attempts = [_Attempt(**attempt) for attempt in value["attempts"]]
        members = [Member(**member) for member in value.get("members", [])]
        manifest = cls(**{**value, "attempts": attempts, "members": members})
        if manifest.status not in get_args(Status):
            raise ValueError(f"status must be one of {', '.join(get_args(Status))}, got {manifest.status!r}")
        return manifest


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
