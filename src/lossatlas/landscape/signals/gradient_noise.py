"""Noise of a minibatch's gradient against its size, and the gradient noise scale."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from lossatlas.landscape.engine import EXACT, Engine
from lossatlas.landscape.forward import widened
from lossatlas.landscape.mapping.map_points import Progress, map_points
from lossatlas.landscape.measuring.differentiating import check_gradient
from lossatlas.landscape.measuring.evaluate import identity, settings
from lossatlas.landscape.measuring.examples import examples_at
from lossatlas.landscape.measuring.gradient import loss_and_gradient, loss_and_gradient_over
from lossatlas.landscape.measuring.prepared import PreparedProblem, prepared
from lossatlas.landscape.problem import Problem
from lossatlas.landscape.signals.noise_scale import Estimate, MinibatchGradients
from lossatlas.landscape.survey import survey
from lossatlas.seeds import generator
from lossatlas.weight_space import flatten


@survey(products=None)
def gradient_noise(
    problem: Problem,
    *,
    sizes: Sequence[int] = (1, 4, 16, 64, 256),
    draws: int = 64,
    seed: int = 0,
    split: str = "train",
    engine: Engine = EXACT,
    journal: str | Path | None = None,
    progress: Progress | None = None,
) -> xr.Dataset:
    """Gradient noise: how far a minibatch's gradient is from that of the whole ``split``, against its size.

    Each of ``draws`` minibatches of a size is drawn without replacement, as an epoch's are; within a draw the larger
    ones hold the smaller. The network is in evaluation mode, in which examples do not depend on each other, and the
    loss is without penalties. It costs the gradients of ``draws`` times the largest size, and one of the split.

    Parameters
    ----------
    problem : Problem
        Network, loss and data; left as they were.
    sizes : sequence of int, default (1, 4, 16, 64, 256)
        Numbers of examples n of a minibatch; one that has no fewer than the split is the split.
    draws : int, default 64
        Number of minibatches of each size, >= 2, for a standard error.
    seed : int, default 0
        Seed of the draws.
    split : str, default "train"
        Part of the data that is drawn from.
    engine : Engine, optional
        Batches and subsample; in the weights' dtype, and ``evaluation`` must be "eval".
    journal : str or Path, optional
        File that keeps finished points, from which an interrupted survey goes on (`Journal`); None: nothing is kept.
    progress : callable, optional
        Called with the numbers of finished and of all points; may raise to stop the survey.

    Returns
    -------
    xr.Dataset
        Dimensionless. With the split's N examples as a sample of a distribution, in which an example's gradient has the
        mean G and the covariance Sigma:
        - over (size,): ``noise``, the root mean square over the draws of the distance of the minibatch's gradient from
          the split's, that is its standard error, of which sqrt(tr(Sigma) (1/n - 1/N)) is expected, with its own
          ``noise_standard_error``, and ``noise_fit``, that of the best line of slope -1/2 in logarithms;
        - over (size,), from each size beside the whole split, unbiased, NaN for the whole split itself:
          ``covariance_trace``, of tr(Sigma), ``gradient_square``, of abs(G)^2, which may be negative, and
          ``noise_scale``, their ratio, the paper's "simple" one, inf where the latter is not positive; and the
          ``..._standard_error`` of each;
        - scalars: ``exponent`` of the best line of any slope, of which -1/2 is expected; ``fitted_covariance_trace``
          and ``fitted_noise_scale`` of that of slope -1/2, each with its ``..._standard_error``; and
          ``gradient_norm``, of the split's gradient;
        - over (draw, size): ``squared_norm`` of each minibatch's gradient, and ``squared_distance`` from the split's.

        Standard errors are those of the jackknife over the draws.

    Raises
    ------
    ValueError
        For a value out of its range, and where torch has no derivative.

    References
    ----------
    McCandlish et al. 2018, arXiv:1812.06162, section 2.2 and appendix A.1; Cochran, Sampling Techniques, 1977, theorem
    2.2 (the factor 1 - n/N).

    Examples
    --------
    >>> model = torch.nn.Linear(1, 1, bias=False)
    >>> _ = model.weight.data.fill_(1.0)
    >>> targets = torch.tensor([[-1.0], [0.0], [1.0], [2.0]])  # gradients 2 (1 - y): 4, 2, 0 and -2
    >>> problem = Problem(model, torch.nn.MSELoss(), {"train": (torch.ones(4, 1), targets)})
    >>> dataset = gradient_noise(problem, sizes=[1, 4], draws=1000)
    >>> dataset.gradient_norm.item(), dataset.noise.values.round(1)  # sqrt((9 + 1 + 1 + 9) / 4)
    (1.0, array([2.2, 0. ]))
    """
    numbers = _checked(sizes, draws)
    with prepared(problem, splits=[split], engine=engine.for_derivatives()) as ready:
        check_gradient(ready, split)
        minibatches = _Minibatches(ready, split, numbers, seed)
        attributes = {"survey": "gradient_noise", "split": split, "seed": seed, **settings(ready)}
        header = {**attributes, "sizes": numbers, "draws": draws, **identity(ready)}
        rows = map_points(draws, minibatches.measure, journal=journal, header=header, progress=progress)
    squares, deviations = rows[:, 1:].reshape(draws, 2, len(numbers)).swapaxes(0, 1)
    found = MinibatchGradients(np.array(numbers), minibatches.total, float(rows[0, 0]), squares, deviations)
    return _dataset(found, {**attributes, "examples": minibatches.total})


class _Minibatches:
    """Minibatches of a split, and the norms of their gradients."""

    def __init__(self, ready: PreparedProblem, split: str, sizes: Sequence[int], seed: int) -> None:
        self._ready = ready
        self._split = split
        self._sizes = sizes
        self._seed = seed
        self.total = sum(len(targets) for _, targets in ready.batches[split])

    @cached_property
    def _whole(self) -> Tensor:
        return flatten(loss_and_gradient(self._ready, self._split)[1])

    def measure(self, draw: int) -> list[float]:
        """Squared norm of the split's gradient; of those of the minibatches of ``draw``; and of their distances."""
        order = torch.randperm(self.total, generator=generator(self._seed, "minibatches", draw)).tolist()
        squares, deviations = [], []
        before, gradient = 0, torch.zeros_like(self._whole)
        for size in self._sizes:
            if size < self.total:
                share = (size - before) / size
                gradient = gradient * (1 - share) + share * self._gradient(order[before:size])
                before = size
            mean = gradient if size < self.total else self._whole
            squares.append(_square(mean))
            deviations.append(_square(mean - self._whole))
        return torch.stack([_square(self._whole), *squares, *deviations]).tolist()

    def _gradient(self, positions: Sequence[int]) -> Tensor:
        """That of the mean loss over the examples at these positions."""
        inputs, targets = examples_at(self._ready.batches[self._split], positions)
        parts = zip(inputs.split(self._ready.batch_size), targets.split(self._ready.batch_size), strict=True)
        _, gradient = loss_and_gradient_over(self._ready, list(parts))
        return flatten(gradient)


