"""Measures of ensembles: their growth with the budget, their members in pairs, and one after the other.

The networks of a sweep may have different numbers of members. Their datasets are as long as that of the largest, and
NaN beyond their own.
"""

from collections.abc import Sequence

import xarray as xr

from lossatlas.claims.measures.reading import Datasets, described, name_of, units_of, variable_of
from lossatlas.measures.selection import Selector, select


def by_budget(
    datasets: Datasets,
    *,
    landscape: str = "ensemble",
    variable: str = "error_first",
    budgets: int,
    at: Selector | None = None,
    scale: float = 1.0,
    units: str | None = None,
) -> xr.DataArray:
    """A score of the ensembles that grow by equal parts of their members, along ``budget`` = 1, 2, ... ``budgets``.

    ``variable`` has the dimension ``size``, of which budget k takes the place k / ``budgets`` of all members that a
    network has: that of k training runs, where each has as many. ``at``: its other coordinates, as in `value`. NaN
    where the members do not make so many equal parts.

    >>> nan = float("nan")
    >>> scores = xr.Dataset({"error_first": (("method", "size"), [[5.0, 4.0, 3.0, 2.0], [9.0, 8.0, nan, nan]])})
    >>> by_budget({"ensemble": scores}, budgets=2).values
    array([[4., 2.],
           [9., 8.]])
    """
    values = select(variable_of(datasets, landscape, variable, "size"), at or {})
    members = values.notnull().sum("size")
    parts = []
    for budget in range(1, budgets + 1):
        place = (members * budget // budgets - 1).clip(min=0)
        part = values.isel(size=place).drop_vars("size", errors="ignore")
        parts.append(part.where((members > 0) & (members % budgets == 0)))
    joined = xr.concat(parts, xr.Variable("budget", range(1, budgets + 1))).transpose(..., "budget")
    return described(joined * scale, name_of(values), units or units_of(values))


def between_members(
    datasets: Datasets,
    *,
    landscape: str = "ensemble",
    variable: str = "distance",
    at: Selector | None = None,
    apart: Sequence[int] | None = None,
    scale: float = 1.0,
    units: str | None = None,
) -> xr.DataArray:
    """Mean over all pairs of different members of what is known of pairs, such as their distance. NaN without a pair.

    ``apart``: of those alone whose numbers differ by one of these, [1] being members one after the other.

    >>> nan = float("nan")
    >>> apart = [[0.0, 3.0, nan], [3.0, 0.0, nan], [nan, nan, nan]]
    >>> dims = ("member", "other")
    >>> between_members({"ensemble": xr.Dataset({"distance": (dims, apart)}, {dim: range(3) for dim in dims})}).item()
    3.0
    """
    values = select(variable_of(datasets, landscape, variable, "member", "other"), at or {})
    places = abs(values["member"] - values["other"])
    pairs = values.where(places > 0 if apart is None else places.isin(list(apart)))
    means = pairs.mean(("member", "other"))
    return described(means * scale, f"mean {name_of(values)}", units or units_of(values))


def course(
    datasets: Datasets,
    *,
    landscape: str,
    variable: str,
    epochs: Sequence[float],
    per: str = "member",
    since: float = 0,
    at: Selector | None = None,
    scale: float = 1.0,
    units: str | None = None,
) -> xr.DataArray:
    """What an ensemble's dataset has of each member, along the ``epochs`` after which they were kept.

    ``per``: "size" for what it has of the ensemble as each has joined it. Those before ``since`` are left out.
    ValueError if there are more members, or fewer.

    >>> errors = xr.Dataset({"member_error": ("member", [0.5, 0.25])})
    >>> course({"trace": errors}, landscape="trace", variable="member_error", epochs=[0, 10]).epoch.values
    array([ 0, 10])
    """
    values = select(variable_of(datasets, landscape, variable, per), at or {})
    if values.sizes[per] != len(epochs):
        raise ValueError(f"{landscape!r} has {values.sizes[per]} members, got {len(epochs)} epochs")
    renamed = values.drop_vars(per, errors="ignore").rename({per: "epoch"})
    renamed = renamed.assign_coords(epoch=list(epochs))
    renamed = renamed.isel(epoch=[place for place, epoch in enumerate(epochs) if epoch >= since])
    return described(renamed * scale, name_of(values), units or units_of(values))
