"""Curves in weight space: any function of t, and the chain of straight lines through several networks."""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lossatlas.landscape.shapes.combination import Combination
from lossatlas.landscape.shapes.grid import Grid, axis, evenly
from lossatlas.landscape.shapes.lines import Segment
from lossatlas.weight_space import Weights, matching, norm, weights_digest

_DIGESTED = 17  # points of a curve that tell it from another


class Curve:
    """The curve t -> ``at(t)`` for t in [0, 1]; ``at`` gives the weights by name, always the same names.

    Parameters
    ----------
    at : callable
        From t to the weights by name, always the same names.

    Examples
    --------
    >>> quarter = Curve(lambda t: {"w": torch.tensor([np.cos(np.pi / 2 * t), np.sin(np.pi / 2 * t)])})
    >>> quarter.place(out := {"w": torch.empty(2, dtype=torch.float64)}, 1.0)
    >>> out["w"].round(decimals=3)
    tensor([0., 1.], dtype=torch.float64)
    >>> float(quarter.lengths(np.linspace(0, 1, 1001))[-1].round(3))  # pi / 2
    1.571
    """

    def __init__(self, at: Callable[[float], Mapping[str, Tensor]]) -> None:
        self._at = at

    def place(self, out: Weights, t: float) -> None:
        """Write the weights at ``t`` into ``out``."""
        weights = self._at(t)
        torch._foreach_copy_(matching(out, weights), list(weights.values()))

    def grid(self, points: int = 61) -> Grid:
        """``points`` points, evenly over t in [0, 1]."""
        return Grid({"t": axis("t", evenly(0.0, 1.0, points), "position along the curve")}, self.place)

    def lengths(self, t: NDArray[np.float64]) -> NDArray[np.float64]:
        """Lengths of the curve from the first of ``t`` to each, (T,), as sums of the chords between them."""
        chords = [0.0]
        before = self._at(float(t[0]))
        for position in t[1:].tolist():
            here = self._at(position)
            chords.append(norm({name: tensor.double() - before[name] for name, tensor in here.items()}))
            before = here
        return np.cumsum(chords)

    def digest(self) -> str:
        """Hash of the weights at a few points, which tells this curve from others."""
        return "-".join(weights_digest(self._at(t))[:8] for t in np.linspace(0, 1, _DIGESTED).tolist())


class Polyline:
    """The straight lines from each of ``networks`` to the next; network k is at t = k, to the last bit.

    Parameters
    ----------
    networks : sequence of dict
        Tensors by name, of two or more networks.
    measured : sequence of str, optional
        Names of the tensors that lengths are over; None: all.

    Raises
    ------
    ValueError
        For fewer than two networks, or if they differ in names or shapes.

    Examples
    --------
    >>> corner = Polyline([{"w": torch.tensor(w)} for w in ([0.0, 0.0], [4.0, 0.0], [4.0, 3.0])])
    >>> corner.place(out := {"w": torch.empty(2)}, 1.5)
    >>> out["w"]
    tensor([4.0000, 1.5000])
    >>> corner.lengths(np.array([0.5, 1.0, 2.0]))
    array([2., 4., 7.])
    """

    def __init__(self, networks: Sequence[Weights], *, measured: Sequence[str] | None = None) -> None:
        if len(networks) < 2:
            raise ValueError(f"a path needs at least two networks, got {len(networks)}")
        self._networks = networks
        self._segments = [Segment(start, end) for start, end in pairwise(networks)]
        self._measured = list(networks[0] if measured is None else measured)

    @property
    def corners(self) -> NDArray[np.int64]:
        """Positions t of the networks, (networks,)."""
        return np.arange(len(self._networks))

    def place(self, out: Weights, t: float) -> None:
        """Write the weights at ``t`` into ``out``."""
        segment, alpha = self._segment(t)
        segment.place(out, alpha)

    def combine(self, t: float) -> Combination:
        """The weights at ``t`` as a linear combination of two networks."""
        segment, alpha = self._segment(t)
        return segment.combine(alpha)

    def _segment(self, t: float) -> tuple[Segment, float]:
        k = min(int(t), len(self._segments) - 1)
        return self._segments[k], t - k

    def grid(self, points: int = 61) -> Grid:
        """``points`` points on each line, ends included, evenly over t from 0 to the number of lines.

        ValueError if ``points`` < 2.
        """
        pieces = len(self._segments)
        evenly(0.0, 1.0, points)  # raises for fewer than two
        t = evenly(0.0, float(pieces), pieces * (points - 1) + 1)
        return Grid(
            {"t": axis("t", t, "position along the path, a whole number at each network")},
            self.place,
            self.combine,
        )

    def lengths(self, t: NDArray[np.float64]) -> NDArray[np.float64]:
        """Lengths of the path from its start to each of ``t``, (T,)."""
        return np.interp(t, self.corners, np.concatenate([[0.0], np.cumsum(self._chords)]))

    def digest(self) -> str:
        """Hash of the networks, which tells this path from others."""
        return "-".join(weights_digest(network)[:16] for network in self._networks)

    @cached_property
    def _chords(self) -> list[float]:
        return [
            norm({name: end[name].double() - start[name].double() for name in self._measured})
            for start, end in pairwise(self._networks)
        ]
