"""Measures of ensembles: their growth with the budget, their members in pairs, and one after the other.

The networks of a sweep may have different numbers of members. Their datasets are as long as that of the largest, and
NaN beyond their own.
"""

from collections.abc import Sequence

import xarray as xr

from lossatlas.measures.selection import name_of, named, require, units_of


def by_budget(scores: xr.DataArray, *, budgets: int) -> xr.DataArray:
    """``scores`` of the ensembles that grow by equal parts of their members, along ``budget`` = 1, 2, ... ``budgets``.

    Parameters
    ----------
    scores : DataArray
        (..., size), NaN beyond the members that a network has.
    budgets : int
        Into how many parts, such as training runs, each network's members are divided. Budget k takes the ensemble of
        the first k / ``budgets`` of them: that of k runs, where each has as many.

    Returns
    -------
    DataArray
        (..., budget), in the units of the scores; NaN where the members do not make so many equal parts.

    Raises
    ------
    ValueError
        If there is no dimension ``size``.

    Examples
    --------
    >>> nan = float("nan")
    >>> scores = xr.DataArray([[5.0, 4.0, 3.0, 2.0], [9.0, 8.0, nan, nan]], dims=("method", "size"))
    >>> by_budget(scores, budgets=2).values
    array([[4., 2.],
           [9., 8.]])
    """
    require(scores, "size")
    members = scores.notnull().sum("size")
    parts = []
    for budget in range(1, budgets + 1):
        place = (members * budget // budgets - 1).clip(min=0)
        part = scores.isel(size=place).drop_vars("size", errors="ignore")
        parts.append(part.where((members > 0) & (members % budgets == 0)))
    joined = xr.concat(parts, xr.Variable("budget", range(1, budgets + 1))).transpose(..., "budget")
    return named(joined, name_of(scores), units_of(scores))


def between_members(values: xr.DataArray, *, apart: Sequence[int] | None = None) -> xr.DataArray:
    """Mean over all pairs of different members of what is known of pairs, such as their distance. NaN without a pair.

    Parameters
    ----------
    values : DataArray
        (..., member, other).
    apart : sequence of int, optional
        Only pairs whose numbers differ by one of these, [1] being members one after the other; by default all pairs.

    Returns
    -------
    DataArray
        In the units of the values.

    Raises
    ------
    ValueError
        If one of the two dimensions is not there.

    Examples
    --------
    >>> nan = float("nan")
    >>> apart = [[0.0, 3.0, nan], [3.0, 0.0, nan], [nan, nan, nan]]
    >>> between_members(xr.DataArray(apart, coords={"member": range(3), "other": range(3)})).item()
    3.0
    """
    require(values, "member")
    require(values, "other")
    places = abs(values["member"] - values["other"])
    pairs = values.where(places > 0 if apart is None else places.isin(list(apart)))
    return named(pairs.mean(("member", "other")), f"mean {name_of(values)}", units_of(values))


def course(
    values: xr.DataArray, *, epochs: Sequence[float], per: str = "member", since: float = 0
) -> xr.DataArray:
    """What an ensemble's dataset has of each member, along the ``epochs`` after which they were kept.

    Parameters
    ----------
    values : DataArray
        (..., per).
    epochs : sequence of float
        Epoch after which each was kept, one for each place of ``per``.
    per : str, default "member"
        "member", or "size" for what the dataset has of the ensemble as each has joined it.
    since : float, default 0
        Epoch before which members are left out; by default none is.

    Returns
    -------
    DataArray
        (..., epoch), in the units of the values.

    Raises
    ------
    ValueError
        If there are more members than epochs, or fewer, or no such dimension.

    Examples
    --------
    >>> course(xr.DataArray([0.5, 0.25], dims="member"), epochs=[0, 10]).epoch.values
    array([ 0, 10])
    """
    require(values, per)
    if values.sizes[per] != len(epochs):
        raise ValueError(f"there are {values.sizes[per]} members, got {len(epochs)} epochs")
    renamed = values.drop_vars(per, errors="ignore").rename({per: "epoch"})
    renamed = renamed.assign_coords(epoch=list(epochs))
    renamed = renamed.isel(epoch=[place for place, epoch in enumerate(epochs) if epoch >= since])
    return named(renamed, name_of(values), units_of(values))
