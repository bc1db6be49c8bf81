"""Weights & Biases without its banners, with one line for each run however often it is opened."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import wandb
from lightning_utilities.core.rank_zero import rank_zero_only
from pytorch_lightning.loggers import WandbLogger
from pytorch_lightning.loggers.logger import rank_zero_experiment

_SECRET = "SLURM_JWT"
"""A key to the cluster. W&B's service records all variables of its environment that begin with SLURM_."""

EPOCH, STEP, IMAGES = "epoch", "optimizer step", "images seen"
"""Axes that W&B's panels may have; the first is theirs unless another is chosen."""


class QuietWandbLogger(WandbLogger):
    """Lightning's logger for W&B, which leaves the terminal to the sweep's progress.

    A row's ``_step`` is the optimizer's step, so that it goes on where a run is resumed, and what is logged later at
    the same step joins the row. W&B reads WANDB_SILENT when it is set up; a user's own value of it is kept.
    """

    def __init__(self, *, offline: bool = True, **arguments: Any) -> None:
        os.environ.setdefault("WANDB_SILENT", "true")
        with _without_secret():
            wandb.setup()  # starts the service, once in a process
        # Lightning asks for offline mode by a variable that W&B has read by now.
        mode: dict[str, Any] = {"mode": "offline"} if offline else {}
        super().__init__(offline=offline, **mode, **arguments)
        self._epoch_at = -1  # step of the last row of the history

    @property
    @rank_zero_experiment
    def experiment(self) -> Any:
        """The W&B run, begun or resumed when it is first asked for."""
        is_new = self._experiment is None
        run = super().experiment
        if is_new:
            for axis in (EPOCH, STEP, IMAGES):
                run.define_metric(axis)
            run.define_metric("*", step_metric=EPOCH, step_sync=True, overwrite=True)
        return run

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Log a row. That of an epoch says which; at its step Lightning's number, of the epoch begun, is left out."""
        if step is None:
            self.experiment.log(dict(metrics))
            return
        if IMAGES in metrics:
            self._epoch_at = step
        elif self._epoch_at == step:
            metrics = {name: value for name, value in metrics.items() if name != EPOCH}
        self.log_at(step, metrics)

    @rank_zero_only
    def log_at(self, step: int, values: Mapping[str, Any]) -> None:
        """Log numbers, pictures and tables of the optimizer's ``step``."""
        self.experiment.log({**values, STEP: step}, step=step)

    @rank_zero_only
    def log_past(self, history: Sequence[Mapping[str, float]], final: Mapping[str, float]) -> None:
        """Log what the run has logged before, so that an offline record which begins anew is whole by itself."""
        if self.experiment.resumed:  # an account has it
            return
        for row in history:
            self.log_at(int(row["step"]), {name: value for name, value in row.items() if name != "step"})
        self.experiment.summary.update(dict(final))


@contextmanager
def _without_secret() -> Iterator[None]:
    kept = os.environ.pop(_SECRET, None)
    try:
        yield
    finally:
        if kept is not None:
            os.environ[_SECRET] = kept
