"""Any survey along a training run."""

from pathlib import Path

import torch
import xarray as xr

from lossatlas.landscape.mapping.map_points import Progress
from lossatlas.landscape.measuring.isolation import weights_of_its_own
from lossatlas.landscape.measuring.parts import concatenated, part_of_journal, part_of_progress
from lossatlas.landscape.problem import Problem
from lossatlas.landscape.slices.training_path import Snapshots, snapshot_axis, snapshots_of
from lossatlas.landscape.survey import Survey, survey
from lossatlas.weight_space import matching, state


@survey(products=None)
def along_training(
    problem: Problem,
    *,
    snapshots: Snapshots,
    survey: Survey,
    journal: str | Path | None = None,
    progress: Progress | None = None,
) -> xr.Dataset:
    """Training run, as ``survey`` sees each of its ``snapshots``: sharpness, spectrum, noise or features by epoch.

    Parameters
    ----------
    problem : Problem
        Network, loss and data; left as they were. The network's own weights count only if they are a snapshot.
    snapshots : sequence or mapping of state dicts
        The network at times of its training, in order, or by epoch in a mapping.
    survey : callable
        One of this package with its options filled in, such as ``partial(eigenvalues, smallest=0)``.
    journal : str or Path, optional
        File beside which each snapshot has a journal of its own, so that an interrupted survey goes on; None: nothing
        is kept.
    progress : callable, optional
        Called with the numbers of finished and of all points; may raise to stop the survey.

    Returns
    -------
    xr.Dataset
        That of ``survey`` along a first dimension ``snapshot``, which are epochs where these are given, else numbers.
        Attributes that differ between snapshots are left out, ``not_finite`` is their sum, and "of" names the survey.

    Raises
    ------
    ValueError
        Without snapshots, naming the first difference for a snapshot of another network, and for a survey whose axes
        differ between snapshots.

    References
    ----------
    Cohen et al. 2021, arXiv:2103.00065 (the largest eigenvalue along training); Ghorbani et al. 2019, arXiv:1901.10159
    (the spectrum).

    Examples
    --------
    >>> from functools import partial
    >>> from lossatlas.landscape import eigenvalues
    >>> model = torch.nn.Linear(1, 1, bias=False)
    >>> problem = Problem(model, lambda f, y: (f**4).mean(), {"train": (torch.ones(1, 1), torch.ones(1, 1))})
    >>> path = {0: {"weight": torch.tensor([[2.0]])}, 10: {"weight": torch.tensor([[1.0]])}}
    >>> dataset = along_training(problem, snapshots=path, survey=partial(eigenvalues, smallest=0))
    >>> dataset.eigenvalue.sel(end="largest", rank=1).to_series().round(3).to_dict()  # 12 w^2
    {0: 48.0, 10: 12.0}
    """
    given = snapshots_of(problem, snapshots)
    if not given:
        raise ValueError("snapshots are missing: there is nothing along which to survey")
    own = state(problem.model)
    datasets = []
    with torch.inference_mode(False), weights_of_its_own(problem.model, torch.preserve_format) as weights:
        for k, snapshot in enumerate(given.values()):
            there = {name: snapshot[name] for name in own}
            torch._foreach_copy_(
                matching(weights, there), [each.to(weights[name]) for name, each in there.items()]
            )
            kept, heard = part_of_journal(journal, "snapshot", k), part_of_progress(progress, k, len(given))
            datasets.append(survey(problem, journal=kept, progress=heard))
    along = snapshot_axis(list(given), hasattr(snapshots, "keys"))
    dataset = concatenated(datasets, along, "snapshots")
    return dataset.assign_attrs(survey="along_training")
