"""Singular values of a network's weight matrices, and those that stand apart from a random matrix's."""

from math import sqrt
from pathlib import Path

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from lossatlas import __version__
from lossatlas.landscape.mapping.map_points import Progress
from lossatlas.landscape.problem import Problem
from lossatlas.landscape.survey import survey
from lossatlas.spectral_norm import exact_spectral_norm
from lossatlas.weight_space import acting_weights


@survey(products=None)
def weight_spectrum(
    problem: Problem,
    *,
    margin: float = 0.05,
    journal: str | Path | None = None,
    progress: Progress | None = None,
) -> xr.Dataset:
    """Singular values of each weight matrix beside those of a random one: a bulk, and outliers that training has made.

    A weight (out, in, ...) is the matrix of its filters, (n, m) = (out, the rest). Of n x m independent entries of
    mean 0 and standard deviation s the singular values fill an interval, the bulk, that ends at s (sqrt(n) +
    sqrt(m)) as n and m grow (Marchenko & Pastur 1967); one of the signal stands apart where it is strong enough (Baik
    et al. 2005). s is the root mean square of the entries, outliers among them, so that the edge is rather too far out.
    Where a parametrization makes a weight of others, it is the weight that acts.

    Parameters
    ----------
    problem : Problem
        Network, loss and data; left as they were.
    margin : float, default 0.05
        Share of the edge by which a singular value must exceed it to count as an outlier: of finite matrices the
        largest varies around it.
    journal : str or Path, optional
        Left alone: this is too quick to need one.
    progress : callable, optional
        Called with the numbers of finished and of all matrices; may raise to stop the survey.

    Returns
    -------
    xr.Dataset
        Dimensionless: ``singular_value`` over (weight, rank), descending from rank 1, NaN beyond the smaller side;
        over (weight,) ``edge``, the bulk's, ``outliers``, how many are above 1 + ``margin`` times that,
        ``stable_rank``, the sum of the squares over the largest of them, and ``bulk``, the median singular value.

    Raises
    ------
    ValueError
        If ``margin`` is negative, or the network has no parameter of two or more dimensions.

    References
    ----------
    Marchenko & Pastur 1967, "Distribution of eigenvalues for some sets of random matrices"; Baik, Ben Arous & Péché
    2005; Martin & Mahoney 2021, arXiv:1810.01075 (of neural networks).

    Examples
    --------
    >>> model = torch.nn.Linear(2, 2, bias=False)
    >>> _ = model.weight.data.copy_(torch.tensor([[3.0, 0.0], [0.0, 4.0]]))
    >>> problem = Problem(model, torch.nn.MSELoss(), {"train": (torch.ones(1, 2), torch.ones(1, 2))})
    >>> dataset = weight_spectrum(problem)
    >>> dataset.singular_value.values, dataset.stable_rank.values  # (9 + 16) / 16
    (array([[4., 3.]]), array([1.5625]))
    >>> dataset.edge.values.round(3), dataset.outliers.values  # s = 2.5
    (array([7.071]), array([0]))
    """
    if not margin >= 0:
        raise ValueError(f"margin must be >= 0, got {margin}")
    with exact_spectral_norm(problem.model):
        matrices = {name: _matrix(w) for name, w in acting_weights(problem.model).items() if w.ndim >= 2}
    if not matrices:
        raise ValueError("the network has no parameter of two or more dimensions")
    spectra = []
    for done, matrix in enumerate(matrices.values(), start=1):
        spectra.append(torch.linalg.svdvals(matrix).cpu().numpy())
        if progress is not None:
            progress(done, len(matrices))
    ranks = max(map(len, spectra))
    values = np.stack([np.pad(s, (0, ranks - len(s)), constant_values=np.nan) for s in spectra])
    edges = np.array([_edge(matrix) for matrix in matrices.values()])
    outliers = (values > (1 + margin) * edges[:, None]).sum(axis=1)
    squares = np.nansum(values**2, axis=1)
    largest = np.where(values[:, 0] > 0, values[:, 0], np.nan)
    return xr.Dataset(
        {
            "singular_value": (("weight", "rank"), values, _about("singular value")),
            "edge": ("weight", edges, _about("end of a random matrix's bulk")),
            "outliers": ("weight", outliers, _about("number of singular values beyond the bulk")),
            "stable_rank": ("weight", squares / largest**2, _about("stable rank")),
            "bulk": ("weight", np.nanmedian(values, axis=1), _about("median singular value")),
        },
        {
            "weight": ("weight", list(matrices), {"long_name": "name of the weight"}),
            "rank": ("rank", np.arange(1, ranks + 1), {"long_name": "rank, 1 the largest", "units": "1"}),
        },
        {
            "survey": "weight_spectrum",
            "margin": margin,
            "torch": str(torch.__version__),
            "lossatlas": __version__,
        },
    )


def _matrix(weight: Tensor) -> Tensor:
    return weight.detach().flatten(1).double()


def _edge(matrix: Tensor) -> float:
    """Where the singular values of as many independent entries end, s (sqrt(n) + sqrt(m))."""
    n, m = matrix.shape
    return matrix.square().mean().sqrt().item() * (sqrt(n) + sqrt(m))


def _about(meaning: str) -> dict[str, str]:
    return {"long_name": meaning, "units": "1"}
