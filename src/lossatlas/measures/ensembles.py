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


def of_members(values: xr.DataArray) -> xr.DataArray:
    """Mean over the members of what is known of pairs, of each with itself, as v of the products of errors.

    Parameters
    ----------
    values : DataArray
        (..., member, other), NaN beyond the members that a network has.

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
    >>> products = xr.DataArray([[0.5, 0.25], [0.25, 0.25]], coords={"member": range(2), "other": range(2)})
    >>> of_members(products).item(), between_members(products).item()  # v and c
    (0.375, 0.25)
    """
    require(values, "member")
    require(values, "other")
    own = values.where(values["member"] == values["other"])
    return named(own.mean(("member", "other")), f"mean {name_of(values)}", units_of(values))


def ensemble_error(products: xr.DataArray) -> xr.DataArray:
    """Squared error of the mean of k members by their own, v, and that which two share, c: v / k + (k - 1) c / k.

    It is the Brier score of averaged probabilities, for any members.

    Parameters
    ----------
    products : DataArray
        (..., member, other), mean inner products of the errors of two members, ``error_product`` of `ensemble`; NaN
        beyond the members that a network has.

    Returns
    -------
    DataArray
        In the units of the products; v alone of a single member.

    Raises
    ------
    ValueError
        If one of the two dimensions is not there.

    References
    ----------
    Goodfellow et al. 2016, "Deep Learning", section 7.11.

    Examples
    --------
    >>> products = xr.DataArray([[0.5, 0.25], [0.25, 0.25]], coords={"member": range(2), "other": range(2)})
    >>> ensemble_error(products).item()  # 0.375 / 2 + 0.25 / 2
    0.3125
    """
    own, shared = of_members(products), between_members(products)
    members = products.where(products["member"] == products["other"]).notnull().sum(("member", "other"))
    error = own / members + (members - 1) * shared.fillna(0.0) / members
    return named(error.where(members > 0), "v / k + (k - 1) c / k", units_of(products))


def overlap(both_wrong: xr.DataArray) -> xr.DataArray:
    """Of the examples that at least one of two members gets wrong, the share that both do: mean over pairs.

    Parameters
    ----------
    both_wrong : DataArray
        (..., member, other), share of the examples that both misclassify, with each one's error on the diagonal.

    Returns
    -------
    DataArray
        Dimensionless, in [0, 1]; NaN without a pair of which one errs.

    Raises
    ------
    ValueError
        If one of the two dimensions is not there.

    Examples
    --------
    >>> both = xr.DataArray([[0.5, 0.25], [0.25, 0.25]], coords={"member": range(2), "other": range(2)})
    >>> overlap(both).item()  # half of the errors of the one are all of the other's
    0.5
    """
    require(both_wrong, "member")
    require(both_wrong, "other")
    own = both_wrong.where(both_wrong["member"] == both_wrong["other"])
    either = own.max("other") + own.max("member") - both_wrong
    shared = between_members(both_wrong.where(either > 0) / either)
    return named(shared, "overlap of what two members get wrong", "1")


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
