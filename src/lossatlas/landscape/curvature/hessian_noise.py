"""Noise of a minibatch's Hessian against its size, by products with fixed vectors."""

from collections.abc import Sequence
from pathlib import Path

import torch
import xarray as xr
from torch import Tensor

from lossatlas.landscape.curvature.operators import matrix_of, probe
from lossatlas.landscape.curvature.parameters import Parameters, parameters_described
from lossatlas.landscape.engine import EXACT, Engine
from lossatlas.landscape.mapping.map_points import Progress, map_points
from lossatlas.landscape.measuring.evaluate import identity, settings
from lossatlas.landscape.measuring.minibatches import Minibatches, checked_sizes, noise_dataset
from lossatlas.landscape.measuring.prepared import Batches, prepared
from lossatlas.landscape.problem import Problem
from lossatlas.landscape.survey import survey


def _products(probes: int, **_: object) -> float:
    """In a draw: of the largest minibatch, and of its share of the split, which is looked at once for all."""
    return probes


@survey(products=_products)
def hessian_noise(
    problem: Problem,
    *,
    sizes: Sequence[int] = (1, 4, 16, 64, 256),
    draws: int = 32,
    probes: int = 8,
    matrix: str = "hessian",
    parameters: Parameters = None,
    convention: str = "lossatlas",
    seed: int = 0,
    split: str = "train",
    engine: Engine = EXACT,
    journal: str | Path | None = None,
    progress: Progress | None = None,
) -> xr.Dataset:
    """Noise of the Hessian: how far a minibatch's is from that of the whole ``split``, against its size.

    A matrix A is looked at through ``probes`` random vectors of signs z, the same for all minibatches: the mean of
    abs(A z)^2 over them has the square of A's Frobenius norm as its expectation. All A z of a minibatch are means over
    its examples, as its gradient is, so that all that is said of the noise of that holds of theirs. Minibatches are
    those of ``gradient_noise`` with the same seed. It costs the products of ``draws`` times the largest size, and of
    the split, with ``probes`` vectors.

    Parameters
    ----------
    problem : Problem
        Network, loss and data; left as they were.
    sizes : sequence of int, default (1, 4, 16, 64, 256)
        Numbers of examples n of a minibatch; one that has no fewer than the split is the split.
    draws : int, default 32
        Number of minibatches of each size, >= 2, for a standard error.
    probes : int, default 8
        Number of vectors. As many for each draw: the standard errors say nothing of what others would show.
    matrix : {"hessian", "gauss_newton"}, default "hessian"
        Which matrix.
    parameters : {"all", "matrices"} or sequence of str, optional
        By which parameters derivatives are taken (`parameters_chosen`); None: those of the convention.
    convention : {"lossatlas", "li2018"}, default "lossatlas"
        All, or as the code of Li et al. 2018 has it.
    seed : int, default 0
        Seed of the draws and of the vectors.
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
        Dimensionless, as that of `gradient_noise`, with the Hessian in place of the gradient and the Frobenius norm
        in place of its norm: ``noise`` and ``noise_fit`` over (size,), ``exponent``, ``fitted_covariance_trace``,
        ``fitted_noise_scale``, ``hessian_norm`` and ``hessian_square``.

    Raises
    ------
    ValueError
        For a value out of its range, and where torch has no second derivatives of the network.

    References
    ----------
    Hutchinson 1990 (vectors of signs); Cochran, Sampling Techniques, 1977, theorem 2.2 (the factor 1 - n/N).

    Examples
    --------
    >>> model = torch.nn.Linear(1, 1, bias=False)
    >>> inputs = torch.tensor([[0.0], [1.0], [1.0], [2.0]])  # second derivatives 2 x^2: 0, 2, 2 and 8
    >>> problem = Problem(model, torch.nn.MSELoss(), {"train": (inputs, torch.zeros(4, 1))})
    >>> dataset = hessian_noise(problem, sizes=[1, 4], draws=1000)
    >>> round(dataset.hessian_norm.item(), 3), dataset.noise.values.round()  # sqrt((9 + 1 + 1 + 25) / 4)
    (3.0, array([3., 0.]))
    """
    numbers = checked_sizes(sizes, draws)
    if probes < 1:
        raise ValueError(f"probes must be >= 1, got {probes}")
    with prepared(problem, splits=[split], engine=engine.for_derivatives()) as ready:
        operator = matrix_of(ready, split, matrix, parameters, convention)
        vectors = [probe(operator, seed, index) for index in range(probes)]

        def products(batches: Batches) -> Tensor:
            of_batches = operator.over(batches)
            return torch.cat([of_batches(vector) for vector in vectors]) / probes**0.5

        minibatches = Minibatches(ready, split, products, sizes=numbers, seed=seed)
        chosen = parameters_described(parameters, convention)
        attributes = {"survey": "hessian_noise", "matrix": matrix, "parameters": chosen, "probes": probes}
        attributes |= {"split": split, "seed": seed, **settings(ready)}
        header = {**attributes, "sizes": numbers, "draws": draws, **identity(ready)}
        rows = map_points(draws, minibatches.measure, journal=journal, header=header, progress=progress)
    attributes["examples"] = minibatches.total
    return noise_dataset(minibatches.found(rows), "Hessian", attributes)
