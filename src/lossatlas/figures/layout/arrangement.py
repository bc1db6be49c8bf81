"""Which networks of a sweep stand in which panel of a figure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

Datasets = Mapping[str, xr.Dataset]
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
    for name in ("summary", *landscapes):
        if name not in datasets:
            raise ValueError(f"the figure needs the dataset {name!r}; there are {sorted(datasets)}")
    at = at or {}
    placed = {dim for dim in (rows, columns, *together) if dim is not None}
    chosen = {name: narrowed(datasets[name], at) for name in landscapes}
    error = datasets["summary"][["test_error"]]
    for dim in {*placed, *at} - {
        *error.dims,
        LANDSCAPE,
    }:  # an axis of the landscapes' own: the error is one along it
        own = [datasets[name][dim].values for name in landscapes if dim in datasets[name].dims]
        error = error.expand_dims({dim: own[0]}) if own else error
    error = narrowed(error, at)
    _check(error["test_error"], placed, landscapes)
    # An axis of one value needs no place.
    spare = {str(dim): error[dim].values.tolist()[0] for dim in error.dims if dim not in {*placed, SEED}}
    chosen = {name: narrowed(dataset, spare) for name, dataset in chosen.items()}
    error = narrowed(error, spare)

    def values(dim: str | None) -> list[Any]:
        return [None] if dim is None else landscapes if dim == LANDSCAPE else error[dim].values.tolist()

    def panel(row: Any, column: Any) -> Panel:
        where = {dim: value for dim, value in ((rows, row), (columns, column)) if dim is not None}
        shown = [str(where.pop(LANDSCAPE))] if LANDSCAPE in where else landscapes
        return Panel(
            {name: narrowed(chosen[name], where) for name in shown}, narrowed(error, where)["test_error"]
        )

    return Arrangement(
        tuple(called(rows, value, names) for value in values(rows)),
        tuple(called(columns, value, names) for value in values(columns)),
        tuple(tuple(panel(row, column) for column in values(columns)) for row in values(rows)),
    )


def _check(error: xr.DataArray, placed: set[str], landscapes: Sequence[str]) -> None:
    axes = [str(dim) for dim in error.dims]
    unknown = sorted(dim for dim in placed - {LANDSCAPE} if dim not in axes)
    if unknown:
        raise ValueError(f"the sweep has no axis {unknown[0]!r}; it has {axes}")
    left = [dim for dim in axes if dim not in {*placed, SEED} and error.sizes[dim] > 1]
    if left:
        known = error[left[0]].values.tolist()
        raise ValueError(f"the figure needs one value of {left[0]!r}: give at.{left[0]} one of {known}")
    if len(landscapes) > 1 and LANDSCAPE not in placed:
        raise ValueError(f"several landscapes {list(landscapes)} need a place: rows or columns 'landscape'")


def narrowed(dataset: xr.Dataset, at: Mapping[str, Any]) -> xr.Dataset:
    """The part of ``dataset`` at one value of a dimension, which then disappears, or at listed ones, in their order.

    >>> sweep = xr.Dataset({"error": ("depth", [1.0, 2.0, 3.0])}, {"depth": [20, 56, 110]})
    >>> narrowed(sweep, {"depth": [110, 20]}).error.values, narrowed(sweep, {"depth": 56}).error.item()
    (array([3., 1.]), 2.0)
    """
    for dim, wanted in at.items():
        if isinstance(wanted, Sequence) and not isinstance(wanted, str):
            dataset = dataset.isel({dim: [_position(dataset, dim, value) for value in wanted]})
        else:
            dataset = dataset.isel({dim: _position(dataset, dim, wanted)}, drop=True)
    return dataset


def _position(dataset: xr.Dataset, dim: str, wanted: Any) -> int:
    if dim not in dataset.dims:
        raise ValueError(f"the sweep has no axis {dim!r}; it has {sorted(map(str, dataset.dims))}")
    known = dataset[dim].values.tolist()
    for position, value in enumerate(known):
        if value == wanted or _same_number(value, wanted):
            return position
    raise ValueError(f"no {dim} {wanted!r} in the sweep; it has {known}")


def _same_number(one: Any, other: Any) -> bool:
    """Whether two numbers, one of them with a fraction, are the same but for rounding."""
    if not isinstance(one, float) or not isinstance(other, int | float):
        return False
    return bool(np.isclose(one, other, rtol=1e-9, atol=0))


def called(dim: str | None, value: Any, names: Names | None = None) -> str:
    """What a value of an axis is called: by ``names``, else the axis and the value.

    >>> called("batch_size", 128), called("skip", False, {"skip": {False: "without shortcuts"}}), called(None, None)
    ('batch size 128', 'without shortcuts', '')
    """
    if dim is None:
        return ""
    given = dict((names or {}).get(dim, {}))
    if value in given:
        return str(given[value])
    if dim == LANDSCAPE:
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
