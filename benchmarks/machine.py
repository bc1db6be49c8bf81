"""What a benchmark ran on, for its JSON."""

import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

PACKAGES = ("lossatlas", "torch", "pytorch-lightning", "hydra-core", "wandb")


def describe() -> dict[str, Any]:
    """Processor, load before the benchmark began, and versions."""
    return {
        "processor": processor(),
        "load_average_of_the_last_minute": round(os.getloadavg()[0], 2),
        "versions": {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}},
    }


def processor() -> str:
    """Number and name of the processors."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return f"{len(names)} x {names[0]}" if names else f"{os.cpu_count()} x {platform.processor()}"
