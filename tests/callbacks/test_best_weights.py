"""Training that ends with the weights of its best epoch, under a stranger's Trainer and in runs."""

from pathlib import Path
from typing import Any

import pytest
import torch
from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.utilities.exceptions import MisconfigurationException
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from lossatlas.callbacks.best_weights import BestWeights

SCORES = [3.0, 1.0, float("nan"), 1.0, 2.0]  # the second is the best, and the fourth no better


class Counting(LightningModule):
    """Its weight is the number of epochs that have ended, and its score as written above."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))

    def training_step(self, batch: Any, _: int) -> torch.Tensor:
        return 0 * self.weight.sum()

    def on_train_epoch_end(self) -> None:
        with torch.no_grad():
            self.weight.fill_(self.current_epoch + 1)
        self.log("score", SCORES[self.current_epoch])

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.1)


def fitted(tmp_path: Path, callback: BestWeights, epochs: int = 5, ckpt: Path | None = None) -> Counting:
    trainer = Trainer(
        max_epochs=epochs,
        callbacks=[callback],
        accelerator="cpu",
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=tmp_path,
    )
    module = Counting()
    trainer.fit(module, DataLoader(TensorDataset(torch.zeros(2, 1))), ckpt_path=ckpt, weights_only=True)
    trainer.save_checkpoint(tmp_path / "last.ckpt")
    return module


@pytest.mark.parametrize(("mode", "best"), [("min", 2), ("max", 1)])
def test_training_ends_with_the_first_of_the_best_epochs(tmp_path: Path, mode: str, best: int) -> None:
    callback = BestWeights("score", mode)
    assert fitted(tmp_path, callback).weight.item() == callback.epoch == best


def test_what_was_best_before_an_interruption_is_known_after_it(tmp_path: Path) -> None:
    fitted(tmp_path, BestWeights("score"), epochs=3)
    callback = BestWeights("score")
    module = fitted(tmp_path, callback, ckpt=tmp_path / "last.ckpt")
    assert module.weight.item() == callback.epoch == 2


def test_a_metric_that_is_not_logged_and_a_mode_that_is_none_are_told(tmp_path: Path) -> None:
    with pytest.raises(MisconfigurationException, match=r"^val_loss is not logged; expected one of score$"):
        fitted(tmp_path, BestWeights("val_loss"))
    with pytest.raises(ValueError, match="mode must be min or max, got 'least'"):
        BestWeights("score", "least")
