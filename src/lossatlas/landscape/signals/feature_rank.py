"""Effective rank of a network's features."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from math import nan
from pathlib import Path
from typing import Any

import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray
from torch import Tensor, nn

from lossatlas.landscape.engine import EXACT, Engine
from lossatlas.landscape.mapping.map_points import Progress, map_points
from lossatlas.landscape.measuring.evaluate import identity, settings
from lossatlas.landscape.measuring.prepared import PreparedProblem, prepared
from lossatlas.landscape.problem import Problem
from lossatlas.landscape.signals.layer_recorder import layers_chosen, layers_of
from lossatlas.landscape.survey import survey

_FEATURES_LAST = (
    nn.Linear,
    nn.LayerNorm,
    nn.RMSNorm,
    nn.Embedding,
)  # the others have them second, as feature maps

_CHANNELS_SECOND = (nn.modules.conv._ConvNd, nn.modules.batchnorm._NormBase, nn.GroupNorm)
"""Those whose sequences, (N, C, T), have channels second; of any other layer (N, T, C) is a sequence of features."""

_HELD = 4  # times as many rows as features, that are held before they are reduced to a triangle


@survey(products=None)
def feature_rank(
    problem: Problem,
    *,
    layer: str | None = None,
    centred: bool = False,
    splits: Sequence[str] | None = None,
    engine: Engine = EXACT,
    journal: str | Path | None = None,
    progress: Progress | None = None,
) -> xr.Dataset:
    """Effective rank of the features that the last layer reads, and their singular values.

    The features of a split are a matrix with a row for each example, or for each of its positions where they are
    feature maps or sequences. Its effective rank (Roy & Vetterli 2007, definition 1) is exp(H), with H the
    entropy in nats of the singular values over their sum: k where k of them are equal and the others zero. The network
    is in evaluation mode. It costs a forward pass and a QR decomposition of the matrix, in float64.

    Parameters
    ----------
    problem : Problem
        Network, loss and data; left as they were.
    layer : str, optional
        Name of a layer whose outputs are the features; None: the inputs of the last layer with parameters, those of
        the penultimate layer.
    centred : bool, default False
        Whether the mean over the rows is subtracted, which leaves the spread of the features alone.
    splits : sequence of str, optional
        Parts of the data to measure; None: all.
    engine : Engine, optional
        Batches, statistics of batch norm and subsample; in the weights' dtype.
    journal : str or Path, optional
        File that keeps finished points, from which an interrupted survey goes on (`Journal`); None: nothing is kept.
    progress : callable, optional
        Called with the numbers of finished and of all points; may raise to stop the survey.

    Returns
    -------
    xr.Dataset
        Dimensionless: over (split,) ``effective_rank``, from 1 to the number of features, and ``stable_rank``, the sum
        of the squared singular values over the largest of the squares; ``singular_value`` over (split, rank), rank 1
        the largest, NaN beyond the rows that there are. All are NaN where a feature is not finite, the ranks also where
        all are zero. The attribute "layer" names the layer, with "inputs of" before it.

    Raises
    ------
    ValueError
        For a layer that is not there, and a network without layers that have parameters.

    References
    ----------
    Roy & Vetterli 2007, The effective rank: a measure of effective dimensionality (EUSIPCO).

    Examples
    --------
    >>> model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3, 1))
    >>> x = torch.diag(torch.tensor([2.0, 2.0, 0.0]))
    >>> dataset = feature_rank(Problem(model, torch.nn.MSELoss(), {"train": (x, torch.zeros(3, 1))}))
    >>> round(dataset.effective_rank.item(), 6), dataset.stable_rank.item()
    (2.0, 2.0)
    """
    with prepared(problem, splits=splits, engine=engine.exact()) as ready:
        names = list(ready.batches)
        features = _Features(ready, names[0], layer)
        width = features.width(names[0])

        def measure(index: int) -> list[float]:
            values = features.singular_values(names[index], centred=centred)
            return np.pad(values, (0, width - len(values)), constant_values=np.nan).tolist()

        attributes = {
            "survey": "feature_rank",
            "layer": features.described,
            "centred": int(centred),
            **settings(ready),
        }
        header = {**attributes, **identity(ready)}
        values = map_points(len(names), measure, journal=journal, header=header, progress=progress)
    return _dataset(values, names, attributes)


class _Features:
    """Features of a network: what its last layer with parameters is given, or what the ``layer`` gives."""

    def __init__(self, ready: PreparedProblem, split: str, layer: str | None) -> None:
        self._ready = ready
        there = layers_of(ready, split)
        self._of_inputs = layer is None
        if layer is None:
            reading = [each for each in there if _reads(ready.model.get_submodule(each.module))]
            if not reading:
                raise ValueError(
                    f"no layer of {type(ready.model).__name__} has parameters: name one by layer="
                )
            chosen = reading[-1]
        else:
            chosen = there[layers_chosen(there, [layer])[-1]]
        self._module, self._call = chosen.module, chosen.call
        self.described = f"inputs of {chosen.name}" if self._of_inputs else chosen.name

    def width(self, split: str) -> int:
        """Number of features."""
        found: list[Tensor] = []
        self._feed([self._ready.batches[split][0][0][:2]], found.append)
        return found[0].shape[1]

    def singular_values(self, split: str, *, centred: bool) -> NDArray[np.float64]:
        """Those of the matrix of the split's features, descending."""
        batches = [inputs for inputs, _ in self._ready.batches[split]]
        mean = _Mean()
        if centred:
            self._feed(batches, mean.add)
        triangle = Triangle()
        self._feed(batches, lambda rows: triangle.add(rows - mean.value))
        return triangle.singular_values()

    def _feed(self, batches: Sequence[Tensor], take: Callable[[Tensor], None]) -> None:
        """Give the rows of each of ``batches``, (rows, features) in float64, to ``take``."""
        model, statistics = self._ready.model, self._ready.statistics
        module = model.get_submodule(self._module)
        self._ready.settle()
        with torch.inference_mode(), nullcontext() if statistics is None else statistics.taken():
            for inputs in batches:
                with _heard(module, self._of_inputs) as heard:
                    model(inputs)
                take(_rows(heard[self._call - 1], module))


