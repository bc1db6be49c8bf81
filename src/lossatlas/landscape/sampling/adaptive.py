"""Adaptive sampling of a grid: points are added until those that are left can be interpolated."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isfinite, isnan

import numpy as np

from lossatlas.choices import chosen
from lossatlas.landscape.mapping.map_points import Progress
from lossatlas.landscape.mapping.ranks import ranks
from lossatlas.landscape.sampling.full_grid import FULL_GRID, MapPoints, Sampled, Sampling
from lossatlas.landscape.sampling.refinement import Refinement, Rules


@dataclass(frozen=True)
class Adaptive:
    """Adaptive sampling: measure part of a grid, interpolate the rest to ``tolerance``, a share of the losses' range.

    The error that counts is the larger of two: that of the loss as it is plotted, cut off at ``ceiling``, and that of
    the loss as it is stored, each as a share of the range of what is measured. Points are measured in batches, spread
    over where two interpolants (see `interpolants`) differ most; their difference, times how much farther off they were
    for the last batch, estimates the error. Where nothing is estimated to be off by more than the tolerance, points are
    drawn at random, measured and compared with what was predicted without them. If all are within it, the rest is
    interpolated; else refinement goes on. If it is not done when half of the grid is measured, the other half is
    measured too.

    Parameters
    ----------
    tolerance : float, default 0.01
        Largest error as a share of the range, > 0.
    ceiling : float, default 10.0
        Loss at which the plot is cut off; inf: none. Where no loss of the coarse grid, which has the centre, lies below
        it, it is raised by powers of ten to twice the lowest of them at least.
    held_out : int, default 24
        Number of points that are drawn at random, >= 1.
    seed : int, default 0
        Seed of that drawing.

    Raises
    ------
    ValueError
        For a value out of its range.

    Examples
    --------
    >>> y, x = np.indices((21, 21)).reshape(2, -1) / 20
    >>> loss = (x**2 + 3 * y**2)[:, None]
    >>> sampled = Adaptive().sample((21, 21), [0], lambda indices, progress: loss[indices])
    >>> int(sampled.measured.sum()), bool(abs(sampled.rows - loss).max() < 1e-9)
    (49, True)
    """

    tolerance: float = 0.01
    ceiling: float = 10.0
    held_out: int = 24
    seed: int = 0

    def __post_init__(self) -> None:
        if not (isfinite(self.tolerance) and self.tolerance > 0):
            raise ValueError(f"tolerance must be finite and > 0, got {self.tolerance}")
        if isnan(self.ceiling):
            raise ValueError(f"ceiling must be a number, or inf for none, got {self.ceiling}")
        if self.held_out < 1:
            raise ValueError(f"held_out must be >= 1, got {self.held_out}")

    def attributes(self) -> dict[str, str | int | float]:
        """What a dataset says of it, before anything is measured."""
        return {
            "sampling": "adaptive",
            "tolerance": self.tolerance,
            "ceiling": self.ceiling,
            "held_out": self.held_out,
            "sampling_seed": self.seed,
        }

    def sample(
        self,
        shape: Sequence[int],
        losses: Sequence[int],
        map_points: MapPoints,
        progress: Progress | None = None,
    ) -> Sampled:
        """Rows of all points of a grid of ``shape``; ``losses`` are the columns that have to meet the tolerance.

        Which points are measured depends on rows alone, so that an interrupted survey goes on as it would have.
        ``progress`` counts as if all were to be measured.

        The attributes: ``measured_points``; ``converged``, whether the tolerance was met before all were
        measured; ``ceiling``, as it was raised; and, as shares of the range, ``estimated_error``, the largest that is
        left, and ``held_out_error`` and ``held_out_error_95``, the largest and the 95 % quantile at the held-out
        points.
        """
        refinement = Refinement(shape, losses, Rules(self.tolerance, self.ceiling, self.held_out, self.seed))
        total = len(refinement.measured)

        def report(done: int, of_batch: int) -> None:
            if progress is not None:
                progress(int(refinement.measured.sum()) + done, total)

        # The first rank's word counts: on unlike machines the last bit, and so a decision, may differ.
        while (batch := ranks().gather(refinement.next_batch())[0]).points:
            refinement.take(batch, map_points(indices=batch.points, progress=report))
        report(total - int(refinement.measured.sum()), 0)  # the rest is interpolated
        return Sampled(refinement.interpolated(), refinement.measured, _report(refinement))


def _report(refinement: Refinement) -> dict[str, int | float]:
    """Attributes of what came of it; nothing is off where everything is measured."""
    errors = np.zeros(1)
    if converged := refinement.held_out_errors is not None and not refinement.measured.all():
        errors = refinement.held_out_errors
    return {
        "ceiling": refinement.ceiling,
        "measured_points": int(refinement.measured.sum()),
        "converged": int(converged),
        "estimated_error": refinement.estimated_error if converged else 0.0,
        "held_out_error": float(errors.max()),
        "held_out_error_95": float(np.quantile(errors, 0.95)),
    }


_SAMPLINGS: dict[str, Callable[[float, float], Sampling]] = {
    "grid": lambda tolerance, ceiling: FULL_GRID,
    "adaptive": Adaptive,
}
"""Ways to sample a grid by name, each made from a tolerance and a ceiling."""


def sampling_named(name: str, tolerance: float, ceiling: float) -> Sampling:
    """The way to sample a grid that is called ``name``. ValueError for an unknown one.

    >>> sampling_named("adaptive", 0.01, 10.0)
    Adaptive(tolerance=0.01, ceiling=10.0, held_out=24, seed=0)
    """
    return chosen("sampling", name, _SAMPLINGS)(tolerance, ceiling)
