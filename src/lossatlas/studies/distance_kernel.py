"""Distance-penalty training: a classifier that its own earlier checkpoints repel."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from pytorch_lightning import Callback
from torch import nn

from lossatlas.callbacks.push_from_checkpoints import PushFromCheckpoints
from lossatlas.data import ImageData
from lossatlas.optim.distancing import Distance, DistanceForce, Kernel, Merging, Push, Width
from lossatlas.seeds import derive_seed
from lossatlas.studies.branching import check_trunk
from lossatlas.studies.classifier import Classifier
from lossatlas.studies.regularization import GATES
from lossatlas.studies.stepping import CLOSURES, MODES
from lossatlas.studies.study import network_of
from lossatlas.studies.trained_network import TrainedNetwork


class DistanceKernel(Classifier):
    """Distance penalty: trains a classifier which, from a checkpoint on, pays for being near where it was then.

    Added to the loss is ``strength`` / K times the sum over the K checkpoints of ``kernel``(a D), with D the squared
    distance of the weights from the checkpoint and a the precision that ``width`` gives: eq. 2.3 of the draft of the
    distance-kernel thesis (von Bachmann 2021), with `RBF <lossatlas.optim.distancing.RBF>` and
    `Sigma <lossatlas.optim.distancing.Sigma>`. It is added as a force in closed form, by `PushFromCheckpoints`; losses
    and metrics are without it. Checkpoints are kept as members of the run, and so is the network that it ends with.

    Parameters
    ----------
    network : Module
        What is trained, of inputs (B, ...) to logits (B, C).
    data : ImageData
        Splits, batches and their order.
    epochs : int
        Length of training, the trunk's included.
    kernel : Kernel
        Function of a D.
    width : Width
        What gives the precision a.
    strength : float
        Of the penalty, in units of the loss, positive.
    push : Push
        Where the force points.
    merging : Merging
        What becomes of several checkpoints.
    distance : Distance
        Which parameters count, and how.
    divided : bool, default True
        By the number of checkpoints; else there is no 1/K (eq. 2.8 of that draft).
    decoupled : bool, default False
        Move the weights after the optimizer's step; by default the force is added to the gradients.
    checkpoints : sequence of int, optional
        Epochs after which one is taken, 0 being the initialisation; None: as ``every`` says.
    every : int, optional
        Period in epochs after which one is taken; None: as ``checkpoints`` says.
    release : int, optional
        Epoch with whose end the force ends; None: it does not.
    trunk : TrainedNetwork, optional
        Finished run from whose end training goes on, as if it had been this one's own beginning; None: from the start.
    seed : int
        Of all random streams.
    **study
        ``loss`` and ``metrics`` as of `Classifier`; ``optimizer``, ``schedule``, ``penalties`` and ``snapshot_epochs``
        as of `Study`.

    Raises
    ------
    ValueError
        For values out of their range, fewer checkpoints than ``merging`` needs, and a trunk of another network or seed,
        or that ends after the first checkpoint.
    """

    refused_regularizers: ClassVar[Mapping[str, str]] = {
        GATES: "distances are those of the weights that are trained, without their gates"
    }

    refused_stepping: ClassVar[Mapping[str, str]] = {
        CLOSURES: "the force is added to the gradients of one evaluation, not to the loss",
        MODES: "distances are those of the weights that are trained, not of their average",
    }

    def __init__(
        self,
        network: nn.Module,
        data: ImageData,
        *,
        epochs: int,
        kernel: Kernel,
        width: Width,
        strength: float,
        push: Push,
        merging: Merging,
        distance: Distance,
        divided: bool = True,
        decoupled: bool = False,
        checkpoints: Sequence[int] | None = None,
        every: int | None = None,
        release: int | None = None,
        trunk: TrainedNetwork | None = None,
        seed: int,
        **study: Any,
    ) -> None:
        super().__init__(network, data, seed=seed, **study)
        _check_epochs(checkpoints, every, epochs)
        force = DistanceForce(
            kernel,
            width,
            strength,
            divided=divided,
            distance=distance,
            merging=merging,
            push=push,
            seed=derive_seed(seed, "push"),
        )
        self._push = PushFromCheckpoints(
            force,
            epochs=checkpoints,
            every=every,
            release=release,
            decoupled=decoupled,
            network=network_of,
            log=False,
        )
        due = self._push.due(epochs)
        _check_due(due, epochs, merging, width, release)
        _check_trunk(self, trunk, due[0])
        distance.layout(network)
        self.trunk = trunk
        self.member_steps = tuple(epoch * self.steps_per_epoch for epoch in (*due, epochs))

    def configure_callbacks(self) -> list[Callback]:  # noqa: D102
        return [self._push]

    def epoch_metrics(self) -> dict[str, float]:
        """Loss and metrics of the splits that are not trained on, distances, and what is known of the force."""
        return {**self._measured([s for s in self.data.splits if s != "train"]), **self._push.metrics}


def _check_epochs(checkpoints: Sequence[int] | None, every: int | None, epochs: int) -> None:
    if (checkpoints is None) == (every is None):
        raise ValueError(
            f"give either checkpoints or every, and the other as null: got {checkpoints} and {every}"
        )
    if every is not None and not (isinstance(every, int) and 1 <= every < epochs):
        raise ValueError(f"every: expected a period of 1 to {epochs - 1} epochs, got {every}")
    if checkpoints is not None and not checkpoints:
        raise ValueError(f"checkpoints: expected one epoch or more, of 0 to {epochs - 1}, got none")
    if isinstance(checkpoints, int):
        raise ValueError(f"checkpoints: expected a list of epochs, got {checkpoints}: type [{checkpoints}]")
    for epoch in checkpoints or ():
        if not isinstance(epoch, int) or not 0 <= epoch < epochs:
            raise ValueError(
                f"checkpoints: expected epochs of 0, the initialisation, to {epochs - 1}, got {epoch}"
            )


def _check_due(due: Sequence[int], epochs: int, merging: Merging, width: Width, release: int | None) -> None:
    if len(due) < merging.least:
        raise ValueError(
            f"merging: {type(merging).__name__} needs {merging.least} checkpoints, got {len(due)} "
            f"(after epoch {due[0]})"
        )
    if due[0] == 0:  # which has travelled nowhere: a width may be none there
        width.precision(torch.zeros(1))
    if release is not None and not due[0] < release <= epochs:
        raise ValueError(
            f"release: expected an epoch after the first checkpoint, {due[0] + 1} to {epochs}, got {release}"
        )


def _check_trunk(study: DistanceKernel, trunk: TrainedNetwork | None, first: int) -> None:
    if trunk is None:
        return
    if not isinstance(trunk, TrainedNetwork):
        raise ValueError(f"trunk: expected {{run: [overrides]}}, got {trunk}")
    if trunk.epochs > first:
        raise ValueError(
            f"trunk: {trunk.name} has {trunk.epochs} epochs, but the first checkpoint is taken after epoch {first}"
        )
    if early := [epoch for epoch in study.snapshot_epochs if epoch <= trunk.epochs]:
        raise ValueError(
            f"snapshot_epochs: epoch {early[0]} is not after the trunk's {trunk.epochs} epochs: have it kept there"
        )
    check_trunk(study, trunk)
