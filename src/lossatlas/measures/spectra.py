"""Measures of a Hessian's eigenvalues: condition, outliers, and what a learning rate makes of the largest."""

import numpy as np
import xarray as xr

from lossatlas.measures.arithmetic import known
from lossatlas.measures.selection import name_of, named, require, units_of


def condition_number(eigenvalue: xr.DataArray, *, rank: int | None = None) -> xr.DataArray:
    """Condition number of a Hessian: the largest eigenvalue over the smallest, or over the ``rank``-th largest.

    Where the smallest is 0 or negative the loss has no bowl there, and no step of descent that is best: it is inf.
    A network's Hessian is so nearly everywhere, and its condition is told by a few large ones, as lambda_1/lambda_5.

    Parameters
    ----------
    eigenvalue : DataArray
        (..., end, rank), of the landscape ``eigenvalues``, or along its training.
    rank : int, optional
        Place from the largest, > 1; None: the smallest.

    Returns
    -------
    DataArray
        Without those dimensions and a unit, >= 1; NaN where an eigenvalue is.

    Raises
    ------
    ValueError
        Without these dimensions, and for an eigenvalue that was not surveyed.

    Examples
    --------
    >>> coords = {"end": ["smallest", "largest"], "rank": [1, 2]}
    >>> found = xr.DataArray([[0.5, 2.0], [100.0, 10.0]], coords=coords)
    >>> condition_number(found).item(), condition_number(found, rank=2).item()
    (200.0, 10.0)
    """
    largest = _of(eigenvalue, "largest", 1)
    other = _of(eigenvalue, "smallest", 1) if rank is None else _of(eigenvalue, "largest", rank)
    quotient = (largest / other.where(other > 0)).where(other > 0, np.inf)
    what = "smallest" if rank is None else f"{rank}th largest"
    return named(quotient.where(np.isfinite(largest) & np.isfinite(other)), f"largest over {what} eigenvalue")


def outliers(eigenvalue: xr.DataArray) -> xr.DataArray:
    """How many of the largest eigenvalues lie above the widest gap in the surveyed ones: those apart from the bulk.

    The gap is that of the largest quotient of two that follow each other (the eigengap, on a scale that has no unit).
    It is at most one less than were surveyed, so survey more than are expected; a quotient near 1
    (`condition_number` between both sides of it) means that there is no gap.

    Parameters
    ----------
    eigenvalue : DataArray
        (..., end, rank), of the landscape ``eigenvalues``; those at the end "largest" count, while positive.

    Returns
    -------
    DataArray
        Whole numbers without those dimensions; NaN where fewer than two are known and positive.

    Raises
    ------
    ValueError
        Without these dimensions.

    Examples
    --------
    >>> values = [[np.nan] * 5, [90.0, 80.0, 70.0, 2.0, 1.5]]
    >>> outliers(xr.DataArray(values, coords={"end": ["smallest", "largest"], "rank": [1, 2, 3, 4, 5]})).item()
    3.0
    """
    large = _end(eigenvalue, "largest")
    logs = xr.apply_ufunc(np.log, large.where(np.isfinite(large) & (large > 0)))
    gaps = -logs.diff("rank", label="lower")
    there = gaps.notnull().any("rank")
    return named((gaps.fillna(-1.0).argmax("rank") + 1).where(there), "eigenvalues apart from the bulk")


def share_beyond(node: xr.DataArray, weight: xr.DataArray, level: xr.DataArray | float) -> xr.DataArray:
    """Share of a matrix's eigenvalues that lie above a ``level``; times the number of weights, how many do.

    Parameters
    ----------
    node, weight : DataArray
        (..., probe, step), of the landscape ``spectrum``.
    level : DataArray or float
        Such as a share of the largest node.

    Returns
    -------
    DataArray
        In [0, 1], the mean over the probes; NaN where nothing was surveyed.

    Raises
    ------
    ValueError
        Without these dimensions.

    Examples
    --------
    >>> nodes = xr.DataArray([[0.0, 9.0], [0.0, 9.0]], dims=("probe", "step"))
    >>> share_beyond(nodes, xr.zeros_like(nodes) + [0.75, 0.25], level=1.0).item()
    0.25
    """
    require(node, "probe")
    require(node, "step")
    of_probe = weight.where(node > level, 0.0).where(node.notnull()).sum("step", min_count=1)
    return named(of_probe.mean("probe"), "share of the eigenvalues above the level")


