"""What a computation runs on."""

import platform
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def cpu_name() -> str:
    """Name of the processor; empty where it cannot be told."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "")


def device_name(device: "torch.device") -> str:
    """Name of the GPU that ``device`` is, or of the processor."""
    if device.type != "cuda":
        return cpu_name()
    import torch  # here, since it takes seconds to import

    return torch.cuda.get_device_name(device)
