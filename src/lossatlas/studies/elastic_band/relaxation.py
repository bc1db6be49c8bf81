"""Nudged elastic band with insertions (AutoNEB): relaxing a path over a low saddle between two trained networks."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar

import torch
import xarray as xr
from torch import Tensor, nn
from torch.func import functional_call

from lossatlas.data import ImageData
from lossatlas.landscape.shapes.curve_families import CurveFamily
from lossatlas.optim import Monitoring, Schedule
from lossatlas.studies.classifier import Classifier, misclassified
from lossatlas.studies.elastic_band.forces import band_gradients
from lossatlas.studies.elastic_band.pivots import Pivots, insert_pivots, insertions
from lossatlas.studies.elastic_band.profile import band_metrics, by_gap, profile, with_statistics
from lossatlas.studies.elastic_band.schedule import Cycle, CycledRate, Cycles
from lossatlas.studies.regularization import KINDS, check_regularizers
from lossatlas.studies.stepping import ACCUMULATION, CLOSURES, MATRICES, MODES
from lossatlas.studies.study import Batch
from lossatlas.studies.trained_network import TrainedNetwork, check_ends, refuse_weight_decay
from lossatlas.weight_space import Weights, flatten, unflatten


class ElasticBand(Classifier):
    """Nudged elastic band (AutoNEB): relaxes its pivots between two ``ends``, which stay as they are.

    AutoNEB: Draxler et al. 2018 (arXiv:1803.00885), after Kolsbjerg et al. 2016 and Henkelman & Jonsson 2000. Training
    goes in ``cycles``. The first begins with ``pivots`` pivots evenly on the straight line. A further one begins
    without momentum, and with more pivots where the training loss between two of them is farthest above the straight
    line between theirs. A pivot that is inserted divides the share of its gap.

    At a step the loss of one batch, with its penalties, is taken at every pivot, batch norm in training mode; pivots
    descend what of its gradient is perpendicular to the band.

    The run's network is the highest point of the band, with batch-norm statistics of a pass over the training data; its
    members are the control points of the band, which is a `PolygonalChain`: end, pivots, end. Its metrics:

    ==================== ============================================================================================
    saddle_loss          highest training loss along the band, at ``positions`` points between each two pivots
    line_loss            the same along the straight line between the ends, at as many points in all
    ends_loss            training loss of the worse end
    barrier              saddle_loss less ends_loss
    line_barrier         line_loss less ends_loss
    saddle_to_line       barrier over line_barrier
    saddle_test_error    highest test error along the band
    line_test_error      the same along the straight line
    ends_test_error      mean test error of the ends
    test_error_rise      saddle_test_error less ends_test_error
    curve_length         length of the band
    end_distance         of the straight line
    length_ratio         curve_length over end_distance
    pivots               how many there are
    ==================== ============================================================================================

    Parameters
    ----------
    network : Module
        It computes with any weights by `torch.func.functional_call`.
    data : ImageData
        Splits, batches and their order.
    ends : sequence of TrainedNetwork
        Two, of the kind of the network, of different seeds.
    curve : CurveFamily
        `PolygonalChain` with ``bends`` None, for as many as pivots come.
    cycles : sequence of mapping
        Each ``steps``, of the optimizer, and ``factor``, of the scheduled rate, by default 1. The last cycle goes on to
        the end of the last epoch.
    epochs : int
        Those that the cycles take.
    optimizer : Callable
        Function of parameters to an optimizer, without weight decay, which would act along the band as well.
    schedule : Schedule
        Function of the position in epochs to a factor on the base rate.
    penalties : mapping of str to Callable
        Functions of weights by name to what is added to the loss.
    pivots : int, default 3
        Of the first cycle, 1 or more.
    insert : int, default 2
        Pivots more that a further cycle begins with, at most; 0 or more.
    threshold : float, default 0.2
        Rise of the loss between two pivots that asks for one, as a share of the range of the pivots' losses; 0 or more.
    positions : int, default 9
        Points between each two pivots at which the loss is taken, 1 or more.
    spring : float, optional
        Positive stiffness of what pulls pivots along the band; None, as in the paper: they are moved along the band
        before each step, so that their gaps keep their shares of its length.
    **classifier
        ``loss`` and ``metrics`` as of `Classifier`; ``seed`` as of `Study`, and ``snapshot_epochs``, which is empty.

    Raises
    ------
    ValueError
        As `check_ends` raises it, unless there are two ends, for numbers out of their range, for epochs that do not fit
        the cycles, and for an optimizer with weight decay.
    """

    refused_stepping: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys(
            (ACCUMULATION, CLOSURES, MODES),
            "pivots descend a part of one batch's gradient, and are moved along the band between steps",
        ),
        MATRICES: "a pivot is a row of all weights, and the pivots together are no matrix of a layer",
    }
    refused_regularizers: ClassVar[Mapping[str, str]] = dict.fromkeys(
        KINDS, "pivots are moved along the band between steps"
    )

    def __init__(
        self,
        network: nn.Module,
        data: ImageData,
        *,
        ends: Sequence[TrainedNetwork],
        curve: CurveFamily,
        cycles: Sequence[Mapping[str, Any]],
        epochs: int,
        optimizer: Callable[[Iterable[Tensor]], torch.optim.Optimizer],
        schedule: Schedule,
        penalties: Mapping[str, Callable[[Mapping[str, Tensor]], Tensor]],
        pivots: int = 3,
        insert: int = 2,
        threshold: float = 0.2,
        positions: int = 9,
        spring: float | None = None,
        **classifier: Any,
    ) -> None:
        if len(ends) != 2:
            raise ValueError(f"a band has two ends, got {len(ends)}")
        check_ends(network, ends)
        _check_numbers(pivots, insert, threshold, positions, spring)
        if curve.bends is not None:
            raise ValueError(f"curve.bends must be null, for as many as pivots come, got {curve.bends}")
        refuse_weight_decay(optimizer, "would act along the band as well as across it")
        if isinstance(schedule, Monitoring):
            raise ValueError(
                f"a band's rate is that of its cycles times a schedule's by the epoch, and {type(schedule).__name__} "
                "goes by a metric: type scheduler=constant"
            )
        in_order = Cycles([Cycle(**cycle) for cycle in cycles])
        in_order.check_epochs(epochs, data.steps_per_epoch)
        rate = CycledRate(schedule, in_order, data.steps_per_epoch)
        super().__init__(network, data, optimizer=optimizer, schedule=rate, penalties={}, **classifier)
        check_regularizers(type(self).__name__, penalties, self.refused_regularizers)
        self._penalties_of_point = penalties
        if self.snapshot_epochs:
            raise ValueError(
                f"a band has its network at the end alone: expected snapshot_epochs=[], got {self.snapshot_epochs}"
            )
        self.curve = curve
        self.ends = ends
        self._cycles = in_order
        self._insert, self._threshold, self._positions, self._spring = insert, threshold, positions, spring
        self._like: Weights = {name: tensor.detach() for name, tensor in network.named_parameters()}
        straight = torch.stack([flatten({name: end.state[name] for name in self._like}) for end in ends])
        self.band = Pivots(straight, pivots, room=pivots + insert * (len(in_order) - 1))
        self._along_band: xr.Dataset | None = None  # this and the next once training has finished
        self._pivots: list[Weights] = []

    @property
    def needed_steps(self) -> int:  # noqa: D102
        return self._cycles.steps

    def trained_parameters(self) -> Sequence[nn.Parameter]:  # noqa: D102
        return [self.band.rows]

    def on_train_batch_start(self, batch: Batch, batch_idx: int) -> None:
        """Begin a cycle where one begins."""
        if self.global_step in self._cycles.starts[1:]:
            self._begin_cycle()
        super().on_train_batch_start(batch, batch_idx)

    def _begin_cycle(self) -> None:
        """Insert pivots where the loss asks for them, and forget the momentum."""
        losses = self._profile(self.band.points, ["train"]).loss.sel(split="train").values
        where = insertions(by_gap(losses, len(self.band) + 1), threshold=self._threshold, most=self._insert)
        self.band.replace(*insert_pivots(self.band.points, self.band.shares, where))
        self.trainer.optimizers[0].state.clear()

    def batch_loss(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Mean loss of a batch over the pivots, with the gradient that they descend, and mean of wrong samples."""
        if self._spring is None:
            self.band.space_evenly()
        points = self.band.points
        moves = [False, *[True] * len(self.band), False]
        measured = [self._at(point, batch, moves=free) for point, free in zip(points, moves, strict=True)]
        losses, gradients, wrong = (torch.stack(column) for column in zip(*measured, strict=True))
        descent = band_gradients(
            points, losses, gradients[1:-1], shares=self.band.shares, spring=self._spring
        )
        along = (self.band.rows[: len(descent)] * descent).sum()
        return losses[1:-1].mean() + along - along.detach(), wrong[1:-1].double().mean()

    def _at(self, point: Tensor, batch: Batch, *, moves: bool) -> tuple[Tensor, Tensor, Tensor]:
        """Loss of a batch, with penalties, at ``point``, its gradient if the point ``moves``, and wrong samples."""
        inputs, targets = batch
        with torch.set_grad_enabled(moves):
            row = point.detach().requires_grad_(moves)
            weights = unflatten(row, self._like)
            logits = functional_call(self.network, weights, (inputs,))
            loss = self.loss(logits, targets)
            for penalty in self._penalties_of_point.values():
                loss = loss + penalty(weights)
        gradient = torch.autograd.grad(loss, row)[0] if moves else torch.zeros_like(point)
        return loss.detach(), gradient, misclassified(logits, targets)

    def epoch_metrics(self) -> dict[str, float]:
        """Number of pivots, and length of the band."""
        return {"pivots": len(self.band), "curve_length": self.band.lengths()[0]}

    @torch.no_grad()
    def weight_norm(self) -> float:
        """Mean L2 norm of the pivots."""
        return float(self.band.points[1:-1].double().norm(dim=1).mean())

    def check_finite(self) -> None:  # noqa: D102
        super().check_finite()
        self._check_tensor(self.band.rows, "a pivot of the band")

    def finish(self) -> None:
        """Have the network be the highest point of the band, and the pivots their own batch-norm statistics."""
        points = self.band.points
        self._along_band = self._profile(points)
        highest = int(self._along_band.loss.sel(split="train").values.argmax())
        gap, position = divmod(highest, self._positions + 1)
        after = points[min(gap + 1, len(points) - 1)]
        saddle = torch.lerp(points[gap], after, position / (self._positions + 1))
        self.network.load_state_dict({**self.ends[0].state, **self._with_statistics(saddle)})
        self._pivots = [self._with_statistics(point) for point in points[1:-1]]

    def final_members(self) -> list[Mapping[str, Tensor]]:
        """State dicts of the first end, the pivots, and the last; before `finish` pivots have an end's statistics."""
        pivots = self._pivots or [unflatten(point, self._like) for point in self.band.points[1:-1]]
        first, last = (end.state for end in self.ends)
        return [first, *({**first, **pivot} for pivot in pivots), last]

    def final_metrics(self) -> dict[str, float]:
        """Those of the highest point, and of the band; see the class."""
        assert self._along_band is not None, "finish() comes first"
        straight = self._profile(self.band.ends, positions=self._along_band.sizes["t"] - 2)
        length, distance = self.band.lengths()
        return {
            **super().final_metrics(),
            **band_metrics(self._along_band, straight),
            "curve_length": length,
            "end_distance": distance,
            "length_ratio": length / distance,
            "pivots": len(self.band),
        }

    def _profile(
        self, points: Tensor, splits: Sequence[str] | None = None, *, positions: int | None = None
    ) -> xr.Dataset:
        networks = [unflatten(point, self._like) for point in points]
        data = {split: self.data.normalized(split) for split in self.data.splits}
        between = self._positions if positions is None else positions
        return profile(self.network, self.loss, data, networks, positions=between, splits=splits)

    def _with_statistics(self, point: Tensor) -> Weights:
        inputs, _ = self.data.normalized("train")
        return with_statistics(self.network, unflatten(point, self._like), inputs)


def _check_numbers(pivots: int, insert: int, threshold: float, positions: int, spring: float | None) -> None:
    for name, given, least in (("pivots", pivots, 1), ("insert", insert, 0), ("positions", positions, 1)):
        if given < least:
            raise ValueError(f"{name} must be >= {least}, got {given}")
    if not threshold >= 0:
        raise ValueError(f"threshold must be >= 0, got {threshold}")
    if spring is not None and not spring > 0:
        raise ValueError(f"spring must be positive, or null for one without end, got {spring}")
