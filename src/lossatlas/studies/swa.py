"""Stochastic weight averaging, by Lightning's own callback."""

from collections.abc import Collection, Mapping
from typing import Any, ClassVar

from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.callbacks import WeightAveraging
from torch import Tensor, nn

from lossatlas.data import ImageData
from lossatlas.optim import Cyclic, Schedule
from lossatlas.studies.classifier import Classifier
from lossatlas.studies.regularization import GATES
from lossatlas.studies.stepping import MODES, reestimate_statistics


class AveragedClassifier(Classifier):
    """Stochastic weight averaging (SWA): the final weights are the mean of those that training went through.

    Izmailov et al. 2018 (arXiv:1803.05407). Averaged are the weights after each epoch, or, under a cyclic schedule,
    after each step at which the rate was lowest. The statistics of batch norm are then those of a pass over the
    training set.

    Parameters
    ----------
    network : Module
        What is trained, of inputs (B, ...) to logits (B, C).
    data : ImageData
        Splits, batches and their order.
    epochs : int
        Length of training.
    begin : float
        Share of training beyond which weights are averaged, in [0, 1).
    schedule : Schedule
        Function of the position in epochs to a factor on the base rate.
    **study
        ``loss`` and ``metrics`` as of `Classifier`; ``optimizer``, ``penalties``, ``seed`` and ``snapshot_epochs`` as
        of `Study`.

    Raises
    ------
    ValueError
        If there is nothing to average, or ``begin`` is out of range.
    """

    refused_regularizers: ClassVar[Mapping[str, str]] = {
        GATES: "the mean of weights and that of gates do not belong together"
    }

    refused_stepping: ClassVar[Mapping[str, str]] = {MODES: "its own average is that of the study"}

    def __init__(
        self,
        network: nn.Module,
        data: ImageData,
        *,
        epochs: int,
        begin: float,
        schedule: Schedule,
        **study: Any,
    ) -> None:
        super().__init__(network, data, schedule=schedule, **study)
        if not 0 <= begin < 1:
            raise ValueError(f"begin is a share of training and must be in [0, 1), got {begin}")
        steps, an_epoch = epochs * self.steps_per_epoch, self.steps_per_epoch
        ends = range(an_epoch, steps + 1, an_epoch)
        candidates = schedule.minima(steps, an_epoch) if isinstance(schedule, Cyclic) else tuple(ends)
        self.averaged_steps = tuple(step for step in candidates if step > begin * steps)
        if not self.averaged_steps:
            raise ValueError(
                f"there are no weights to average: no cycle ends after {begin:g} of {steps} steps"
            )

    @property
    def needed_steps(self) -> int:  # noqa: D102
        return self.averaged_steps[-1]

    def configure_callbacks(self) -> list[Callback]:  # noqa: D102
        return [AveragingAfter(self.averaged_steps)]

    def finish(self) -> None:
        """Put the mean into the network, also where training was resumed after its last step."""
        (averaging,) = (c for c in self.trainer.callbacks if isinstance(c, AveragingAfter))  # type: ignore[attr-defined]
        self.load_state_dict(averaging.mean())
        reestimate_statistics(self.network, self.data.normalized("train")[0], self.EVALUATION_BATCH)


class AveragingAfter(WeightAveraging):
    """Weight averaging: the mean of a study's parameters after each of ``steps``; its buffers are the latest."""

    def __init__(self, steps: Collection[int]) -> None:
        super().__init__(use_buffers=False)
        self._steps = frozenset(steps)

    def should_update(self, step_idx: int | None = None, epoch_idx: int | None = None) -> bool:  # noqa: D102
        return step_idx is not None and step_idx + 1 in self._steps

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Copy the study, without its data."""
        data, pl_module.data = pl_module.data, None  # type: ignore[assignment]
        try:
            super().setup(trainer, pl_module, stage)
        finally:
            pl_module.data = data

    def mean(self) -> dict[str, Tensor]:
        """State dict of the study with the mean in place of its parameters."""
        assert self._average_model is not None
        return self._average_model.module.state_dict()
