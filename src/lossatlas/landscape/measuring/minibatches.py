"""Minibatches of a split, and what is known of the noise of a mean over their examples."""

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from lossatlas.choices import chosen
from lossatlas.data.order import ORDERS, rows_in_order
from lossatlas.landscape.forward import widened
from lossatlas.landscape.measuring.examples import examples_at
from lossatlas.landscape.measuring.noise_scale import Estimate, MinibatchMeans
from lossatlas.landscape.measuring.prepared import Batches, PreparedProblem
from lossatlas.seeds import generator

MeanOver = Callable[[Batches], Tensor]
"""From examples to the mean over them of a vector, (n,), that each has, such as its gradient."""


class Minibatches:
    """Minibatches of ``sizes``, ascending, that are drawn from a split, and how far their means lie from the split's.

    Within a draw the larger ones hold the smaller, so that each example is looked at once. ``order`` is that of the
    epoch (`rows_in_order`) of which they are a part that begins anywhere.
    """

    def __init__(
        self,
        ready: PreparedProblem,
        split: str,
        mean_over: MeanOver,
        *,
        sizes: Sequence[int],
        seed: int,
        order: str = "reshuffled",
    ) -> None:
        chosen("order", order, ORDERS)
        self._batches = ready.batches[split]
        self._batch_size = ready.batch_size
        self._mean_over = mean_over
        self._sizes = sizes
        self._seed = seed
        self._order = order
        self.total = sum(len(targets) for _, targets in self._batches)
        self._check_order(split)

    def _check_order(self, split: str) -> None:
        (_, targets), *_ = self._batches
        if self._order == "sorted" and targets.ndim != 1:
            raise ValueError(
                f"order='sorted' needs examples of one class each, split {split!r} has targets of shape "
                f"(N, {str(list(targets.shape[1:]))[1:-1]})"
            )

    @cached_property
    def _whole(self) -> Tensor:
        return self._mean_over(self._batches)

    def measure(self, draw: int) -> list[float]:
        """Squared norm of the split's mean; of those of the minibatches of ``draw``; and of their distances."""
        order = self._rows(draw)
        squares, deviations = [], []
        before, mean = 0, torch.zeros_like(self._whole)
        for size in self._sizes:
            if self._is_part(size):
                share = (size - before) / size
                mean = mean * (1 - share) + share * self._mean_at(order[before:size])
                before = size
            found = mean if self._is_part(size) else self._whole
            squares.append(_square(found))
            deviations.append(_square(found - self._whole))
        return torch.stack([_square(self._whole), *squares, *deviations]).tolist()

    def _is_part(self, size: int) -> bool:
        return size < self.total or self._order == "with_replacement"

    def _rows(self, draw: int) -> list[int]:
        rng = generator(self._seed, "minibatches", draw)
        if self._order == "reshuffled":  # any part of an epoch is as its beginning
            return torch.randperm(self.total, generator=rng).tolist()
        if self._order == "with_replacement":
            return torch.randint(self.total, (self._sizes[-1],), generator=rng).tolist()
        targets = torch.cat([targets for _, targets in self._batches])
        rows = rows_in_order(self._order, targets, self._seed, draw)
        return rows.roll(-int(torch.randint(self.total, (), generator=rng))).tolist()

    def _mean_at(self, positions: Sequence[int]) -> Tensor:
        """That over the examples at these positions."""
        inputs, targets = examples_at(self._batches, positions)
        parts = zip(inputs.split(self._batch_size), targets.split(self._batch_size), strict=True)
        return self._mean_over(list(parts))

    def found(self, rows: np.ndarray) -> MinibatchMeans:
        """What the ``rows`` of all draws, (draw, 1 + 2 sizes), say."""
        squares, deviations = rows[:, 1:].reshape(len(rows), 2, len(self._sizes)).swapaxes(0, 1)
        sizes = np.array(self._sizes)
        return MinibatchMeans(sizes, self.total, float(rows[0, 0]), squares, deviations, self._order)


def _square(vector: Tensor) -> Tensor:
    return widened(vector).double().square().sum()


def noise_dataset(found: MinibatchMeans, what: str, attributes: dict[str, Any]) -> xr.Dataset:
    """The dataset of the noise of ``what`` a minibatch is to tell, "gradient" or "Hessian"."""
    lower = what.lower()
    over_sizes: dict[str, tuple[Estimate, str]] = {
        "noise": (found.noise, f"RMS distance of a minibatch's {what} from the split's"),
        "covariance_trace": (found.covariance_trace, f"trace of the covariance of an example's {what}"),
        f"{lower}_square": (found.mean_square, f"squared norm of the mean {what}"),
        "noise_scale": (found.noise_scale, f"{what} noise scale"),
    }
    scalars: dict[str, tuple[Estimate, str]] = {
        "exponent": (found.exponent, "exponent of the noise against the size"),
        "fitted_covariance_trace": (found.fitted_trace, "trace of the covariance, fitted to all sizes"),
        "fitted_noise_scale": (found.fitted_noise_scale, f"{what} noise scale, fitted to all sizes"),
    }
    variables: dict[str, Any] = {}
    for dims, estimates in ((("size",), over_sizes), ((), scalars)):
        for name, (estimate, meaning) in estimates.items():
            variables[name] = (dims, estimate.value, _about(meaning))
            error = f"standard error of the {meaning}"
            variables[f"{name}_standard_error"] = (dims, estimate.standard_error, _about(error))
    norm = float(np.sqrt(found.whole))
    variables |= {
        "noise_fit": ("size", found.noise_fit, _about("noise that is fitted to all sizes, of slope -1/2")),
        f"{lower}_norm": ((), norm, _about(f"norm of the split's {what}")),
        "squared_norm": (("draw", "size"), found.squares, _about(f"squared norm of the minibatch's {what}")),
        "squared_distance": (
            ("draw", "size"),
            found.deviations,
            _about(f"squared distance of the minibatch's {what} from the split's"),
        ),
    }
    axes = {
        "size": ("size", found.sizes, _about("examples of a minibatch")),
        "draw": ("draw", np.arange(len(found.squares)), _about("number of the draw")),
    }
    return xr.Dataset(variables, axes, attributes)


def _about(meaning: str) -> dict[str, str]:
    return {"long_name": meaning, "units": "1"}


def checked_sizes(sizes: Sequence[int], draws: int) -> list[int]:
    """``sizes``, ascending."""
    numbers = sorted(sizes)
    if not numbers or numbers[0] < 1 or len(set(numbers)) < len(numbers):
        raise ValueError(f"sizes must be different numbers of examples, each >= 1, got {list(sizes)}")
    if draws < 2:
        raise ValueError(f"draws must be >= 2, for a standard error, got {draws}")
    return numbers
