"""Regularised loss, with the penalty of the weights, at points of weight space."""

import numpy as np
import xarray as xr

from lossatlas.landscape.problem import Problem
from lossatlas.landscape.shapes.grid import Points
from lossatlas.optim import L2
from lossatlas.weight_space import parameters, state


def with_regularized_loss(
    dataset: xr.Dataset, problem: Problem, points: Points, weight_decay: float | None
) -> xr.Dataset:
    """``dataset``, as `evaluate` gives it for ``points``, with ``regularized_loss`` beside the loss.

    That is loss + weight_decay / 2 * sum(w**2), the sum of squares being over all parameters of the point, biases and
    normalisation included, in float64; `L2 <lossatlas.optim.L2>` is the same penalty in training. Without a
    ``weight_decay`` the dataset stays as it is. ValueError for a negative one.

    >>> import torch
    >>> from lossatlas.landscape import Line, evaluate, parameters
    >>> model = torch.nn.Linear(1, 1, bias=False)
    >>> problem = Problem(model, torch.nn.MSELoss(), {"train": (torch.zeros(4, 1), torch.ones(4, 1))})
    >>> grid = Line({"weight": torch.zeros(1, 1)}, {"weight": torch.ones(1, 1)}).grid(3, extent=2.0)
    >>> with_regularized_loss(evaluate(problem, grid), problem, grid, 0.1).regularized_loss.values[:, 0]
    array([1.2, 1. , 1.2])
    """
    if weight_decay is None:
        return dataset
    penalty, here, names = L2(weight_decay), state(problem.model), list(parameters(problem.model))
    values = np.empty(len(points))
    for index in range(len(points)):
        points.weights_at(index, here)
        values[index] = float(penalty({name: here[name].double() for name in names}))
    shape = [variable.size for variable in points.axes.values()]
    added = xr.Variable(tuple(points.axes), values.reshape(shape))
    regularized = dataset["loss"].variable + added
    regularized.attrs = {
        "long_name": "mean loss over the split plus the penalty of the weights",
        "units": "1",
    }
    return dataset.assign(regularized_loss=regularized).assign_attrs(weight_decay=weight_decay)
