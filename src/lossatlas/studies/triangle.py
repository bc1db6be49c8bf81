"""Surface finding: training a surface of low loss between three trained networks."""

import torch

from lossatlas.studies.classifier import Classifier
from lossatlas.studies.curve import Curve


class Triangle(Curve):
    """Surface finding: trains the bends of a `BezierTriangle` between three fixed ``ends``, for a low loss all over it.

    As `Curve`, with a place on the triangle for the position along it: at each step the loss of a batch is taken at one
    that is drawn evenly, of the stream "t" of the seed at that step. Bends begin on the flat triangle. The network
    is the middle of the surface, and the members are its control points.

    Parameters
    ----------
    *args, **arguments
        As of `Curve`: ``curve`` is a `BezierTriangle`, and ``ends`` are three.

    Raises
    ------
    ValueError
        As `Curve`, and for another number of ends.

    References
    ----------
    Fort & Jastrzebski 2019, arXiv:1906.04724, who find surfaces of low loss between more than two optima.
    """

    @torch.no_grad()
    def final_metrics(self) -> dict[str, float]:
        """Metrics of the middle, and how far it lies from that of the flat triangle."""
        flat = self._ends.mean(0)
        middle = torch.cat([part.reshape(-1) for part in self.at(self.family.middle).values()])
        return {**Classifier.final_metrics(self), "bend_distance": float((middle - flat).double().norm())}
