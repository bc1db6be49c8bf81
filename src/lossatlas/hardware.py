"""Hardware that a computation runs on: processor, device, threads."""

import platform
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # what lists runs does without torch
    import torch


def cpu_name() -> str:
    """Name of the processor; empty where it cannot be told."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "")


def numerics() -> dict[str, Any]:
    """What the last bits of this process's numbers depend on: processor, its instructions, threads, libraries.

    Of two processors of one name a virtual machine may hide instructions of one, which then adds up in another order.

    >>> sorted(numerics())
    ['blas', 'capability', 'processor', 'threads', 'torch']
    """
    import torch

    libraries = re.findall(r"(Math Kernel Library|MKL-DNN|OpenBLAS)\D*([\d.]+\d)", torch.__config__.show())
    return {
        "processor": cpu_name(),
        "capability": torch.backends.cpu.get_cpu_capability(),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "blas": ", ".join(f"{name} {version}" for name, version in libraries),
    }


def device_name(device: "torch.device") -> str:
    """Name of the GPU that ``device`` is, or of the processor."""
    if device.type != "cuda":
        return cpu_name()
    import torch

    return torch.cuda.get_device_name(device)


@contextmanager
def threads_limited(threads: int) -> Iterator[None]:
    """Compute with so many threads inside the block."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)
