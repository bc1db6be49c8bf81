"""Weights & Biases without its banners."""

import os
from typing import Any

import wandb
from pytorch_lightning.loggers import WandbLogger


class QuietWandbLogger(WandbLogger):
    """Lightning's logger for W&B, which leaves the terminal to the sweep's progress.

    W&B reads WANDB_SILENT when it is set up; a user's own value of it is kept.
    """

    def __init__(self, *, offline: bool = True, **arguments: Any) -> None:
        os.environ.setdefault("WANDB_SILENT", "true")
        wandb.setup()
        # Lightning asks for offline mode by a variable that W&B has read by now.
        mode: dict[str, Any] = {"mode": "offline"} if offline else {}
        super().__init__(offline=offline, **mode, **arguments)
