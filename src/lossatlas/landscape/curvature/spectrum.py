"""The density of the eigenvalues of the Hessian or of the Gauss-Newton matrix."""

from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from lossatlas.landscape.curvature.density import broadened, check_resolution
from lossatlas.landscape.curvature.operators import matrix_of, probe
from lossatlas.landscape.curvature.parameters import Parameters, parameters_described
from lossatlas.landscape.curvature.tridiagonal import tridiagonal
from lossatlas.landscape.engine import EXACT, Engine
from lossatlas.landscape.mapping.map_points import Progress, map_points
from lossatlas.landscape.measuring.evaluate import identity, settings
from lossatlas.landscape.measuring.prepared import prepared
from lossatlas.landscape.problem import Problem
from lossatlas.landscape.survey import survey


@survey(products=lambda steps, **_: steps, added={"parameters": None, "convention": "lossatlas"})
def spectrum(
    problem: Problem,
    *,
    probes: int = 10,
    steps: int = 90,
    points: int = 1001,
    variance: float = 1e-5,
    matrix: str = "hessian",
    parameters: Parameters = None,
    convention: str = "lossatlas",
    seed: int = 0,
    split: str = "train",
    engine: Engine = EXACT,
    journal: str | Path | None = None,
    progress: Progress | None = None,
) -> xr.Dataset:
    """Density of the eigenvalues of ``matrix`` of the mean loss over ``split`` (Ghorbani et al. 2019).

    From each of the random vectors of signs Lanczos runs with full reorthogonalisation; what it finds are the nodes
    and weights of a quadrature (Ubaru et al. 2017), in which a Gaussian stands for each node. It costs ``probes`` x
    ``steps`` products of the matrix with a vector, and memory for ``steps`` vectors.

    Parameters
    ----------
    problem : Problem
        Network, loss and data; left as they were.
    probes : int, default 10
        Number of random vectors.
    steps : int, default 90
        Largest number of steps of Lanczos for each.
    points : int, default 1001
        Eigenvalues, evenly spaced, at which the density is returned.
    variance : float, default 1e-5
        Of the Gaussian, in units of the squared range of the nodes and 0; between 0 and 1.
    matrix : {"hessian", "gauss_newton"}, default "hessian"
        Matrix of the mean loss over ``split``, in the dtype of the weights.
    parameters : {"all", "matrices"}, sequence of str or None, default None
        By which second derivatives are taken: all, those of two or more dimensions, or names and patterns of names
        (`parameters_chosen`); None: what ``convention`` says.
    convention : {"lossatlas", "li2018"}, default "lossatlas"
        "lossatlas": all parameters; "li2018": as the code of Li et al., those of two or more dimensions.
    seed : int, default 0
        Seed of the random vectors.
    split : str, default "train"
        Part of the data over which the loss is averaged.
    engine : Engine, optional
        Batches and subsample; derivatives are in the weights' dtype, and ``evaluation`` must be "eval".
    journal : str or Path, optional
        File that keeps finished points, from which an interrupted survey goes on (`Journal`); None: nothing is kept.
    progress : callable, optional
        Called with the numbers of finished and of all points; may raise to stop the survey.

    Returns
    -------
    xr.Dataset
        Dimensionless: ``density`` and its ``standard_error`` over the probes at the ``eigenvalue`` over (point,);
        their ``integral``, which is 1; ``sigma``, the standard deviation of a Gaussian; and ``node`` and ``weight``
        over (probe, step), NaN after the last step of a run that ended before, as one in a space of fewer dimensions
        does.

    Raises
    ------
    ValueError
        For a value out of its range.

    References
    ----------
    Ghorbani et al. 2019, arXiv:1901.10159.

    Examples
    --------
    >>> import torch
    >>> model = torch.nn.Linear(2, 1, bias=False)
    >>> x = torch.tensor([[1.0, 0.0], [0.0, 3.0]])
    >>> problem = Problem(model, torch.nn.MSELoss(), {"train": (x, torch.zeros(2, 1))})
    >>> dataset = spectrum(problem, probes=2)
    >>> dataset.node.values[:, :2].round(4)  # the eigenvalues of 2 X'X / 2
    array([[1., 9.],
           [1., 9.]])
    """
    _check(probes, steps)
    check_resolution(variance, points)
    with prepared(problem, splits=[split], engine=engine.for_derivatives()) as ready:
        attributes: dict[str, Any] = {
            "survey": "spectrum",
            "split": split,
            "matrix": matrix,
            "parameters": parameters_described(parameters, convention),
            "convention": convention,
            "steps": steps,
            "seed": seed,
            **settings(ready),
        }
        operator = matrix_of(ready, split, matrix, parameters, convention)

        def measure(index: int) -> list[float]:
            nodes, weights = tridiagonal(operator, probe(operator, seed, index), steps).quadrature()
            return [*_padded(nodes, steps), *_padded(weights, steps)]

        header = {**attributes, **identity(ready)}
        rows = map_points(probes, measure, journal=journal, header=header, progress=progress)
    nodes, weights = rows.reshape(probes, 2, steps).swapaxes(0, 1)
    return _dataset(nodes, weights, points, variance, {**attributes, "probes": probes})


def _padded(values: NDArray[np.float64], length: int) -> NDArray[np.float64]:
    return np.pad(values, (0, length - len(values)), constant_values=np.nan)


def _dataset(
    nodes: NDArray[np.float64],
    weights: NDArray[np.float64],
    points: int,
    variance: float,
    attributes: dict[str, Any],
) -> xr.Dataset:
    density = broadened(nodes, weights, variance=variance, points=points)

    def about(meaning: str) -> dict[str, str]:
        return {"long_name": meaning, "units": "1"}

    return xr.Dataset(
        {
            "density": ("point", density.value, about("density of the eigenvalues")),
            "standard_error": ("point", density.standard_error, about("standard error of the density")),
            "eigenvalue": ("point", density.eigenvalue, about("eigenvalue")),
            "integral": ((), density.integral, about("integral of the density")),
            "sigma": ((), density.sigma, about("standard deviation of the Gaussian at a node")),
            "node": (("probe", "step"), nodes, about("node of the probe's quadrature")),
            "weight": (("probe", "step"), weights, about("weight of the node")),
        },
        {
            "point": ("point", np.arange(points), about("number of the eigenvalue")),
            "probe": ("probe", np.arange(len(nodes)), about("number of the probe")),
            "step": ("step", np.arange(nodes.shape[1]), about("rank of the node")),
        },
        {**attributes, "variance": variance},
    )


def _check(probes: int, steps: int) -> None:
    for name, value in (("probes", probes), ("steps", steps)):
        if value < 1:
            raise ValueError(f"{name} must be >= 1, got {value}")
