"""Snapshot ensembles: their members are one network at several times of its training."""

from collections.abc import Sequence
from itertools import pairwise
from math import ceil
from typing import Any

from torch import nn

from lossatlas.data import ImageData
from lossatlas.optim import Cyclic, Schedule
from lossatlas.studies.classifier import Classifier


class SnapshotEnsemble(Classifier):
    """Snapshot ensemble: trains at cyclic rates, and keeps a member whenever the rate has been lowest.

    With `CyclicCosine <lossatlas.optim.CyclicCosine>`, that of Huang et al. 2017 (arXiv:1704.00109); with
    `WarmRestarts <lossatlas.optim.WarmRestarts>`, the one that Loshchilov & Hutter 2017 make of SGDR.

    Parameters
    ----------
    network : Module
        What is trained, of inputs (B, ...) to logits (B, C).
    data : ImageData
        Splits, batches and their order.
    epochs : int
        Length of training.
    schedule : Schedule
        Cyclic factor on the base rate.
    **study
        ``loss`` and ``metrics`` as of `Classifier`; ``optimizer``, ``penalties``, ``seed`` and ``snapshot_epochs`` as
        of `Study`.

    Raises
    ------
    ValueError
        For a schedule without cycles, or without a whole one in that length.
    """

    def __init__(
        self, network: nn.Module, data: ImageData, *, epochs: int, schedule: Schedule, **study: Any
    ) -> None:
        super().__init__(network, data, schedule=schedule, **study)
        if not isinstance(schedule, Cyclic):
            raise ValueError(
                f"members are kept where the rate is lowest, and {type(schedule).__name__} has no cycles: expected "
                "scheduler=cyclic_cosine, warm_restarts or triangular"
            )
        steps = epochs * self.steps_per_epoch
        self.member_steps = schedule.minima(steps, self.steps_per_epoch)
        if not self.member_steps:
            raise ValueError(f"no cycle of the schedule ends within {epochs} epochs ({steps} steps)")


class CheckpointEnsemble(Classifier):
    """Checkpoint ensemble: trains, and keeps ``members`` states at equal distances, the last at the end.

    Under a schedule that only falls this is the "NoCycle" of Huang et al. 2017.

    Parameters
    ----------
    network : Module
        What is trained, of inputs (B, ...) to logits (B, C).
    data : ImageData
        Splits, batches and their order.
    epochs : int
        Length of training.
    members : int, optional
        How many, 1 to the number of steps; None: as ``after`` says.
    after : sequence of float, optional
        Epochs after which they are kept, ascending, fractions allowed; None: as ``members`` says.
    **study
        ``loss`` and ``metrics`` as of `Classifier`; ``optimizer``, ``schedule``, ``penalties``, ``seed`` and
        ``snapshot_epochs`` as of `Study`.

    Raises
    ------
    ValueError
        Unless one of the two is given, for more members than steps, and for times that are not within training.
    """

    def __init__(
        self,
        network: nn.Module,
        data: ImageData,
        *,
        epochs: int,
        members: int | None = None,
        after: Sequence[float] | None = None,
        **study: Any,
    ) -> None:
        super().__init__(network, data, **study)
        if (members is None) == (after is None):
            raise ValueError(f"give either members or after, got members={members} and after={after}")
        steps = epochs * self.steps_per_epoch
        if after is not None:
            self.member_steps = tuple(ceil(epoch * self.steps_per_epoch - 1e-9) for epoch in after)
            places = [0, *self.member_steps, steps + 1]
            if any(step >= later for step, later in pairwise(places)):
                raise ValueError(f"after: expected ascending epochs within (0, {epochs}], got {list(after)}")
        else:
            assert members is not None
            if not 1 <= members <= steps:
                raise ValueError(f"members must be 1 to the {steps} steps of training, got {members}")
            self.member_steps = tuple(ceil(k * steps / members) for k in range(1, members + 1))
