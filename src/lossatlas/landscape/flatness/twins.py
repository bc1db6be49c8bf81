"""Rescaled networks that compute the same function ("twins"), and any survey of them."""

from collections.abc import Sequence
from pathlib import Path

import torch
import xarray as xr

from lossatlas.landscape.flatness.rescaling import rescaled
from lossatlas.landscape.mapping.map_points import Progress
from lossatlas.landscape.measuring.isolation import weights_of_its_own
from lossatlas.landscape.measuring.parts import concatenated, part_of_journal, part_of_progress
from lossatlas.landscape.measuring.prepared import outputs
from lossatlas.landscape.problem import Problem
from lossatlas.landscape.shapes.grid import axis
from lossatlas.landscape.survey import Survey, survey
from lossatlas.weight_space import matching


@survey(products=None)
def twins(
    problem: Problem,
    *,
    survey: Survey,
    factors: Sequence[float] = (0.1, 0.3, 1.0, 3.0, 10.0),
    layers: str = "first",
    journal: str | Path | None = None,
    progress: Progress | None = None,
) -> xr.Dataset:
    """Rescaled networks that compute the same function, as ``survey`` sees them (Dinh et al. 2017, section 3).

    A property of the function is the same for all twins; what differs between them belongs to the way in which it is
    written down.

    Parameters
    ----------
    problem : Problem
        Network, loss and data; left as they were.
    survey : callable
        One of this package with its options filled in, such as ``partial(line, normalize="filter")``.
    factors : sequence of float, default (0.1, 0.3, 1.0, 3.0, 10.0)
        What the weights of the layers are multiplied by, which what follows undoes (`rescaled`); different, > 0.
    layers : {"first", "all"}, default "first"
        Which of the layers whose scale is free.
    journal : str or Path, optional
        File beside which each factor has a journal of its own, so that an interrupted survey goes on; None: nothing
        is kept.
    progress : callable, optional
        Called with the numbers of finished and of all points; may raise to stop the survey.

    Returns
    -------
    xr.Dataset
        That of ``survey`` along a first dimension ``factor``, and ``output_difference`` over (factor,): the largest
        difference of a twin's outputs from the network's over all splits, as a share of the largest output.
        Attributes that differ between the twins are left out, ``not_finite`` is their sum, and "of" names the survey.

    Raises
    ------
    ValueError
        For factors that are not positive, a network whose scales are not free, and for a survey whose axes differ
        between twins.

    References
    ----------
    Dinh et al. 2017, arXiv:1703.04933.

    Examples
    --------
    >>> from functools import partial
    >>> from lossatlas.landscape import eigenvalues
    >>> _ = torch.manual_seed(0)  # else all units may be dead, and nothing curved
    >>> network = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.ReLU(), torch.nn.Linear(3, 2))
    >>> problem = Problem(network, torch.nn.CrossEntropyLoss(), {"train": (torch.eye(2), torch.arange(2))})
    >>> dataset = twins(problem, survey=partial(eigenvalues, smallest=0), factors=[0.01, 1.0])
    >>> bool(dataset.output_difference.max() < 1e-5)
    True
    >>> first, second = dataset.eigenvalue.sel(end="largest", rank=1)
    >>> bool(first > 100 * second)
    True
    """
    if not len(factors) or len(set(factors)) < len(factors):
        raise ValueError(f"factors must be different numbers, at least one, got {list(factors)}")
    states = [rescaled(problem.model, factor, layers=layers) for factor in factors]
    expected = outputs(problem)
    differences, datasets = [], []
    with torch.inference_mode(False), weights_of_its_own(problem.model, torch.preserve_format) as weights:
        for k, twin in enumerate(states):
            torch._foreach_copy_(matching(weights, twin), list(twin.values()))
            differences.append(float((outputs(problem) - expected).abs().max() / expected.abs().max()))
            kept, heard = part_of_journal(journal, "factor", k), part_of_progress(progress, k, len(factors))
            datasets.append(survey(problem, journal=kept, progress=heard))
    along = axis("factor", [float(factor) for factor in factors], "factor of the layer's weights")
    dataset = concatenated(datasets, along, "twins")
    meaning = "largest difference from the network's outputs, as a share of the largest output"
    dataset["output_difference"] = ("factor", differences, {"long_name": meaning, "units": "1"})
    return dataset.assign_attrs(survey="twins", of=datasets[0].attrs["survey"], layers=layers)
