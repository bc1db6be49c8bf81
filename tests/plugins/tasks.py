"""What jobs do in the tests of the launcher; imported by their processes."""

import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from omegaconf import DictConfig


def describe(config: DictConfig) -> dict[str, Any]:
    """Say who runs the job, and with what."""
    time.sleep(config.seconds)
    variables = ("CUDA_VISIBLE_DEVICES", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
    return {"n": config.n, "pid": os.getpid(), **{name: os.environ.get(name) for name in variables}}


def meet(config: DictConfig) -> int:
    """Wait until another job runs, too: alone it never ends."""
    Path(f"here-{config.n}").touch()
    end = time.monotonic() + 60
    while len(list(Path().glob("here-*"))) < 2:
        assert time.monotonic() < end, "no other job came"
        time.sleep(0.01)
    return config.n


def fail_at_one(config: DictConfig) -> int:
    if config.n == 1:
        raise ValueError("no luck")
    return config.n


def die_at_one(config: DictConfig) -> int:
    """Be killed, as by the kernel when memory runs out."""
    if config.n == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    Path(f"done-{config.n}").touch()
    return config.n


def exit_at_one(config: DictConfig) -> int:
    if config.n == 1:
        os._exit(3)
    return config.n


def talk(config: DictConfig) -> None:
    """Write half lines, as progress bars and tracebacks do."""
    for part in (f"job {config.n}", " says", f" hello\nand job {config.n} goes\n"):
        print(part, end="")
        time.sleep(0.05)
    print(f"job {config.n} erred", file=sys.stderr)


def stop_parent(config: DictConfig) -> None:
    """Have the parent asked to stop while this job runs, and stop when asked."""
    from lossatlas import interruption

    Path(f"begun-{config.n}").touch()
    os.kill(os.getppid(), signal.SIGTERM)
    end = time.monotonic() + 60
    while not interruption.requested():
        assert time.monotonic() < end, "nobody asked"
        time.sleep(0.01)
    raise KeyboardInterrupt
