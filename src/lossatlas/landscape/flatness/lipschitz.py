"""Lipschitz constants of the loss and of its gradient, along the gradient."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from math import isfinite
from pathlib import Path

import torch
import xarray as xr
from torch import Tensor, nn

from lossatlas.choices import chosen
from lossatlas.landscape.engine import EXACT, Engine
from lossatlas.landscape.mapping.map_points import Progress, map_points
from lossatlas.landscape.measuring.batch_statistics import normalising_batches
from lossatlas.landscape.measuring.differentiating import check_gradient, check_width
from lossatlas.landscape.measuring.evaluate import identity, settings
from lossatlas.landscape.measuring.gradient import loss_and_gradient
from lossatlas.landscape.measuring.prepared import PreparedProblem, prepared
from lossatlas.landscape.problem import Problem
from lossatlas.landscape.survey import survey
from lossatlas.layers import BATCH_NORM
from lossatlas.weight_space import Weights, flatten, unflatten


@survey(products=None)
def lipschitz(
    problem: Problem,
    *,
    rates: Sequence[float] = (0.05, 0.1, 0.2, 0.4),
    statistics: str = "batch",
    split: str = "train",
    engine: Engine = EXACT,
    journal: str | Path | None = None,
    progress: Progress | None = None,
) -> xr.Dataset:
    """Lipschitz constants of the loss L and of its gradient g, along the gradient: of steps w' = w - rate g(w).

    How far a step of gradient descent may go before what it rests on has changed: abs(L(w') - L(w)) and norm(g(w') -
    g(w)), each over norm(w' - w). The largest over the rates are lower bounds of the constants in that direction;
    Santurkar et al. call the changes themselves the variation of the loss and the predictiveness of the gradient, and
    the largest quotient of the latter the effective beta-smoothness. It costs a gradient of the split for each rate.

    Parameters
    ----------
    problem : Problem
        Network, loss and data; left as they were.
    rates : sequence of float, default (0.05, 0.1, 0.2, 0.4)
        Lengths of the steps, in multiples of the gradient: learning rates, > 0.
    statistics : {"batch", "running"}, default "batch"
        What batch norm normalises by: each batch of the split by its own mean and variance, through which the
        derivatives go, as in training; or by those that the network keeps, as in evaluation. Everything else is in
        evaluation mode.
    split : str, default "train"
        Part of the data over which the loss is averaged.
    engine : Engine, optional
        Batches, which matter with "batch", and subsample; in the weights' dtype, and ``evaluation`` must be "eval".
    journal : str or Path, optional
        File that keeps finished points, from which an interrupted survey goes on (`Journal`); None: nothing is kept.
    progress : callable, optional
        Called with the numbers of finished and of all points; may raise to stop the survey.

    Returns
    -------
    xr.Dataset
        Dimensionless: ``loss``, ``gradient_change`` = norm(g(w') - g(w)), ``loss_quotient`` and
        ``gradient_quotient``, the changes over norm(w' - w), all over (rate,), and the scalars ``loss_before`` and
        ``gradient_norm`` at w. Quotients are NaN where the gradient is zero.

    Raises
    ------
    ValueError
        For a value out of its range, and where torch has no derivative of the network.

    References
    ----------
    Santurkar et al. 2018, "How does batch normalization help optimization?" (arXiv:1805.11604), section 3.1.

    Examples
    --------
    >>> model = nn.Linear(1, 1, bias=False)
    >>> _ = model.weight.data.fill_(2.0)
    >>> problem = Problem(model, nn.MSELoss(), {"train": (torch.ones(1, 1), torch.zeros(1, 1))})  # w^2: g = 2 w
    >>> dataset = lipschitz(problem, rates=[0.25])  # from 2 to 1
    >>> dataset.gradient_quotient.values, dataset.loss_quotient.values  # (4 - 2) / 1, (4 - 1) / 1
    (array([2.]), array([3.]))
    """
    if not len(rates) or not all(isfinite(rate) and rate > 0 for rate in rates):
        raise ValueError(f"rates must be positive numbers, got {list(rates)}")
    normalized = chosen("statistics", statistics, {"batch": _by_batches, "running": _as_it_is})
    with prepared(problem, splits=[split], engine=engine.for_derivatives()) as ready:
        check_width(ready, "steps along the gradient")
        check_gradient(ready, split)
        attributes = {"survey": "lipschitz", "split": split, "statistics": statistics, **settings(ready)}
        header = {**attributes, "rates": list(rates), **identity(ready)}
        with normalized(ready.model):
            here = _Here(ready, split)

            def measure(index: int) -> list[float]:
                return here.after(rates[index])

            rows = map_points(len(rates), measure, journal=journal, header=header, progress=progress)
    loss, change = rows.T
    steps = xr.DataArray(list(rates), dims="rate") * here.norm
    steps = steps.where(steps > 0)
    return xr.Dataset(
        {
            "loss": ("rate", loss, {"long_name": "mean loss after the step", "units": "1"}),
            "gradient_change": ("rate", change, {"long_name": "change of the gradient", "units": "1"}),
            "loss_quotient": (
                "rate",
                (abs(loss - here.loss) / steps).values,
                {"long_name": "change of the loss over that of the weights", "units": "1"},
            ),
            "gradient_quotient": (
                "rate",
                (change / steps).values,
                {"long_name": "change of the gradient over that of the weights", "units": "1"},
            ),
            "loss_before": ((), here.loss, {"long_name": "mean loss over the split", "units": "1"}),
            "gradient_norm": ((), here.norm, {"long_name": "norm of the gradient", "units": "1"}),
        },
        {"rate": ("rate", list(rates), {"long_name": "learning rate of the step", "units": "1"})},
        attributes,
    )


class _Here:
    """Loss and gradient at the weights of ``ready``, which are overwritten, and after steps from there."""

    def __init__(self, ready: PreparedProblem, split: str) -> None:
        self._ready, self._split = ready, split
        self._live: Weights = {name: ready.weights[name] for name, _ in ready.model.named_parameters()}
        self._weights = flatten(self._live)
        self.loss, self._gradient = self._measured()
        self.norm = _length(self._gradient)

    def after(self, rate: float) -> list[float]:
        """Loss after a step at ``rate``, and how far the gradient there is from that here."""
        for name, tensor in unflatten(self._weights - rate * self._gradient, self._live).items():
            self._live[name].copy_(tensor)
        loss, gradient = self._measured()
        return [loss, _length(gradient - self._gradient)]

    def _measured(self) -> tuple[float, Tensor]:
        loss, gradient = loss_and_gradient(self._ready, self._split)
        return loss, flatten(gradient).to(self._weights.dtype)


def _length(vector: Tensor) -> float:
    return torch.linalg.vector_norm(vector, dtype=torch.float64).item()


@contextmanager
def _by_batches(model: nn.Module) -> Iterator[None]:
    """Have batch norm normalise each batch by itself inside the block, and leave what it keeps as it was."""
    norms = [module for module in model.modules() if isinstance(module, BATCH_NORM)]
    kept = [buffer for norm in norms for buffer in norm.buffers(recurse=False)]
    before = [buffer.clone() for buffer in kept]
    try:
        with normalising_batches(norms):
            yield
    finally:
        for buffer, value in zip(kept, before, strict=True):
            buffer.copy_(value)


@contextmanager
def _as_it_is(model: nn.Module) -> Iterator[None]:
    yield
