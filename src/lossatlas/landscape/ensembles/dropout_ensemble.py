"""The networks that dropout draws, as an ensemble, beside the one network that stands for them."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import torch
import xarray as xr
from torch import Tensor, nn

from lossatlas.landscape.engine import EXACT, Engine
from lossatlas.landscape.ensembles import scores
from lossatlas.landscape.ensembles.averaging import Average, mean_logits, mean_probabilities
from lossatlas.landscape.ensembles.members import classes, predicted_classes
from lossatlas.landscape.mapping.map_points import Progress, map_points
from lossatlas.landscape.measuring.evaluate import identity, settings
from lossatlas.landscape.measuring.predictions import Predictions
from lossatlas.landscape.measuring.prepared import PreparedProblem, prepared
from lossatlas.landscape.problem import Problem
from lossatlas.landscape.survey import survey
from lossatlas.seeds import derive_seed

MEANS: Mapping[str, Average] = {"arithmetic": mean_probabilities, "geometric": mean_logits}


@survey(products=None)
def dropout_ensemble(
    problem: Problem,
    *,
    samples: int = 50,
    seed: int = 0,
    splits: Sequence[str] | None = None,
    engine: Engine = EXACT,
    journal: str | Path | None = None,
    progress: Progress | None = None,
) -> xr.Dataset:
    """The arithmetic and the geometric mean of what networks with dropped units say, beside what all units say.

    A network that was trained with dropout is evaluated with all of its units, weights scaled by the share that was
    kept (in training what is kept is divided by that share, so that nothing is left to scale). That stands for an
    average over all networks that dropout draws: exactly for their geometric mean where the logits are linear in what
    is dropped, as for a single softmax layer, and approximately for others. Here ``samples`` of these networks are
    drawn, anew for each example.

    Parameters
    ----------
    problem : Problem
        Network, loss and data; left as they were. Targets are classes.
    samples : int, default 50
        Number of networks that are drawn.
    seed : int, default 0
        Of the draws.
    splits : sequence of str, optional
        Parts of the data to measure; None: all.
    engine : Engine, optional
        Batches, statistics of batch norm and subsample; in the weights' dtype. Draws depend on the batches.
    journal : str or Path, optional
        File that keeps finished points, from which an interrupted survey goes on (`Journal`); None: nothing is kept.
    progress : callable, optional
        Called with the numbers of finished and of all points; may raise to stop the survey.

    Returns
    -------
    xr.Dataset
        Over (split, mean, size), of the "arithmetic" and the normalised "geometric" mean of the first ``size``:
        ``error``, ``nll`` in nats, and ``divergence``, the mean over the examples of the Kullback-Leibler divergence
        of the mean's probabilities from those of the network with all units; of the latter ``scaled_error`` and
        ``scaled_nll`` over (split,); ``sample_error`` of each drawn network over (split, sample).

    Raises
    ------
    ValueError
        For a network without a layer of dropout, for fewer than one sample, and as `ensemble` for targets and outputs.

    References
    ----------
    Srivastava et al. 2014 (JMLR 15), section 7.5; Baldi & Sadowski 2013 on the geometric mean.

    Examples
    --------
    >>> model = torch.nn.Sequential(torch.nn.Dropout(0.5), torch.nn.Linear(2, 2))
    >>> data = {"test": (torch.randn(20, 2), torch.arange(20) % 2)}
    >>> dataset = dropout_ensemble(Problem(model, torch.nn.CrossEntropyLoss(), data), samples=3)
    >>> dict(dataset.error.sizes)
    {'split': 1, 'mean': 2, 'size': 3}
    """
    if samples < 1:
        raise ValueError(f"samples must be >= 1, got {samples}")
    if not _layers(problem.model):
        raise ValueError(
            f"{type(problem.model).__name__} has no layer of dropout, so that there is nothing to draw"
        )
    names = problem.select(splits)
    with prepared(problem, splits=names, engine=engine.exact()) as ready:
        predicted = predicted_classes(ready)
        attributes = {"survey": "dropout_ensemble", "samples": samples, "seed": seed, **settings(ready)}
        header = {**attributes, **identity(ready)}
        total, parts = len(names) * samples, []
        for number, split in enumerate(names):

            def measure(index: int, split: str = split, number: int = number) -> list[float]:
                sample = index - number * samples
                return _drawn(ready, split, predicted, seed, number, sample).flatten().tolist()

            def report(done: int, of: int, number: int = number) -> None:
                if progress is not None:
                    later = (len(names) - number - 1) * samples
                    progress(number * samples + done, number * samples + of + later)

            rows = map_points(
                total,
                measure,
                indices=range(number * samples, (number + 1) * samples),
                journal=journal,
                header=header,
                progress=report,
            )
            targets = classes(ready, split)
            logits = torch.from_numpy(rows).reshape(samples, len(targets), -1)
            parts.append(_compared(logits, _logits(ready, split, predicted), targets))
    return xr.concat(
        parts, xr.Variable("split", list(names), {"long_name": "part of the data"})
    ).assign_attrs(attributes)


def _layers(model: nn.Module) -> list[nn.Module]:
    return [module for module in model.modules() if isinstance(module, nn.modules.dropout._DropoutNd)]


@contextmanager
def _dropping(model: nn.Module) -> Iterator[None]:
    """Have the layers of dropout of a network in evaluation mode drop, and no other layer be in training."""
    layers = _layers(model)
    for layer in layers:
        layer.train()
    try:
        yield
    finally:
        for layer in layers:
            layer.eval()


def _drawn(
    ready: PreparedProblem, split: str, predicted: Predictions, seed: int, number: int, sample: int
) -> Tensor:
    """Logits of a network that is drawn, (N, C) in float64."""
    device = next(ready.model.parameters()).device
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []), _dropping(ready.model):
        torch.manual_seed(derive_seed(seed, "dropped units", number, sample))
        return _logits(ready, split, predicted)


def _logits(ready: PreparedProblem, split: str, predicted: Predictions) -> Tensor:
    ready.settle()
    with torch.inference_mode(), nullcontext() if ready.statistics is None else ready.statistics.taken():
        parts = [
            predicted.logits(ready.model(inputs)).flatten(0, -2).cpu() for inputs, _ in ready.batches[split]
        ]
    return torch.cat(parts)


def _compared(logits: Tensor, scaled: Tensor, targets: Tensor) -> xr.Dataset:
    """``logits``: of the drawn networks, (samples, N, C); ``scaled``: with all units, (N, C); both in float64."""
    whole = scaled.log_softmax(-1)
    shares = [1.0] * len(logits)
    of_means = np.array(
        [
            [
                [scores.error(mean, targets), scores.nll(mean, targets), divergence(mean, whole)]
                for mean in average(logits, shares)
            ]
            for average in MEANS.values()
        ]
    )

    def about(meaning: str) -> dict[str, str]:
        return {"long_name": meaning, "units": "1"}

    over = ("mean", "size")
    variables: dict[str, Any] = {
        "error": (over, of_means[..., 0], about("share misclassified by the mean")),
        "nll": (over, of_means[..., 1], about("mean negative log-likelihood of the mean")),
        "divergence": (
            over,
            of_means[..., 2],
            about("divergence of the mean from the network with all units"),
        ),
        "scaled_error": ((), scores.error(whole, targets), about("share misclassified with all units")),
        "scaled_nll": ((), scores.nll(whole, targets), about("mean negative log-likelihood with all units")),
        "sample_error": (
            "sample",
            [scores.error(one, targets) for one in logits],
            about("share misclassified by a network with dropped units"),
        ),
    }
    return xr.Dataset(
        variables,
        {
            "mean": ("mean", list(MEANS), {"long_name": "mean over the networks"}),
            "size": ("size", 1 + np.arange(len(logits)), about("number of networks")),
            "sample": ("sample", np.arange(len(logits)), about("number of the network")),
        },
    )


def divergence(one: Tensor, other: Tensor) -> float:
    """Mean over examples of sum p log (p / q), in nats, from logarithms of probabilities (N, C).

    >>> one, other = (torch.tensor([[p, 1 - p]], dtype=torch.float64).log() for p in (0.5, 0.25))
    >>> round(divergence(one, other), 6)  # log 2 / 2 - log 1.5 / 2
    0.143841
    """
    return float(nn.functional.kl_div(other, one, reduction="batchmean", log_target=True))
