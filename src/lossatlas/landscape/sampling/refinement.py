"""Adaptive refinement: which points of a grid to measure next, from what those measured say of the others."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial import KDTree

from lossatlas.landscape.sampling.interpolants import CUBIC, LINEAR, LOG, QUINTIC, Array, finite, interpolants
from lossatlas.landscape.sampling.space_filling import coarse_grid, farthest_points, unit_grid
from lossatlas.seeds import generator

_LEAST = 8  # points of a batch
_SHARE = 8  # a batch is at least an eighth of what is measured
_MEMORY = 0.5  # of the errors of earlier batches, in the choice of an interpolant
_CAUTION = 0.7  # by which a factor may fall from one batch to the next


def raised(ceiling: float, lowest: float) -> float:
    """``ceiling``; if the ``lowest`` loss does not lie below it, raised by powers of ten to twice that loss at least.

    >>> raised(10.0, 0.3), raised(10.0, 4353.0), raised(10.0, 7000.0)
    (10.0, 10000.0, 100000.0)
    """
    if lowest < ceiling or ceiling <= 0:
        return ceiling
    return ceiling * 10.0 ** math.ceil(math.log10(2 * lowest / ceiling))


@dataclass(frozen=True)
class Rules:
    """When a grid is measured well enough; see `Adaptive`."""

    tolerance: float
    ceiling: float
    held_out: int
    seed: int


@dataclass(frozen=True)
class Batch:
    """Points to measure next; none where the rest can be interpolated."""

    points: list[int]
    held_out: bool = False  # drawn at random, to hold the interpolants against


class Refinement:
    """What is measured of a grid of ``shape``, and how far the interpolants are estimated to be off elsewhere.

    The columns ``losses`` of the rows are those that have to follow the ``rules``. For each, the interpolant that
    was nearest to the last batches is taken, and its error estimated from the difference that the kernel makes.
    """

    def __init__(self, shape: Sequence[int], losses: Sequence[int], rules: Rules) -> None:
        self.measured = np.zeros(int(np.prod(shape)), dtype=bool)
        self.estimated_error = 0.0  # the largest of the points that were not measured before the last batch
        self.held_out_errors: Array | None = None  # once they are within tolerance
        self.ceiling = rules.ceiling  # which the losses of the first batch may raise
        self._losses, self._rules = np.array(losses, dtype=np.int64), rules
        self._shape, self._places = tuple(shape), unit_grid(shape)
        self._rows = np.empty((len(self.measured), 0))
        self._forecast: Array | None = None  # (kernels, scales, points, losses), before the last batch
        self._last_error = np.inf  # the largest that the chosen interpolants made in the last batch
        self._errors = np.zeros(
            (2, 2, len(losses))
        )  # (kernels, scales, losses), mean ones of the last batches
        self._kernel, self._scale = (np.full(len(losses), one) for one in (QUINTIC, LOG))
        self._factor = np.ones(len(losses))  # from the difference that the kernel makes to the error

    def next_batch(self) -> Batch:
        """Points to measure next."""
        missing = np.flatnonzero(~self.measured)
        if not self.measured.any():
            return Batch(coarse_grid(self._shape))
        if self.held_out_errors is not None or not len(missing):
            return Batch([])
        errors = self._estimated_errors(missing)
        self.estimated_error = float(errors.max())
        if max(self.estimated_error, self._last_error) <= self._rules.tolerance:
            return Batch(self._drawn(missing), held_out=True)
        if 2 * self.measured.sum() > len(self.measured):
            return Batch(missing.tolist())
        return Batch(self._uncertain(missing, errors))

    def take(self, batch: Batch, rows: Array) -> None:
        """Take up the ``rows``, (points, values), of a batch."""
        if not self.measured.any():
            self._rows = np.full((len(self.measured), rows.shape[1]), np.nan)
            lowest = finite(rows[:, self._losses]).min(axis=0)  # the centre is among them
            self.ceiling = raised(self._rules.ceiling, float(lowest.max()))
        self._rows[batch.points] = rows
        self.measured[batch.points] = True
        if self._forecast is not None:
            self._judge(self._forecast[:, :, batch.points], batch)

    def interpolated(self) -> Array:
        """Rows of all points, (points, values): those that are not measured are interpolated.

        Where the nearest point that is measured has no finite value, neither has an interpolated one.
        """
        rows, missing = self._rows.copy(), np.flatnonzero(~self.measured)
        if not len(missing):
            return rows
        values, places, at = rows[self.measured], self._places[self.measured], self._places[missing]
        found = interpolants(places, values, at)
        lowest, highest = finite(values).min(axis=0), finite(values).max(axis=0)
        rows[missing] = np.clip(found[CUBIC, LINEAR], lowest, highest)
        rows[np.ix_(missing, self._losses)] = self._chosen(found[..., self._losses])
        nearest = values[KDTree(places).query(at)[1]]
        rows[missing] = np.where(np.isfinite(nearest), rows[missing], nearest)
        return rows

    def _estimated_errors(self, missing: NDArray[np.int64]) -> Array:
        """Estimates at the points that are ``missing``, (points,), of the loss that is farthest off."""
        known = self.measured
        found = interpolants(self._places[known], self._rows[known][:, self._losses], self._places[missing])
        self._forecast = np.full((2, 2, *self._rows[:, self._losses].shape), np.nan)
        self._forecast[:, :, missing] = found
        errors: Array = (self._factor * self._chosen(self._differences(found))).max(axis=1)
        return errors

    def _judge(self, forecast: Array, batch: Batch) -> None:
        """Hold the ``forecast`` for a batch, (kernels, scales, points, losses), against what was measured."""
        truth = self._rows[:, self._losses]
        truth[self.measured] = finite(truth[self.measured])
        errors = self._off(forecast, truth[batch.points])
        made = self._chosen(errors).max(axis=1)
        self._last_error = float(made.max())
        if batch.held_out and self._last_error <= self._rules.tolerance:
            self.held_out_errors = made
        self._errors = _MEMORY * self._errors + (1 - _MEMORY) * errors.mean(axis=2)
        best = self._errors.reshape(-1, len(self._losses)).argmin(axis=0)
        self._kernel, self._scale = np.unravel_index(best, self._errors.shape[:2])
        differences = self._chosen(self._differences(forecast)).max(axis=0)
        factor = self._chosen(errors).max(axis=0) / np.where(differences > 0, differences, np.inf)
        self._factor = np.maximum(1.0, np.maximum(factor, _CAUTION * self._factor))

    def _chosen(self, values: Array) -> Array:
        """Of ``values`` by interpolant, (kernels, scales, points, losses), those of the chosen: (points, losses)."""
        return values[self._kernel, self._scale, :, np.arange(len(self._losses))].T

    def _differences(self, found: Array) -> Array:
        """How far the kernels differ, said of both of them: (kernels, scales, points, losses)."""
        return np.broadcast_to(self._off(found[QUINTIC], found[CUBIC]), found.shape)

    def _off(self, losses: Array, others: Array) -> Array:
        """How far losses are from others, as shares of the range: (..., losses).

        The larger of two: cut off at the ceiling, as they are plotted, and as they are stored.
        """
        known = finite(self._rows[self.measured][:, self._losses])
        cut = (np.minimum(of, self.ceiling) for of in (losses, others, known))
        return np.maximum(_share(losses, others, known), _share(*cut))

    def _drawn(self, missing: NDArray[np.int64]) -> list[int]:
        rng = generator(self._rules.seed, "held-out", int(self.measured.sum()))
        order = torch.randperm(len(missing), generator=rng)[: self._rules.held_out]
        return missing[order.numpy()].tolist()

    def _uncertain(self, missing: NDArray[np.int64], errors: Array) -> list[int]:
        """Points of a batch where the error is estimated to be large, and that are far from others."""
        number = max(_LEAST, int(self.measured.sum()) // _SHARE)
        distances = np.asarray(KDTree(self._places[self.measured]).query(self._places[missing])[0])
        scores = errors * np.sqrt(distances)  # the kernels may agree and be wrong, above all in wide gaps
        return missing[farthest_points(self._places[missing], scores, distances, number)].tolist()


def _share(losses: Array, others: Array, known: Array) -> Array:
    """Distance of losses, (..., losses), as a share of the range of those that are known, (points, losses)."""
    span = np.ptp(known, axis=0)
    distance: Array = abs(losses - others)
    return distance / np.where(span > 0, span, 1.0)
