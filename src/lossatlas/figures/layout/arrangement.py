"""Which networks of a sweep stand in which panel of a figure."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from lossatlas.measures import Datasets
from lossatlas.measures.selection import select

Names = Mapping[str, Mapping[Any, str]]  # dimension -> value -> what to call it

LANDSCAPE = "landscape"  # stands for a dimension along which several landscapes lie
SEED = "seed"


@dataclass(frozen=True)
class Panel:
    """What one panel shows: networks that differ in their seed, and in what the figure draws together."""

    landscapes: dict[str, xr.Dataset]  # by name, over what differs and their own dimensions
    test_error: xr.DataArray  # a share, over what differs

    @property
    def landscape(self) -> xr.Dataset:
        """The only landscape."""
        (dataset,) = self.landscapes.values()
        return dataset


@dataclass(frozen=True)
class Arrangement:
    """Panels in rows and columns, with their titles, "" where there is nothing to tell apart."""

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    panels: tuple[tuple[Panel, ...], ...]

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of rows and columns."""
        return len(self.rows), len(self.columns)

    @property
    def flat(self) -> list[Panel]:
        """The panels, row after row."""
        return [panel for row in self.panels for panel in row]


def arrange(
    datasets: Datasets,
    landscapes: str | Sequence[str],
    *,
    rows: str | None = None,
    columns: str | None = None,
    at: Mapping[str, Any] | None = None,
    names: Names | None = None,
    together: Iterable[str | None] = (),
) -> Arrangement:
    """Spread the networks of a sweep over the panels of a figure.

    ``datasets``: the ``landscapes``, and "summary" with test_error over the sweep's axes. ``rows`` and ``columns`` are
    axes of the sweep or of the landscapes, or "landscape" for several landscapes of the same networks. ``at`` chooses
    one value of an axis, or lists those to show of one, in their order. Seeds, and the axes ``together``, stay within a
    panel. ``names`` says how values are called. ValueError for a dataset, an axis or a value that is not there, and for
    an axis of several values that nothing is said of.
    """
    landscapes = [landscapes] if isinstance(landscapes, str) else list(landscapes)
    needed(datasets, "summary", *landscapes)
    at = at or {}
    placed = {dim for dim in (rows, columns, *together) if dim is not None}
    error = datasets["summary"][["test_error"]]
    for dim in {*placed, *at} - {*error.dims, LANDSCAPE}:  # of the landscapes' own: the error is one along it
        own = [datasets[name][dim].values for name in landscapes if dim in datasets[name].dims]
        error = error.expand_dims({dim: own[0]}) if own else error
    several = select(error, at)
    error = over(several, sorted(placed - {LANDSCAPE}))
    if len(landscapes) > 1 and LANDSCAPE not in placed:
        raise ValueError(f"several landscapes {list(landscapes)} need a place: rows or columns 'landscape'")
    # An axis of one value needs no place.
    spare = {str(dim): several[dim].values.tolist()[0] for dim in several.dims if dim not in error.dims}
    chosen = {name: select(select(datasets[name], at), spare) for name in landscapes}

    def values(dim: str | None) -> list[Any]:
        return [None] if dim is None else landscapes if dim == LANDSCAPE else error[dim].values.tolist()

    def panel(row: Any, column: Any) -> Panel:
        where = {dim: value for dim, value in ((rows, row), (columns, column)) if dim is not None}
        shown = [str(where.pop(LANDSCAPE))] if LANDSCAPE in where else landscapes
        return Panel(
            {name: select(chosen[name], where) for name in shown}, select(error, where)["test_error"]
        )

    return Arrangement(
        tuple(called(rows, value, names) for value in values(rows)),
        tuple(called(columns, value, names) for value in values(columns)),
        tuple(tuple(panel(row, column) for column in values(columns)) for row in values(rows)),
    )


