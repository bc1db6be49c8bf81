"""Callback that ends training with the weights of its best epoch, for anybody's Trainer."""

import math
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import Checkpoint
from pytorch_lightning.utilities.exceptions import MisconfigurationException
from torch import Tensor, nn


class BestWeights(Checkpoint):
    """Best weights: when training ends, the network is that of the epoch whose monitored metric was best.

    Alone it is early stopping by the best validation loss of all epochs; beside Lightning's EarlyStopping, the usual
    stop with patience that goes back to the best epoch. Weights and statistics of batch norm are kept as they are
    evaluated, in the checkpoint too, so that a resumed training ends with the same ones. Of equal epochs the first
    counts, and one whose metric is NaN does not.

    It is a subclass of Lightning's Checkpoint, since only those run when the metrics of an epoch are known to all: a
    trainer that is told ``enable_checkpointing=False`` does not take it.

    Parameters
    ----------
    monitor : str
        Name of the logged metric.
    mode : str, default "min"
        "max" for one that is to grow.
    network : Callable, optional
        Function of the LightningModule to what is kept; None: the module itself.

    Raises
    ------
    ValueError
        For another mode.

    Examples
    --------
    >>> BestWeights("validation_loss").epoch is None  # not known before training
    True
    """

    def __init__(
        self,
        monitor: str,
        mode: str = "min",
        network: Callable[[LightningModule], nn.Module] | None = None,
    ) -> None:
        if mode not in ("min", "max"):
            raise ValueError(f"mode must be min or max, got {mode!r}")
        self.monitor = monitor
        self.epoch: int | None = None  # the best one, counted from 1
        self._sign = 1.0 if mode == "min" else -1.0
        self._network = network or (lambda module: module)
        self._lowest = math.inf
        self._weights: dict[str, Tensor] = {}

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:  # noqa: D102
        if self.monitor not in trainer.callback_metrics:
            known = ", ".join(map(str, trainer.callback_metrics)) or "none"
            raise MisconfigurationException(f"{self.monitor} is not logged; expected one of {known}")
        score = self._sign * float(trainer.callback_metrics[self.monitor])
        if score < self._lowest:
            self._lowest, self.epoch = score, trainer.current_epoch + 1
            own = getattr(pl_module, "evaluated", None)
            with own() if callable(own) else nullcontext():
                state = self._network(pl_module).state_dict()
                self._weights = {name: tensor.detach().clone() for name, tensor in state.items()}

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:  # noqa: D102
        self.restore(pl_module)

    def restore(self, pl_module: LightningModule) -> None:
        """Put the best weights into the network; as it is where there are none."""
        if self._weights:
            self._network(pl_module).load_state_dict(self._weights)

    def state_dict(self) -> dict[str, Any]:  # noqa: D102
        return {"lowest": self._lowest, "epoch": self.epoch, "weights": self._weights}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:  # noqa: D102
        self._lowest, self.epoch = state_dict["lowest"], state_dict["epoch"]
        self._weights = dict(state_dict["weights"])
