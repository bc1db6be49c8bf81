"""Weights & Biases without its banners."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import wandb
from pytorch_lightning.loggers import WandbLogger

_SECRET = "SLURM_JWT"
"""A key to the cluster. W&B's service records all variables of its environment that begin with SLURM_."""


class QuietWandbLogger(WandbLogger):
    """Lightning's logger for W&B, which leaves the terminal to the sweep's progress.

    W&B reads WANDB_SILENT when it is set up; a user's own value of it is kept.
    """

    def __init__(self, *, offline: bool = True, **arguments: Any) -> None:
        os.environ.setdefault("WANDB_SILENT", "true")
        with _without_secret():
            wandb.setup()  # starts the service, once in a process
        # Lightning asks for offline mode by a variable that W&B has read by now.
        mode: dict[str, Any] = {"mode": "offline"} if offline else {}
        super().__init__(offline=offline, **mode, **arguments)


@contextmanager
def _without_secret() -> Iterator[None]:
    kept = os.environ.pop(_SECRET, None)
    try:
        yield
    finally:
        if kept is not None:
            os.environ[_SECRET] = kept
