"""Supervised training of a classifier."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torchmetrics import Metric, MetricCollection

from lossatlas.data import ImageData
from lossatlas.landscape.measuring.predictions import predictions
from lossatlas.landscape.measuring.targets import class_targets
from lossatlas.studies.study import Batch, Study


class Classifier(Study):
    """Supervised training: minimises ``loss(network(inputs), targets)``; validates ``metrics`` each epoch.

    Parameters
    ----------
    network : Module
        What is trained, of inputs (B, ...) to logits (B, C).
    data : ImageData
        Splits, batches and their order.
    loss : Callable
        Function of logits (B, C) and targets (B,) to the batch's mean.
    metrics : mapping of str to Metric
        Of logits and targets, also where the network ends in softmax; their values are logged as ``validation_<name>``.
    **study
        ``optimizer``, ``schedule``, ``penalties``, ``seed``, ``snapshot_epochs`` and ``accumulate_grad_batches``, as of
        `Study`.

    Raises
    ------
    ValueError
        For a loss that ignores a class of the data, since the errors would count each of its examples as a mistake.
    """

    def __init__(
        self,
        network: nn.Module,
        data: ImageData,
        *,
        loss: Callable[[Tensor, Tensor], Tensor],
        metrics: Mapping[str, Metric],
        **study: Any,
    ) -> None:
        super().__init__(network, data, **study)
        _check_that_all_count(loss, data)
        self.loss = loss
        self.metrics = MetricCollection(dict(metrics))
        self._are_probabilities: bool | None = None  # the network's outputs; not known yet

    def forward(self, inputs: Tensor) -> Tensor:
        """Logits (B, C) of ``inputs`` (B, ...)."""
        return self.network(inputs)

    def batch_loss(self, batch: Batch) -> tuple[Tensor, Tensor]:  # noqa: D102
        inputs, targets = batch
        logits = self.network(inputs)
        return self.loss(logits, targets), misclassified(logits, targets)

    def epoch_metrics(self) -> dict[str, float]:
        """Metrics of the validation split, if the data has one."""
        return self._measured([split for split in self.data.splits if split == "validation"])

    @property
    def epoch_columns(self) -> tuple[str, ...] | None:  # noqa: D102
        if type(self).epoch_metrics is not Classifier.epoch_metrics:
            return None
        measured = ("loss", *self.metrics.keys()) if "validation" in self.data.splits else ()
        named = (f"validation_{name}" for name in measured)
        return ("train_loss", "train_error", "weight_norm", "lr", *named)

    def final_metrics(self) -> dict[str, float]:
        """Loss and metrics of every split, as ``<split>_<name>``."""
        return self._measured(self.data.splits)

    def _measured(self, splits: Iterable[str]) -> dict[str, float]:
        return {f"{split}_{name}": value for split in splits for name, value in self.measure(split).items()}

    @torch.inference_mode()
    def measure(self, split: str) -> dict[str, float]:
        """Loss and metrics over a whole split, unaugmented, with the network in eval mode."""
        training = self.network.training
        self.network.eval()
        self.metrics.reset()
        total = torch.zeros((), dtype=torch.float64, device=self.device)
        for inputs, targets in self._batches(split):
            logits = self.network(inputs)
            total += self.loss(logits, targets).double() * len(targets)
            self.metrics.update(self._logits_of(logits, targets), targets)
        self.network.train(training)
        values = {"loss": total / len(self.data.splits[split]), **self.metrics.compute()}
        return {name: float(value) for name, value in values.items()}

    def _logits_of(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Outputs as metrics take them; of a network that ends in softmax, whose loss takes none, their logarithms."""
        if self._are_probabilities is None:
            try:
                found = predictions(self.loss, outputs, [targets])
            except ValueError:  # the loss takes the softmax of them anyway, or they are no probabilities
                found = None
            self._are_probabilities = found is not None and found.are_probabilities
        return outputs.double().log() if self._are_probabilities else outputs

    def _batches(self, split: str) -> Iterator[Batch]:
        inputs, targets = (tensor.to(self.device) for tensor in self.data.normalized(split))
        yield from zip(inputs.split(self.EVALUATION_BATCH), targets.split(self.EVALUATION_BATCH), strict=True)


def misclassified(logits: Tensor, targets: Tensor) -> Tensor:
    """Number of samples that were got wrong; where ``targets`` are probabilities (B, C), by the shares that are missed.

    >>> misclassified(torch.eye(2), torch.tensor([0, 0]))
    tensor(1)
    >>> misclassified(torch.eye(2), torch.tensor([[0.75, 0.25], [1.0, 0.0]]))
    tensor(1.2500)
    """
    predicted = logits.detach().argmax(-1)
    if targets.is_floating_point():
        return (1 - targets.gather(-1, predicted[:, None])).sum()
    return (predicted != targets).sum()


def _check_that_all_count(loss: Callable[[Tensor, Tensor], Tensor], data: ImageData) -> None:
    of_splits = [split.targets for split in data.splits.values()]
    found = class_targets(loss, torch.zeros(1, data.classes, device=data.device), of_splits)
    if found is not None and found.ignored:
        ignored = ", ".join(map(str, found.ignored))
        raise ValueError(
            f"study.loss ignores class {ignored}, of which errors would count each image as a mistake: "
            "leave its images out of the data"
        )
