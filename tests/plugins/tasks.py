"""What jobs do in the tests of the launcher; imported by their processes."""

import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

PATIENCE = 60.0  # seconds


def describe(config: DictConfig) -> dict[str, Any]:
    """Say who runs the job, and with what."""
    time.sleep(config.seconds)
    variables = ("CUDA_VISIBLE_DEVICES", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
    return {"n": config.n, "pid": os.getpid(), **{name: os.environ.get(name) for name in variables}}


def first_last(config: DictConfig) -> tuple[int, float]:
    """Return when the job ended; that of the first job waits for the last one's."""
    if config.n == 0:
        wait_for(Path("ended-3"))
    Path(f"ended-{config.n}").touch()
    return config.n, time.monotonic()


def wait_for(path: Path) -> None:
    end = time.monotonic() + PATIENCE
    while not path.exists():
        assert time.monotonic() < end, f"{path} did not come"
        time.sleep(0.01)


def meet(config: DictConfig) -> int:
    """Wait until another job runs, too: alone it never ends."""
    Path(f"here-{config.n}").touch()
    wait_for(Path(f"here-{1 - config.n}"))
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
    end = time.monotonic() + PATIENCE
    while not interruption.requested():
        assert time.monotonic() < end, "nobody asked"
        time.sleep(0.01)
    raise KeyboardInterrupt