def _square(vector: Tensor) -> Tensor:
    return widened(vector).double().square().sum()


def _dataset(found: MinibatchGradients, attributes: dict[str, Any]) -> xr.Dataset:
    over_sizes: dict[str, tuple[Estimate, str]] = {
        "noise": (found.noise, "RMS distance of a minibatch's gradient from the split's"),
        "covariance_trace": (found.covariance_trace, "trace of the covariance of an example's gradient"),
        "gradient_square": (found.gradient_square, "squared norm of the mean gradient"),
        "noise_scale": (found.noise_scale, "gradient noise scale"),
    }
    scalars: dict[str, tuple[Estimate, str]] = {
        "exponent": (found.exponent, "exponent of the noise against the size"),
        "fitted_covariance_trace": (found.fitted_trace, "trace of the covariance, fitted to all sizes"),
        "fitted_noise_scale": (found.fitted_noise_scale, "gradient noise scale, fitted to all sizes"),
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
        "gradient_norm": ((), norm, _about("norm of the split's gradient")),
        "squared_norm": (("draw", "size"), found.squares, _about("squared norm of the minibatch's gradient")),
        "squared_distance": (
            ("draw", "size"),
            found.deviations,
            _about("squared distance of the minibatch's gradient from the split's"),
        ),
    }
    axes = {
        "size": ("size", found.sizes, _about("examples of a minibatch")),
        "draw": ("draw", np.arange(len(found.squares)), _about("number of the draw")),
    }
    return xr.Dataset(variables, axes, attributes)


def _about(meaning: str) -> dict[str, str]:
    return {"long_name": meaning, "units": "1"}


def _checked(sizes: Sequence[int], draws: int) -> list[int]:
    """``sizes``, ascending."""
    numbers = sorted(sizes)
    if not numbers or numbers[0] < 1 or len(set(numbers)) < len(numbers):
        raise ValueError(f"sizes must be different numbers of examples, each >= 1, got {list(sizes)}")
    if draws < 2:
        raise ValueError(f"draws must be >= 2, for a standard error, got {draws}")
    return numbers
