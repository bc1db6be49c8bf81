"""Loss profile of a chain of networks, each point with batch-norm statistics of its own."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray
from torch import Tensor, nn

from lossatlas.landscape import ControlledCurve, Engine, PolygonalChain, Problem, evaluate
from lossatlas.landscape.measuring.batch_statistics import PassStatistics, even_batches
from lossatlas.landscape.measuring.isolation import evaluation_mode, weights_of_its_own
from lossatlas.landscape.measuring.memory_layout import fitting_batch_size
from lossatlas.landscape.problem import Loss
from lossatlas.weight_space import Weights, statistics

_CHAIN = PolygonalChain(bends=None)
_RECOMPUTED = Engine(evaluation="recompute")


def profile(
    network: nn.Module,
    loss: Loss,
    data: Mapping[str, tuple[Tensor, Tensor]],
    networks: Sequence[Mapping[str, Tensor]],
    *,
    positions: int,
    splits: Sequence[str] | None = None,
) -> xr.Dataset:
    """Loss profile over (split, t) of the chain through ``networks``, with ``positions`` points between each two.

    Those networks, parameters by name, are at every (``positions`` + 1)-th t. Losses are those of whole splits, with
    batch-norm statistics of a pass over the split "train" at each point (Garipov et al. 2018, section 3.2).

    >>> ends = [{"weight": torch.tensor([[w]])} for w in (0.0, 2.0)]
    >>> model = nn.Linear(1, 1, bias=False)
    >>> data = {"train": (torch.ones(4, 1), torch.ones(4, 1))}
    >>> profile(model, nn.MSELoss(), data, ends, positions=1).loss.sel(split="train").values  # (w - 1)**2
    array([1., 0., 1.])
    """
    curve = ControlledCurve(_CHAIN, networks)
    points = (len(networks) - 1) * (positions + 1) + 1
    problem = Problem(network, loss, data)
    measured = evaluate(problem, curve.grid(points), splits=splits, engine=_RECOMPUTED)
    return measured.transpose("split", "t", ...)


def by_gap(losses: NDArray[np.float64], gaps: int) -> NDArray[np.float64]:
    """Losses along a chain, (points,), by the gap between two networks, (gaps, positions + 2), both ends included.

    >>> by_gap(np.array([0.0, 1.0, 2.0, 3.0, 4.0]), 2).tolist()
    [[0.0, 1.0, 2.0], [2.0, 3.0, 4.0]]
    """
    step = (len(losses) - 1) // gaps
    return np.stack([losses[gap * step : (gap + 1) * step + 1] for gap in range(gaps)])


def band_metrics(band: xr.Dataset, straight: xr.Dataset) -> dict[str, float]:
    """Barrier and saddle of a band from its `profile` and that of the straight line; see `ElasticBand`.

    Errors are NaN where the loss does not ask for the classes of the targets.
    """
    (saddle, ends), (line, _) = (_highest(along.loss.sel(split="train")) for along in (band, straight))
    worse = max(ends)
    metrics = {
        "saddle_loss": saddle,
        "line_loss": line,
        "ends_loss": worse,
        "barrier": saddle - worse,
        "line_barrier": line - worse,
        "saddle_to_line": (saddle - worse) / (line - worse) if line > worse else float("nan"),
    }
    (saddle, ends), (line, _) = (_highest(_test_error(along)) for along in (band, straight))
    return metrics | {
        "saddle_test_error": saddle,
        "line_test_error": line,
        "ends_test_error": sum(ends) / 2,
        "test_error_rise": saddle - sum(ends) / 2,
    }


def _test_error(along: xr.Dataset) -> xr.DataArray:
    return along.get("error", xr.full_like(along["loss"], np.nan)).sel(split="test")


def _highest(values: xr.DataArray) -> tuple[float, tuple[float, float]]:
    """Highest of values along a chain, and those at its two ends."""
    return float(values.max()), (float(values[0]), float(values[-1]))


def with_statistics(network: nn.Module, weights: Mapping[str, Tensor], inputs: Tensor) -> Weights:
    """Re-estimate batch norm: ``weights``, parameters of ``network``, with the statistics of a pass over ``inputs``.

    ``network`` itself is left as it was.
    """
    batches = even_batches(inputs, fitting_batch_size(inputs, network))
    with evaluation_mode(network), weights_of_its_own(network, torch.contiguous_format) as there:
        for name, tensor in weights.items():
            there[name].copy_(tensor)
        with torch.no_grad(), PassStatistics(network, batches).taken():
            return {**weights, **statistics(network)}
