"""A job: what a user, a sweep or a study asks for."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Job:
    """One run to be had: the overrides that a job is launched with, and the configuration that they give."""

    overrides: tuple[str, ...]
    config: dict[str, Any]
