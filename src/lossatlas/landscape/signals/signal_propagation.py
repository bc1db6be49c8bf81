"""Signal propagation: activations and gradients by depth."""

from collections.abc import Sequence
from math import nan, sqrt
from pathlib import Path

import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray
from torch import Tensor

from lossatlas.landscape.engine import EXACT, Engine
from lossatlas.landscape.mapping.map_points import Progress, map_points
from lossatlas.landscape.measuring.differentiating import check_gradient
from lossatlas.landscape.measuring.evaluate import identity, settings
from lossatlas.landscape.measuring.gradient import loss_and_gradient
from lossatlas.landscape.measuring.prepared import PreparedProblem, prepared
from lossatlas.landscape.problem import Problem
from lossatlas.landscape.shapes.grid import OWN
from lossatlas.landscape.signals.layer_recorder import (
    Layer,
    Recorded,
    layer_of_each,
    layers_chosen,
    layers_of,
    recording,
)
from lossatlas.landscape.survey import survey
from lossatlas.weight_space import Weights

_MEASURED = {
    "mean": "mean of the layer's outputs",
    "variance": "variance of the layer's outputs",
    "backpropagated_norm": "RMS over examples of the norm of the loss's derivative by the layer's outputs",
    "gradient_norm": "norm of the loss's gradient by the layer's parameters",
}


@survey(products=None)
def signal_propagation(
    problem: Problem,
    *,
    layers: Sequence[str] | None = None,
    splits: Sequence[str] | None = None,
    engine: Engine = EXACT,
    journal: str | Path | None = None,
    progress: Progress | None = None,
) -> xr.Dataset:
    """Signal propagation by depth: activations on the way forward, and gradients on the way back.

    At a good initialisation neither grows nor dies with depth: the variance is the squared length q of mean-field
    theory where the mean is zero, and `backpropagated_norm` what is sent back. The network is in evaluation mode. It
    costs a gradient of each split.

    Parameters
    ----------
    problem : Problem
        Network, loss and data; left as they were.
    layers : sequence of str, optional
        Names of layers or their classes, which may hold the wildcards of `fnmatch`, such as ["Linear", "head.*"];
        None: all, which are the modules without parts, and those with parameters of their own. What a network computes
        by functions alone, such as a sum of branches, is no layer.
    splits : sequence of str, optional
        Parts of the data to measure; None: all.
    engine : Engine, optional
        Batches and subsample; in the weights' dtype, and ``evaluation`` must be "eval".
    journal : str or Path, optional
        File that keeps finished points, from which an interrupted survey goes on (`Journal`); None: nothing is kept.
    progress : callable, optional
        Called with the numbers of finished and of all points; may raise to stop the survey.

    Returns
    -------
    xr.Dataset
        Dimensionless, over (split, layer), the layers in the order in which a forward pass ends them, one that is
        called again as "name#2": ``mean`` and ``variance`` (ddof 0) of all its outputs for all examples;
        ``backpropagated_norm``, the root mean square over examples of the norm of the derivative of the example's loss
        by its outputs, NaN before the first parameter; and ``gradient_norm``, of the gradient of the split's mean loss
        by the layer's own parameters, NaN without any and for a second call. ``total_gradient_norm`` over (split,), by
        all parameters.

    Raises
    ------
    ValueError
        For layers that are not there, a network without any, one that calls others for other inputs, and where torch
        has no derivative.

    References
    ----------
    Glorot & Bengio 2010, section 4.2; Poole et al. 2016, arXiv:1606.05340, equation 2 (the length q); Schoenholz et
    al. 2017, arXiv:1611.01232 (the way back).

    Examples
    --------
    >>> model = torch.nn.Sequential(torch.nn.Linear(1, 1, bias=False), torch.nn.Linear(1, 1, bias=False))
    >>> for layer in model:
    ...     _ = layer.weight.data.fill_(2.0)
    >>> x = torch.tensor([[-1.0], [1.0]])
    >>> dataset = signal_propagation(Problem(model, torch.nn.MSELoss(), {"train": (x, 0 * x)}))
    >>> dataset.layer.values.tolist(), dataset.variance.values.tolist()
    (['0', '1'], [[4.0, 16.0]])
    >>> dataset.backpropagated_norm.values.tolist(), dataset.gradient_norm.values.tolist()  # of 2 y, y = 4 x
    ([[16.0, 8.0]], [[16.0, 16.0]])
    """
    with prepared(problem, splits=splits, engine=engine.for_derivatives()) as ready:
        names = list(ready.batches)
        there = layers_of(ready, names[0])
        places = layers_chosen(there, layers)
        for split in names:
            check_gradient(ready, split)

        def measure(index: int) -> list[float]:
            table, total = _measured(ready, names[index], there)
            return [*table[:, places].ravel().tolist(), total]

        attributes = {
            "survey": "signal_propagation",
            "layers": "all" if layers is None else ", ".join(map(str, layers)),
            **settings(ready),
        }
        header = {**attributes, "there": [layer.name for layer in there], **identity(ready)}
        rows = map_points(len(names), measure, journal=journal, header=header, progress=progress)
    table = rows[:, :-1].reshape(len(names), len(_MEASURED), len(places))
    variables = {
        name: (("split", "layer"), table[:, k], {"long_name": meaning, "units": "1"})
        for k, (name, meaning) in enumerate(_MEASURED.items())
    }
    total = ("split", rows[:, -1], {"long_name": "norm of the loss's gradient", "units": "1"})
    return xr.Dataset(
        {**variables, "total_gradient_norm": total},
        {
            "split": ("split", names, {"long_name": "part of the data"}),
            "layer": ("layer", [there[place].name for place in places], {"long_name": "layer", OWN: 1}),
        },
        attributes,
    )