def stability_threshold(
    rate: xr.DataArray,
    *,
    momentum: float = 0.0,
    nesterov: bool = False,
    dampening: float = 0.0,
    weight_decay: float = 0.0,
) -> xr.DataArray:
    """Largest eigenvalue of the loss at which full-batch descent at a learning rate is stable on a quadratic.

    It is 2 / rate for gradient descent, 2 (1 + b) / rate with momentum b, and 2 (1 + b) / (rate (1 + 2b)) with
    Nesterov's (Cohen et al. 2021, arXiv:2103.00065, section 2 and appendix B). Steps are torch's SGD: the rate is
    outside of the velocity, and ``weight_decay`` adds its coefficient to every eigenvalue.

    Parameters
    ----------
    rate : DataArray
        Learning rates, such as ``history["lr"]``.
    momentum : float, default 0.0
        In [0, 1).
    nesterov : bool, default False
        Whether the momentum is Nesterov's.
    dampening : float, default 0.0
        Share of a gradient that the velocity does not take up; the rate counts times the rest.
    weight_decay : float, default 0.0
        Coefficient of L2 in the gradient, 0.5 ``weight_decay`` sum(w**2) in the loss that descends.

    Returns
    -------
    DataArray
        In units of an eigenvalue; inf at a rate of 0.

    Raises
    ------
    ValueError
        For a momentum or a dampening out of [0, 1), and Nesterov's with dampening, which torch does not have.

    Examples
    --------
    >>> rates = xr.DataArray([0.1, 0.01], dims="epoch")
    >>> stability_threshold(rates).values, stability_threshold(rates, momentum=0.9).values
    (array([ 20., 200.]), array([ 38., 380.]))
    """
    for option, value in (("momentum", momentum), ("dampening", dampening)):
        if not 0 <= value < 1:
            raise ValueError(f"{option} must lie in [0, 1), got {value}")
    if nesterov and dampening:
        raise ValueError(f"Nesterov's momentum has no dampening, got {dampening}")
    lookahead = 1 + 2 * momentum if nesterov else 1 - dampening
    with np.errstate(divide="ignore"):
        threshold = 2 * (1 + momentum) / (rate * lookahead) - weight_decay
    return named(threshold, "largest stable eigenvalue")


def at_snapshots(values: xr.DataArray, snapshot: xr.DataArray) -> xr.DataArray:
    """Values of a run's epochs, such as its learning rates, at the snapshots of a landscape along its training.

    Parameters
    ----------
    values : DataArray
        (..., epoch), as in ``history``, where an epoch's row is of its last step.
    snapshot : DataArray
        (snapshot,), epochs. Of that at the start, 0, the values are those of the first epoch.

    Returns
    -------
    DataArray
        (..., snapshot), in the units of the values.

    Raises
    ------
    ValueError
        If there is no dimension ``epoch``, or an epoch of a snapshot is none of the history's.

    Examples
    --------
    >>> rates = xr.DataArray([0.1, 0.1, 0.01], coords={"epoch": [1, 2, 3]})
    >>> at_snapshots(rates, xr.DataArray([0, 2, 3], dims="snapshot")).values
    array([0.1 , 0.1 , 0.01])
    """
    require(values, "epoch")
    epochs = snapshot.values
    wanted = xr.DataArray(np.where(epochs == 0, values["epoch"].values.min(), epochs), {"snapshot": epochs})
    if missing := sorted(set(wanted.values.tolist()) - set(values["epoch"].values.tolist())):
        raise ValueError(f"the history has no epoch {missing[0]:g} of the snapshots")
    chosen = values.sel(epoch=wanted).drop_vars("epoch")
    return named(chosen, name_of(values), units_of(values))


def _of(eigenvalue: xr.DataArray, end: str, rank: int) -> xr.DataArray:
    values = _end(eigenvalue, end)
    if rank not in values["rank"].values:
        raise ValueError(f"no eigenvalue of rank {rank} was surveyed, at most {values['rank'].values.max()}")
    return values.sel(rank=rank, drop=True)


def _end(eigenvalue: xr.DataArray, end: str) -> xr.DataArray:
    for dim in ("end", "rank"):
        require(eigenvalue, dim)
    return known(eigenvalue).sel(end=end, drop=True)
