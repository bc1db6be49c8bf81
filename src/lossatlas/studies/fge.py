"""Fast geometric ensembling: an ensemble from a few epochs after, or near the end of, one training run."""

from collections.abc import Mapping
from typing import Any, ClassVar

from torch import nn

from lossatlas.data import ImageData
from lossatlas.studies.branching import layout
from lossatlas.studies.regularization import GATES
from lossatlas.studies.snapshot import SnapshotEnsemble
from lossatlas.studies.stepping import MODES
from lossatlas.studies.trained_network import TrainedNetwork
from lossatlas.weight_space import check_alike


class FastGeometricEnsemble(SnapshotEnsemble):
    """Fast geometric ensemble: goes on from ``start`` in short triangular cycles, a member in the middle of each.

    Algorithm 1 of Garipov et al. 2018 (arXiv:1802.10026). As in their code, ``start`` itself is no member, and neither
    is a network at the end of a cycle, where the rate is high.

    Parameters
    ----------
    network : Module
        What is trained, of inputs (B, ...) to logits (B, C).
    data : ImageData
        Splits, batches and their order.
    start : TrainedNetwork
        Whose weights training goes on from.
    momentum : bool, default True
        Take over the state of its optimizer as well; the rate is this run's own.
    **study
        ``epochs`` as of `SnapshotEnsemble`, those of the start not counted; ``loss`` and ``metrics`` as of
        `Classifier`; ``optimizer``, ``schedule``, ``penalties``, ``seed`` and ``snapshot_epochs`` as of `Study`.

    Raises
    ------
    ValueError
        For a start of another architecture, or whose optimizer's state is not to be had or is of another optimizer.
    """

    refused_regularizers: ClassVar[Mapping[str, str]] = {
        GATES: "those of the start have been multiplied into its weights"
    }

    refused_stepping: ClassVar[Mapping[str, str]] = {
        MODES: "its average would begin anew, and not go on from the start's"
    }

    def __init__(
        self,
        network: nn.Module,
        data: ImageData,
        *,
        start: TrainedNetwork,
        momentum: bool = True,
        **study: Any,
    ) -> None:
        super().__init__(network, data, **study)
        check_alike(network.state_dict(), start.state, f"{start.name}, to start from,")
        network.load_state_dict(dict(start.state))
        self._start = start
        self._takes_momentum = momentum

    def on_train_start(self) -> None:  # noqa: D102
        super().on_train_start()
        if self._takes_momentum and self.global_step == 0:
            self._take_over(self._start.training_state())

    def _take_over(self, training: Mapping[str, Any]) -> None:
        """Give the optimizer the state of the start's, but not its rate and other settings."""
        optimizer = self.trainer.optimizers[0]
        theirs, ours = training["optimizer_states"][0], optimizer.state_dict()
        if not theirs["state"] or layout(theirs) != layout(ours):
            raise ValueError(
                f"the optimizer of {self._start.name} has no momentum that {type(optimizer).__name__} can go on with: "
                "type study.momentum=false to start without"
            )
        optimizer.load_state_dict({**ours, "state": theirs["state"]})