def needed(datasets: Datasets, *names: str) -> xr.Dataset:
    """The first of the datasets of these ``names``; ValueError for one that is not there."""
    for name in names:
        if name not in datasets:
            raise ValueError(f"the figure needs the dataset {name!r}; there are {sorted(datasets)}")
    return datasets[names[0]]


def variable_of(datasets: Datasets, landscape: str, variable: str) -> xr.Dataset:
    """The dataset of one ``variable`` of a ``landscape``; ValueError if either is not there."""
    dataset = needed(datasets, landscape)
    if variable not in dataset:
        raise ValueError(f"{landscape!r} has no {variable!r}; it has {sorted(map(str, dataset.data_vars))}")
    return dataset[[variable]]


def require_axes(dataset: xr.Dataset, axes: Iterable[str | None]) -> None:
    """Raise ValueError for one of the ``axes`` that is not there; None is no axis."""
    for axis in axes:
        if axis not in {None, *dataset.dims}:
            raise ValueError(f"the sweep has no axis {axis!r}; it has {sorted(map(str, dataset.dims))}")


def over(dataset: xr.Dataset, axes: Collection[str]) -> xr.Dataset:
    """The ``dataset`` over ``axes``, and the seeds if it has some: others of one value disappear.

    ValueError for an axis that is not there, and for one of several values that nothing is said of.
    """
    require_axes(dataset, axes)
    left = [str(dim) for dim in dataset.dims if dim not in {*axes, SEED}]
    for dim in left:
        if dataset.sizes[dim] > 1:
            known = dataset[dim].values.tolist()
            raise ValueError(f"the figure needs one value of {dim!r}: give at.{dim} one of {known}")
    return dataset.isel(dict.fromkeys(left, 0), drop=True)


def called(dim: str | None, value: Any, names: Names | None = None) -> str:
    """What a value of an axis is called: by ``names``, else a word by itself, another value behind its axis.

    >>> called("batch_size", 128), called("skip", False, {"skip": {False: "without shortcuts"}}), called(None, None)
    ('batch size 128', 'without shortcuts', '')
    >>> called("split", "train"), called("method", "no_cycle")
    ('train', 'no cycle')
    """
    if dim is None:
        return ""
    given = dict((names or {}).get(dim, {}))
    if value in given:
        return str(given[value])
    if isinstance(value, str):
        return str(value).replace("_", " ")
    return f"{dim.replace('_', ' ')} {f'{value:g}' if isinstance(value, float) else value}"


def first_surveyed(landscape: xr.Dataset) -> xr.Dataset:
    """The network of the first seed that was surveyed, else of the first seed.

    Its loss may have left float range everywhere: one number of any variable tells that it was surveyed.
    """
    if SEED not in landscape.dims:
        return on_own_axes(landscape)
    there = [
        variable.notnull().any([dim for dim in variable.dims if dim != SEED])
        for variable in landscape.data_vars.values()
        if SEED in variable.dims
    ]
    known = np.any([part.values for part in there], axis=0)
    return on_own_axes(landscape.isel({SEED: int(known.argmax())}))


def on_own_axes(landscape: xr.Dataset) -> xr.Dataset:
    """A network's landscape on the axes that are its own, where those of several are numbered.

    >>> number = xr.Dataset({"loss": ("x", [5.0, 6.0]), "x_values": ("x", [0.1, 0.7])}, {"x": [0, 1]})
    >>> on_own_axes(number).loss.sel(x=0.7).item()
    6.0
    """
    for name in [dim for dim in landscape.dims if f"{dim}_values" in landscape]:
        own = landscape[f"{name}_values"]
        landscape = landscape.drop_vars(f"{name}_values").assign_coords({name: (name, own.values, own.attrs)})
    return landscape


def is_surveyed(landscape: xr.Dataset) -> bool:
    """Whether a landscape has a number at all: that of a network that was not surveyed is NaN throughout."""
    return any(bool(variable.notnull().any()) for variable in landscape.data_vars.values())
