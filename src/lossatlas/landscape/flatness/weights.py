"""Norms and distribution of a network's weights."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
import xarray as xr

from lossatlas import __version__
from lossatlas.landscape.mapping.map_points import Progress
from lossatlas.landscape.problem import Problem
from lossatlas.landscape.shapes.grid import symmetric
from lossatlas.landscape.survey import survey
from lossatlas.spectral_norm import exact_spectral_norm
from lossatlas.weight_space import Weights, acting_weights, flatten, norm


@survey(products=None, added={"thresholds": []})
def weights(
    problem: Problem,
    *,
    bins: int = 101,
    extent: float | None = None,
    thresholds: Sequence[float] = (),
    journal: str | Path | None = None,
    progress: Progress | None = None,
) -> xr.Dataset:
    """Norms of the parameters and histogram of the weights (Li et al. 2018, figure 2).

    "Weights" are the entries of parameters with two or more dimensions. Where a parametrization makes a weight of
    others, as weight norm does, it is the weight that acts.

    Parameters
    ----------
    problem : Problem
        Network, loss and data; left as they were.
    bins : int, default 101
        Number of bins of the histogram.
    extent : float, optional
        The bins cover [-``extent``, ``extent``]; None: up to the largest absolute value.
    thresholds : sequence of float, optional
        Absolute values up to which weights are counted as small, none negative: 0 counts those that are exactly zero.
        By default none are counted.
    journal : str or Path, optional
        Left alone: this is too quick to need one.
    progress : callable, optional
        Called with the numbers of finished and of all points; may raise to stop the survey.

    Returns
    -------
    xr.Dataset
        Dimensionless: ``norm`` of all parameters, ``parameter_norm`` of each, over (parameter,); of the weights
        ``std``, their standard deviation, and ``density``, their histogram over (bin,), whose integral is the share
        of the weights inside; ``outside`` is the rest. With ``thresholds`` also ``small`` over (threshold,), the share
        of the weights whose absolute value is no larger.

    Raises
    ------
    ValueError
        If ``bins`` or ``extent`` is not positive, a threshold is negative, or the network has no such parameters.

    References
    ----------
    Li et al. 2018, arXiv:1712.09913.

    Examples
    --------
    >>> model = torch.nn.Linear(2, 1)
    >>> model.load_state_dict({"weight": torch.tensor([[3.0, -4.0]]), "bias": torch.tensor([12.0])})
    <All keys matched successfully>
    >>> problem = Problem(model, torch.nn.MSELoss(), {"train": (torch.ones(1, 2), torch.ones(1, 1))})
    >>> dataset = weights(problem, bins=2)
    >>> dataset["norm"].item(), dataset["std"].item(), dataset.parameter_norm.values.tolist()
    (13.0, 3.5, [5.0, 12.0])
    >>> dataset.bin.values, dataset.density.values
    (array([-2.,  2.]), array([0.125, 0.125]))
    >>> weights(problem, thresholds=[0.0, 3.0]).small.values
    array([0. , 0.5])
    """
    with exact_spectral_norm(problem.model):
        everything = acting_weights(problem.model)
    entries = _weights_proper(everything)
    if bins < 1:
        raise ValueError(f"bins must be >= 1, got {bins}")
    if any(not threshold >= 0 for threshold in thresholds):
        raise ValueError(f"thresholds must be >= 0, got {list(thresholds)}")
    edges = symmetric(float(np.abs(entries).max()) if extent is None else extent, bins + 1)
    counts, _ = np.histogram(entries, edges)
    if progress is not None:
        progress(1, 1)
    counted = xr.Dataset(
        {
            "norm": ((), norm(everything), _about("norm of all parameters")),
            "parameter_norm": (
                "parameter",
                [norm({name: tensor}) for name, tensor in everything.items()],
                _about("norm of the parameter"),
            ),
            "std": ((), entries.std(), _about("standard deviation of the weights")),
            "density": ("bin", counts / (len(entries) * np.diff(edges)), _about("density of the weights")),
            "outside": ((), 1 - counts.sum() / len(entries), _about("share of the weights outside the bins")),
        },
        {
            "bin": ("bin", (edges[:-1] + edges[1:]) / 2, _about("weight, at the centre of the bin")),
            "parameter": ("parameter", list(everything), {"long_name": "name of the parameter"}),
        },
        {"survey": "weights", "torch": str(torch.__version__), "lossatlas": __version__},
    )
    if thresholds:
        shares = [(np.abs(entries) <= threshold).mean() for threshold in thresholds]
        small = xr.DataArray(
            shares, {"threshold": list(thresholds)}, attrs=_about("share of the weights up to it")
        )
        counted = counted.assign(small=small)
    return counted


def _weights_proper(everything: Weights) -> np.ndarray:
    matrices = {name: tensor for name, tensor in everything.items() if tensor.ndim >= 2}
    if not matrices:
        raise ValueError("the network has no parameter of two or more dimensions")
    return flatten(matrices).double().cpu().numpy()


def _about(meaning: str) -> dict[str, str]:
    return {"long_name": meaning, "units": "1"}
