"""Input-output Jacobian of a network: its singular values."""

from collections.abc import Mapping, Sequence
from math import ceil, prod
from pathlib import Path
from typing import Any

import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray
from torch import Tensor, nn

from lossatlas.landscape.engine import EXACT, Engine
from lossatlas.landscape.mapping.map_points import Progress, map_points
from lossatlas.landscape.measuring.differentiating import differentiable
from lossatlas.landscape.measuring.evaluate import identity, settings
from lossatlas.landscape.measuring.examples import examples_at, examples_drawn
from lossatlas.landscape.measuring.prepared import PreparedProblem, prepared
from lossatlas.landscape.problem import Problem
from lossatlas.landscape.survey import survey

_ENTRIES = 2**24  # of the derivatives that are held at once; examples are differentiated in chunks of so many


@survey(products=None)
def jacobian(
    problem: Problem,
    *,
    examples: int = 128,
    seed: int = 0,
    splits: Sequence[str] | None = None,
    engine: Engine = EXACT,
    journal: str | Path | None = None,
    progress: Progress | None = None,
) -> xr.Dataset:
    """Singular values of the input-output Jacobian, at ``examples`` of each split.

    They are all 1 where the network is a dynamical isometry. The network is in evaluation mode, and its outputs are
    those before any softmax that is part of the loss. It costs one backward pass for each output.

    Parameters
    ----------
    problem : Problem
        Network, loss and data; left as they were.
    examples : int, default 128
        Number of examples drawn of each split; all are taken where it has no more.
    seed : int, default 0
        Seed of the drawing of examples.
    splits : sequence of str, optional
        Parts of the data to measure; None: all.
    engine : Engine, optional
        Batches and subsample; derivatives are in the weights' dtype, and ``evaluation`` must be "eval".
    journal : str or Path, optional
        File that keeps finished points, from which an interrupted survey goes on (`Journal`); None: nothing is kept.
    progress : callable, optional
        Called with the numbers of finished and of all points; may raise to stop the survey.

    Returns
    -------
    xr.Dataset
        Dimensionless: ``singular_value`` over (split, example, rank), rank 1 the largest, NaN for an example that a
        split has not; ``index``, the example's number in its split, or among those that ``engine`` takes of it, -1
        where there is none, and ``condition``, the largest over the smallest, over (split, example); ``mean_square``,
        the mean of the squared singular values, and ``mean_log``, that of their logarithms, -inf where one is zero,
        over (split,).

    Raises
    ------
    ValueError
        For a value out of its range, for inputs that are not floating-point, and for splits of different shapes.

    References
    ----------
    Saxe et al. 2013, Pennington et al. 2017, Xiao et al. 2018.

    Examples
    --------
    >>> model = torch.nn.Linear(2, 2)
    >>> _ = model.weight.data.copy_(torch.tensor([[0.0, 3.0], [1.0, 0.0]]))
    >>> problem = Problem(model, torch.nn.MSELoss(), {"train": (torch.randn(5, 2), torch.randn(5, 2))})
    >>> jacobian(problem, examples=1).singular_value.values
    array([[[3., 1.]]])
    """
    _check(problem, examples, splits)
    with prepared(problem, splits=splits, engine=engine.for_derivatives()) as ready:
        attributes = {"survey": "jacobian", "examples": examples, "seed": seed, **settings(ready)}
        chosen = {split: examples_drawn(batches, examples, seed) for split, batches in ready.batches.items()}
        taken = max(map(len, chosen.values()))
        outputs, entries = _shape(ready)
        size = min(max(_ENTRIES // (outputs * entries), 1), taken)
        chunks = ceil(taken / size)

        def measure(index: int) -> list[float]:
            split, first = list(chosen)[index // chunks], index % chunks * size
            values = np.full((size, min(outputs, entries)), np.nan)
            if positions := chosen[split][first : first + size]:
                inputs, _ = examples_at(ready.batches[split], positions)
                values[: len(positions)] = singular_values(ready.model, inputs)
            return values.ravel().tolist()

        header = {**attributes, **identity(ready)}
        rows = map_points(len(chosen) * chunks, measure, journal=journal, header=header, progress=progress)
    values = rows.reshape(len(chosen), chunks * size, -1)[:, :taken]
    return _dataset(values, chosen, attributes)


def _shape(ready: PreparedProblem) -> tuple[int, int]:
    """Numbers of outputs and of entries of an input. ValueError if they depend on the split."""
    shapes = {split: derivative_shape(ready.model, batches[0][0]) for split, batches in ready.batches.items()}
    if len(set(shapes.values())) > 1:
        raise ValueError(f"the splits have different numbers of outputs and of entries of an input: {shapes}")
    return next(iter(shapes.values()))


def _dataset(
    values: NDArray[np.float64], chosen: Mapping[str, list[int]], attributes: dict[str, Any]
) -> xr.Dataset:
    taken = values.shape[1]
    indices = [[*positions, *[-1] * (taken - len(positions))] for positions in chosen.values()]
    there = [len(positions) for positions in chosen.values()]
    with np.errstate(divide="ignore", invalid="ignore"):
        logs, condition = np.log(values), values[..., 0] / values[..., -1]

    def about(meaning: str) -> dict[str, str]:
        return {"long_name": meaning, "units": "1"}

    return xr.Dataset(
        {
            "singular_value": (("split", "example", "rank"), values, about("singular value")),
            "condition": (("split", "example"), condition, about("largest over smallest singular value")),
            "mean_square": ("split", _mean(values**2, there), about("mean squared singular value")),
            "mean_log": ("split", _mean(logs, there), about("mean logarithm of the singular values")),
            "index": (("split", "example"), indices, about("number of the example in its split")),
        },
        {
            "split": ("split", list(chosen), {"long_name": "part of the data"}),
            "example": ("example", np.arange(taken), about("number of the example")),
            "rank": ("rank", 1 + np.arange(values.shape[2]), about("place from the largest")),
        },
        attributes,
    )


def _mean(values: NDArray[np.float64], there: Sequence[int]) -> list[float]:
    """Mean over those of the examples, (split, example, rank), that are there; NaN if one of them is NaN."""
    return [float(of_split[:number].mean()) for of_split, number in zip(values, there, strict=True)]


def _check(problem: Problem, examples: int, splits: Sequence[str] | None) -> None:
    if examples < 1:
        raise ValueError(f"examples must be >= 1, got {examples}")
    for split in problem.select(splits):
        dtype = problem.data[split][0].dtype
        if not dtype.is_floating_point:
            raise ValueError(f"the inputs of split {split!r} are {dtype}, which has no derivative")


def derivative_shape(model: nn.Module, inputs: Tensor) -> tuple[int, int]:
    """Numbers of outputs and of entries of an input, for one example of ``inputs``, (B, ...).

    >>> derivative_shape(nn.Conv2d(1, 2, 3), torch.zeros(5, 1, 4, 4))
    (8, 16)
    """
    with torch.inference_mode():
        outputs = model(inputs[:1])
    return prod(outputs.shape[1:]), prod(inputs.shape[1:])


def singular_values(model: nn.Module, inputs: Tensor) -> NDArray[np.float64]:
    """Singular values of the Jacobian of each output by its input, descending: (B, min(derivative_shape)).

    ``inputs``: (B, ...). The model must not mix the examples of a batch: an output summed over the batch then
    has, as its derivative by one example, that example's own. NaN where a derivative is not finite.

    >>> singular_values(nn.Linear(3, 1), torch.zeros(4, 3)).shape
    (4, 1)
    """
    leaf = inputs.detach().requires_grad_()
    with differentiable():
        outputs = model(leaf).reshape(len(leaf), -1)  # (B, C)
        rows = [
            torch.autograd.grad(over_batch, leaf, retain_graph=True, materialize_grads=True)[0]
            for over_batch in outputs.sum(0)
        ]
    matrices = torch.stack([row.reshape(len(leaf), -1) for row in rows], dim=1).cpu().double()  # (B, C, d)
    finite = matrices.isfinite().all(-1).all(-1)
    values = torch.full((len(leaf), min(matrices.shape[1:])), torch.nan, dtype=matrices.dtype)
    values[finite] = torch.linalg.svdvals(matrices[finite])
    return values.numpy()
