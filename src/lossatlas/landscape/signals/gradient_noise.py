"""Noise of a minibatch's gradient against its size, and the gradient noise scale."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import xarray as xr
from torch import Tensor

from lossatlas.landscape.engine import EXACT, Engine
from lossatlas.landscape.mapping.map_points import Progress, map_points
from lossatlas.landscape.measuring.differentiating import check_gradient
from lossatlas.landscape.measuring.evaluate import identity, settings
from lossatlas.landscape.measuring.gradient import loss_and_gradient_over
from lossatlas.landscape.measuring.minibatches import Minibatches, checked_sizes, noise_dataset
from lossatlas.landscape.measuring.prepared import Batches, PreparedProblem, prepared
from lossatlas.landscape.problem import Problem
from lossatlas.landscape.survey import survey
from lossatlas.weight_space import flatten


@survey(products=None, added={"order": "reshuffled"})
def gradient_noise(
    problem: Problem,
    *,
    sizes: Sequence[int] = (1, 4, 16, 64, 256),
    draws: int = 64,
    order: str = "reshuffled",
    seed: int = 0,
    split: str = "train",
    engine: Engine = EXACT,
    journal: str | Path | None = None,
    progress: Progress | None = None,
) -> xr.Dataset:
    """Gradient noise: how far a minibatch's gradient is from that of the whole ``split``, against its size.

    Each of ``draws`` minibatches of a size is drawn as an epoch's are, by default without replacement; within a draw
    the larger ones hold the smaller. The network is in evaluation mode, in which examples do not depend on each other,
    and the loss is without penalties. It costs the gradients of ``draws`` times the largest size, and one of the split.

    Parameters
    ----------
    problem : Problem
        Network, loss and data; left as they were.
    sizes : sequence of int, default (1, 4, 16, 64, 256)
        Numbers of examples n of a minibatch; one that has no fewer than the split is the split, unless ``order`` draws
        with replacement.
    draws : int, default 64
        Number of minibatches of each size, >= 2, for a standard error.
    order : {"reshuffled", "shuffled_once", "with_replacement", "sorted"}, default "reshuffled"
        How an epoch goes through the examples, as ``data.order``; a minibatch is a part of one that begins anywhere.
        With replacement n may exceed N, and no minibatch is the whole split. "sorted" needs one class an example.
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
          the split's, that is its standard error, of which sqrt(tr(Sigma) (1/n - 1/N)) is expected, and
          sqrt(tr(Sigma) (1 - 1/N)/n) with replacement, with its own
          ``noise_standard_error``, and ``noise_fit``, that of the best line of slope -1/2 in logarithms;
        - over (size,), from each size beside the whole split, unbiased, NaN for the whole split itself:
          ``covariance_trace``, of tr(Sigma), ``gradient_square``, of abs(G)^2, which may be negative, and
          ``noise_scale``, their ratio, the paper's "simple" one, inf where the latter is not positive; and the
          ``..._standard_error`` of each;
        - scalars: ``exponent`` of the best line of any slope, of which -1/2 is expected; ``fitted_covariance_trace``
          and ``fitted_noise_scale`` of that of slope -1/2, each with its ``..._standard_error``; and
          ``gradient_norm``, of the split's gradient;
        - over (draw, size): ``squared_norm`` of each minibatch's gradient, and ``squared_distance`` from the split's.

        Standard errors are those of the jackknife over the draws. Of sorted examples, whose minibatches are no samples,
        there are ``noise``, its standard error and the squares; the others are NaN.

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
    >>> import torch
    >>> model = torch.nn.Linear(1, 1, bias=False)
    >>> _ = model.weight.data.fill_(1.0)
    >>> targets = torch.tensor([[-1.0], [0.0], [1.0], [2.0]])  # gradients 2 (1 - y): 4, 2, 0 and -2
    >>> problem = Problem(model, torch.nn.MSELoss(), {"train": (torch.ones(4, 1), targets)})
    >>> dataset = gradient_noise(problem, sizes=[1, 4], draws=1000)
    >>> dataset.gradient_norm.item(), dataset.noise.values.round(1)  # sqrt((9 + 1 + 1 + 9) / 4)
    (1.0, array([2.2, 0. ]))
    """
    numbers = checked_sizes(sizes, draws)
    with prepared(problem, splits=[split], engine=engine.for_derivatives()) as ready:
        check_gradient(ready, split)
        ready.settle()
        mean = partial(_gradient, ready)
        minibatches = Minibatches(ready, split, mean, sizes=numbers, seed=seed, order=order)
        attributes = {"survey": "gradient_noise", "split": split, "seed": seed, **settings(ready)}
        attributes |= {"order": order} if order != "reshuffled" else {}
        header = {**attributes, "sizes": numbers, "draws": draws, **identity(ready)}
        rows = map_points(draws, minibatches.measure, journal=journal, header=header, progress=progress)
    attributes["examples"] = minibatches.total
    return noise_dataset(minibatches.found(rows), "gradient", attributes)


def _gradient(ready: PreparedProblem, batches: Batches) -> Tensor:
    return flatten(loss_and_gradient_over(ready, batches)[1])