def _measured(
    ready: PreparedProblem, split: str, layers: Sequence[Layer]
) -> tuple[NDArray[np.float64], float]:
    """What was `_MEASURED` of each of ``layers``, (4, L), and the norm of the gradient by all parameters."""
    with recording(ready.model) as heard:
        _, gradient = loss_and_gradient(ready, split)
    lengths = [len(targets) for _, targets in ready.batches[split]]
    if heard.modules != [(layer.module, layer.kind) for layer in layers] * len(lengths):
        raise ValueError(
            f"{type(ready.model).__name__} calls other layers for other inputs: they have no depth"
        )
    mean, variance = _joined(heard.moments, len(lengths))
    norms, total = _gradient_norms(gradient, layers)
    return np.stack([mean, variance, _backpropagated(heard, lengths), norms]), total


def _joined(moments: Sequence[Tensor], batches: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and variance of each layer from the moments of its batches (Chan et al. 1979)."""
    parts = torch.stack(list(moments)).cpu().numpy().reshape(batches, -1, 3)  # (batch, layer, 3)
    counts, means, deviations = parts[..., 0], parts[..., 1], parts[..., 2]
    with np.errstate(invalid="ignore", over="ignore"):
        mean = (counts * means).sum(0) / counts.sum(0)
        between = (counts * (means - mean) ** 2).sum(0)
        return mean, (deviations.sum(0) + between) / counts.sum(0)


def _backpropagated(heard: Recorded, lengths: Sequence[int]) -> NDArray[np.float64]:
    """Root mean square over the examples; the loss of a batch is the mean over its examples, hence ``lengths``."""
    layers = len(heard.modules) // len(lengths)
    numbers = list(heard.squares)
    squares = np.full(len(heard.modules), nan)
    if numbers:
        squares[numbers] = torch.stack([heard.squares[number] for number in numbers]).cpu().numpy()
    each = squares.reshape(len(lengths), layers) * np.square(lengths, dtype=float)[:, None]
    with np.errstate(invalid="ignore"):
        return np.sqrt(each.sum(0) / sum(lengths))


def _gradient_norms(gradient: Weights, layers: Sequence[Layer]) -> tuple[NDArray[np.float64], float]:
    """Norm of the gradient by the parameters of each layer, NaN for one without, and by all parameters."""
    squares = torch.stack([part.double().square().sum() for part in gradient.values()]).cpu().tolist()
    of_layers = layer_of_each(list(gradient), layers)
    sums: dict[int, float] = {}
    for name, square in zip(gradient, squares, strict=True):
        if (place := of_layers.get(name)) is not None:
            sums[place] = sums.get(place, 0.0) + square
    return np.sqrt([sums.get(place, nan) for place in range(len(layers))]), sqrt(sum(squares))
