"""Surface finding: training a surface of low loss between three trained networks."""

from typing import Any

import torch
from torch import nn

from lossatlas.data import ImageData
from lossatlas.landscape import BezierTriangle
from lossatlas.studies.classifier import Classifier
from lossatlas.studies.curve import Curve
from lossatlas.studies.curve_objectives import CurveObjective, UniformPosition


class Triangle(Curve):
    """Surface finding: trains the bends of a `BezierTriangle` between three fixed ``ends``, for a low loss all over it.

    As `Curve`, with a place on the triangle for the position along it: at each step the loss of a batch is taken at one
    that is drawn evenly, of the stream "t" of the seed at that step. Bends begin on the flat triangle. The network
    is the middle of the surface, and the members are its control points.

    Parameters
    ----------
    network : Module
        As of `Curve`.
    data : ImageData
        Splits, batches and their order.
    curve : BezierTriangle
        With the number of bends inside each side.
    objective : UniformPosition
        All places count the same.
    **arguments
        As of `Curve`; ``ends`` are three.

    Raises
    ------
    ValueError
        As `Curve`, for another number of ends, and for another objective.

    References
    ----------
    Fort & Jastrzebski 2019, arXiv:1906.04724, who find surfaces of low loss between more than two optima.
    """

    def __init__(
        self,
        network: nn.Module,
        data: ImageData,
        *,
        curve: BezierTriangle,
        objective: CurveObjective,
        **arguments: Any,
    ) -> None:
        if not isinstance(objective, UniformPosition):
            kind = type(objective).__name__
            raise ValueError(
                f"objective={kind} is of a curve: on a triangle all places count the same, UniformPosition"
            )
        super().__init__(network, data, curve=curve, objective=objective, **arguments)  # type: ignore[arg-type]

    @torch.no_grad()
    def final_metrics(self) -> dict[str, float]:
        """Metrics of the middle, and how far it lies from that of the flat triangle."""
        flat = self._ends.mean(0)
        middle = torch.cat([part.reshape(-1) for part in self.at(self.family.middle).values()])
        return {**Classifier.final_metrics(self), "bend_distance": float((middle - flat).double().norm())}
