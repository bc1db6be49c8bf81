"""Curve finding, for mode connectivity: training a curve of low loss between trained networks."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.optim import Optimizer

from lossatlas.data import ImageData
from lossatlas.landscape.measuring.batch_statistics import PassStatistics, even_batches
from lossatlas.landscape.measuring.isolation import evaluation_mode
from lossatlas.landscape.measuring.memory_layout import fitting_batch_size
from lossatlas.landscape.shapes.controlled_curve import ControlledCurve
from lossatlas.landscape.shapes.curve_families import CurveFamily, PolygonalChain
from lossatlas.seeds import generator
from lossatlas.spectral_norm import normed_weights
from lossatlas.studies.classifier import Classifier, misclassified
from lossatlas.studies.curve_objectives import CurveObjective
from lossatlas.studies.regularization import KINDS, check_regularizers
from lossatlas.studies.stepping import MATRICES, MODES
from lossatlas.studies.study import Batch
from lossatlas.studies.trained_network import TrainedNetwork, check_ends, refuse_weight_decay
from lossatlas.weight_space import Weights, flatten, statistics, unflatten

_Penalty = Callable[[Mapping[str, Tensor]], Tensor]


class Curve(Classifier):
    """Curve finding: trains the bends of a curve between fixed ``ends``, so that the loss is low all along it.

    Garipov et al. 2018 (arXiv:1802.10026, section 3): at each step the loss of a batch is taken at phi(t) with one
    t ~ U(0, 1), of the stream "t" of the seed at that step, and counts as ``objective`` says. Penalties are of phi(t)
    too. Bends begin on the straight lines between the ends.

    After an epoch, and at the end, the network is the middle of the curve, t = 0.5, with the statistics of a pass over
    the training data there, and that is what is measured. The members are the control points: the ends as they are, and
    bends with statistics on the straight lines between those of the ends.

    Parameters
    ----------
    network : Module
        It computes with any weights by `torch.func.functional_call`, its batch norm with the batch's statistics.
    data : ImageData
        Splits, batches and their order.
    ends : sequence of TrainedNetwork
        Two or more, of the kind of the network, of different seeds.
    curve : CurveFamily
        With the number of bends between two ends.
    objective : CurveObjective
        How much the loss at a position counts.
    optimizer : Callable
        Function of parameters to an optimizer, without weight decay, which would be that of the bends.
    penalties : mapping of str to Callable
        Functions of weights by name to what is added to the loss.
    **study
        ``loss`` and ``metrics`` as of `Classifier`; ``schedule``, ``seed`` and ``snapshot_epochs`` as of `Study`.

    Raises
    ------
    ValueError
        As `check_ends` raises it, for a curve without bends, and for an optimizer with a weight decay.
    """

    refused_stepping: ClassVar[Mapping[str, str]] = {
        MODES: "what it averages are the bends, and the network is made of them",
        MATRICES: "a bend is a row of all weights, and the bends together are no matrix of a layer",
    }

    refused_regularizers: ClassVar[Mapping[str, str]] = dict.fromkeys(
        KINDS, "a point of the curve is a combination of control points, which alone are stepped"
    )

    _ends: Tensor  # (ends, n), the parameters of each in one row

    def __init__(
        self,
        network: nn.Module,
        data: ImageData,
        *,
        ends: Sequence[TrainedNetwork],
        curve: CurveFamily,
        objective: CurveObjective,
        optimizer: Callable[..., Optimizer],
        penalties: Mapping[str, _Penalty],
        **study: Any,
    ) -> None:
        check_ends(network, ends)
        if not curve.bends:
            raise ValueError(f"curve.bends={curve.bends} leaves nothing to train; expected a number >= 1")
        refuse_weight_decay(optimizer, "would act on the bends, not along the curve")
        super().__init__(network, data, optimizer=optimizer, penalties={}, **study)
        self.family = curve
        self.ends = list(ends)
        self._objective = objective
        check_regularizers(type(self).__name__, penalties, self.refused_regularizers)
        self._penalties_of_point = penalties
        names = [name for name, _ in network.named_parameters()]
        vectors = [flatten({name: end.state[name] for name in names}) for end in ends]
        self.register_buffer("_ends", torch.stack(vectors), persistent=False)
        self.bends = nn.Parameter(self._straight[self._bend_rows] @ self._ends)  # (bends, n)

    @property
    def points(self) -> int:
        """Number of control points."""
        return self.family.points(len(self.ends))

    @property
    def _end_rows(self) -> list[int]:
        return list(self.family.ends(self.points))

    @property
    def _bend_rows(self) -> list[int]:
        return [k for k in range(self.points) if k not in self.family.ends(self.points)]

    @property
    def _straight(self) -> Tensor:
        """The control points of a straight curve as combinations of the ends, (points, ends)."""
        return torch.tensor(self.family.straight(len(self.ends)))

    def control_points(self) -> Tensor:
        """Parameters of the control points, (points, n), with a gradient by the bends."""
        rows = torch.tensor([*self._end_rows, *self._bend_rows]).argsort()
        return torch.cat([self._ends, self.bends])[rows.to(self.device)]

    def at(self, t: Any) -> Weights:
        """Parameters of the network at ``t`` by name, with a gradient by the bends."""
        coefficients = self._ends.new_tensor(self.family.coefficients(t, self.points))
        vector = coefficients[self._end_rows] @ self._ends + coefficients[self._bend_rows] @ self.bends
        return unflatten(vector, dict(self.network.named_parameters()))

    def trained_parameters(self) -> Sequence[nn.Parameter]:  # noqa: D102
        return [self.bends]

    def batch_loss(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Loss and penalties of a batch at one random position along the curve, as the objective counts them."""
        inputs, targets = batch
        t = self.family.draw(generator(self.seed, "t", self.global_step))
        point = self.at(t)
        logits = functional_call(self.network, point, (inputs,))
        loss = self.loss(logits, targets) + sum(
            penalty(point) for penalty in self._penalties_of_point.values()
        )
        counts = self._objective(self.family, self.control_points(), t)
        return counts * loss, misclassified(logits, targets)

    def on_fit_start(self) -> None:
        """Begin with the middle of the curve in the network."""
        self._take_middle()

    def on_train_epoch_end(self) -> None:
        """Record the epoch's row, as measured in the middle of the curve."""
        self._take_middle()
        super().on_train_epoch_end()

    def finish(self) -> None:
        """Have the network be the middle of the curve."""
        self._take_middle()

    @torch.no_grad()
    def _take_middle(self) -> None:
        for name, tensor in self.at(self.family.middle).items():
            self.network.get_parameter(name).copy_(tensor)
        for weight in normed_weights(self.network):
            weight.settle()
        inputs, _ = self.data.normalized("train")
        batches = even_batches(inputs, fitting_batch_size(inputs, self.network))
        with evaluation_mode(self.network):
            with PassStatistics(self.network, batches).taken():
                there = statistics(self.network)
            for name, tensor in there.items():
                self.network.get_buffer(name).copy_(tensor)

    def check_finite(self) -> None:  # noqa: D102
        super().check_finite()
        self._check_tensor(self.bends, "a bend of the curve")

    def final_members(self) -> list[dict[str, Tensor]]:
        """State dicts of the control points in order."""
        ends = dict(zip(self._end_rows, self.ends, strict=True))
        bends = dict(zip(self._bend_rows, self.bends.detach().cpu(), strict=True))  # where the ends lie
        return [
            dict(ends[k].state) if k in ends else self._bend_state(k, bends[k]) for k in range(self.points)
        ]

    def _bend_state(self, k: int, vector: Tensor) -> dict[str, Tensor]:
        of_network = dict(self.network.named_parameters())
        parts = {id(of_network[name]): part for name, part in unflatten(vector, of_network).items()}
        named = self.network.named_parameters(remove_duplicate=False)  # of shared ones, all names
        state = {name: parts[id(parameter)] for name, parameter in named}
        for name in statistics(self.network):
            of_ends = torch.stack([end.state[name] for end in self.ends])  # (ends, ...)
            state[name] = torch.tensordot(self._straight[k].to(of_ends), of_ends, dims=1)
        return {name: state.get(name, tensor) for name, tensor in self.ends[0].state.items()}

    def final_metrics(self) -> dict[str, float]:
        """Metrics of the middle, the length of the curve, the distance between the ends, and their ratio.

        With more than two ends it is the length of the straight lines through them.
        """
        names = [name for name, _ in self.network.named_parameters()]
        length = ControlledCurve(self.family, self.final_members(), measured=names).length()
        straight = PolygonalChain(bends=0)
        distance = ControlledCurve(straight, [end.state for end in self.ends], measured=names).length()
        curve = {"curve_length": length, "end_distance": distance, "length_ratio": length / distance}
        return {**super().final_metrics(), **curve}
