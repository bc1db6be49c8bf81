"""Callbacks as a user writes them, in a module of their own."""

from typing import Any

from pytorch_lightning import Callback, LightningModule, Trainer


class Shrink(Callback):
    """Multiplies the weights by ``factor`` at the end of each epoch, and counts how often it has."""

    def __init__(self, factor: float) -> None:
        self.factor = factor
        self.times = 0

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.times += 1
        for parameter in pl_module.parameters():
            parameter.data.mul_(self.factor**self.times)

    def state_dict(self) -> dict[str, Any]:
        return {"times": self.times}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.times = state_dict["times"]


class StopAfter(Callback):
    """Stops training after ``epochs``."""

    def __init__(self, epochs: int) -> None:
        self.epochs = epochs

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        trainer.should_stop = trainer.current_epoch + 1 >= self.epochs