def _reads(module: nn.Module) -> bool:
    parts = {name for name, _ in module.named_children()} - {"parametrizations"}
    return not parts and any(True for _ in module.parameters())


@contextmanager
def _heard(module: nn.Module, of_inputs: bool) -> Iterator[list[Tensor]]:
    """The first input, or the output, of each call of ``module`` in the block."""
    found: list[Tensor] = []

    def hear(_: nn.Module, arguments: Any, output: Any) -> None:
        found.append((arguments[0] if of_inputs else output).detach().clone())

    handle = module.register_forward_hook(hear)
    try:
        yield found
    finally:
        handle.remove()


def _rows(features: Tensor, module: nn.Module) -> Tensor:
    """A row for each example and position."""
    if features.ndim == 1:
        return features[:, None].double()
    sequence = features.ndim == 3 and not isinstance(module, _CHANNELS_SECOND)
    axis = -1 if sequence or isinstance(module, _FEATURES_LAST) else 1
    return features.movedim(axis, -1).reshape(-1, features.shape[axis]).double()


class _Mean:
    """Mean of rows that come in parts; 0 of none."""

    def __init__(self) -> None:
        self._count = 0
        self._total: Tensor | float = 0.0

    def add(self, rows: Tensor) -> None:
        self._count += len(rows)
        self._total = self._total + rows.sum(0)

    @property
    def value(self) -> Tensor | float:
        return self._total / max(self._count, 1)


class Triangle:
    """Matrix whose rows come in parts, each (n, d), reduced to the triangle R of its QR decomposition as they come.

    No more than some 4 d rows and those of a batch are held, and nothing is squared.

    >>> triangle = Triangle()
    >>> triangle.add(torch.tensor([[3.0, 0.0]]))
    >>> triangle.add(torch.tensor([[0.0, 1.0], [0.0, 0.0]]))
    >>> triangle.singular_values()
    array([3., 1.], dtype=float32)
    """

    def __init__(self) -> None:
        self._held: list[Tensor] = []
        self._rows = 0

    def add(self, rows: Tensor) -> None:
        """Append ``rows``."""
        self._rows += len(rows)
        self._held.append(rows)
        if sum(map(len, self._held)) >= _HELD * rows.shape[1]:
            self._held = [torch.linalg.qr(torch.cat(self._held), mode="r").R]

    def singular_values(self) -> NDArray[np.float64]:
        """Of the matrix, (min(N, d),), descending. NaN where an entry is not finite."""
        matrix = torch.cat(self._held)
        if not bool(matrix.isfinite().all()):
            return np.full(min(self._rows, matrix.shape[1]), np.nan)
        return torch.linalg.svdvals(matrix).cpu().numpy()


def _dataset(values: NDArray[np.float64], splits: Sequence[str], attributes: dict[str, Any]) -> xr.Dataset:
    def about(meaning: str) -> dict[str, str]:
        return {"long_name": meaning, "units": "1"}

    ranks = {"effective_rank": _effective_rank, "stable_rank": _stable_rank}
    variables: dict[str, Any] = {
        name: ("split", list(map(function, values)), about(f"{name.replace('_', ' ')} of the features"))
        for name, function in ranks.items()
    }
    variables["singular_value"] = (("split", "rank"), values, about("singular value of the features"))
    return xr.Dataset(
        variables,
        {
            "split": ("split", list(splits), {"long_name": "part of the data"}),
            "rank": ("rank", 1 + np.arange(values.shape[1]), about("place from the largest")),
        },
        attributes,
    )


def _effective_rank(values: NDArray[np.float64]) -> float:
    there = values[np.isfinite(values) & (values > 0)]
    if not len(there):
        return nan
    shares = there / there.sum()
    return float(np.exp(-(shares * np.log(shares)).sum()))


def _stable_rank(values: NDArray[np.float64]) -> float:
    there = values[np.isfinite(values) & (values > 0)]
    return float(((there / there.max()) ** 2).sum()) if len(there) else nan
