"""Collecting the finished runs of a sweep in datasets over the sweep's axes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
import xarray as xr

from lossatlas.landscape.shapes.grid import OWN
from lossatlas.runs.composition.job import Job
from lossatlas.runs.composition.overrides import key_of
from lossatlas.runs.resolve import with_places
from lossatlas.runs.store.fingerprint import landscape_path
from lossatlas.runs.store.landscape_files import open_landscape
from lossatlas.runs.store.lookup import named_run
from lossatlas.runs.store.store import Run, Store, StoreError

Coordinates = dict[str, Any]


@dataclass(frozen=True)
class Cell:
    """One job's place in a sweep, and the files that it was to give.

    Parameters
    ----------
    coordinates : dict
        Axis -> its value.
    run : Run
        The job's, finished or not.
    landscapes : dict of str to Path
        Name -> file, whether or not it is there yet.
    """

    coordinates: Coordinates
    run: Run
    landscapes: dict[str, Path]

    def load(self, name: str) -> xr.Dataset | None:
        """Load a landscape; None if it is not there, damaged, or another's."""
        try:
            return open_landscape(self.landscapes[name], self.run.fingerprint)
        except (FileNotFoundError, StoreError):
            return None

    @cached_property
    def missing(self) -> list[str]:
        """What was yet to be computed when first asked for: the run, or names of landscapes."""
        if not self.run.is_finished():
            return ["run", *self.landscapes]
        return [name for name in self.landscapes if self.load(name) is None]

    @property
    def has_diverged(self) -> bool:
        """Whether its training left float range, as it would again: its place stays a gap."""
        manifest = self.run.manifest()
        return manifest is not None and manifest.status == "failed"


def locate(
    jobs: Sequence[Job], axes: Mapping[str, str], other_job: Callable[[Job, Sequence[str]], Job]
) -> list[Cell]:
    """Find the cells of an experiment's sweeps in the store, computing nothing.

    Jobs of one run in one place, which sweeps with different landscapes give, make one cell.

    Parameters
    ----------
    jobs : sequence of Job
        Of all sweeps.
    axes : mapping of str to str
        Dimension -> the override that it is swept by.
    other_job : Callable
        Function of a job and overrides to the job that a landscape names by these.

    Returns
    -------
    list of Cell
        In the order of the jobs; one for each, without axes.

    Raises
    ------
    ValueError
        For an axis that the jobs do not set, and for two runs, or landscapes of one name, in one place.
    """
    if not axes:
        return [_cell(job, axes, other_job) for job in jobs]
    cells: dict[tuple[Any, ...], Cell] = {}
    for job in jobs:
        cell = _cell(job, axes, other_job)
        place = tuple(cell.coordinates.values())
        cells[place] = _merged(cells[place], cell) if place in cells else cell
    return list(cells.values())


def _merged(one: Cell, other: Cell) -> Cell:
    place = ", ".join(f"{axis} {value}" for axis, value in one.coordinates.items())
    if one.run.fingerprint != other.run.fingerprint:
        raise ValueError(f"experiment.axes: two different runs have {place}; an axis must tell them apart")
    for name in one.landscapes.keys() & other.landscapes.keys():
        if one.landscapes[name] != other.landscapes[name]:
            raise ValueError(f"landscape.{name}: two sweeps survey {place} with different settings")
    return Cell(one.coordinates, one.run, one.landscapes | other.landscapes)


def _cell(job: Job, axes: Mapping[str, str], other_job: Callable[[Job, Sequence[str]], Job]) -> Cell:
    store = Store(job.config["paths"]["runs"])
    run = store.run(job.fingerprint)

    def other_run(value: Any) -> Run:
        return named_run(
            value, job.config, lambda overrides: store.run(other_job(job, overrides).fingerprint)
        )

    paths = {
        name: landscape_path(run, name, with_places(node, job.config), other_run)
        for name, node in job.config["landscape"].items()
    }
    return Cell(
        {dimension: _override(job, key) for dimension, key in axes.items()},
        run,
        {name: path for name, path in paths.items() if path is not None},
    )


def _override(job: Job, key: str) -> Any:
    if key_of(key) not in job.overrides.keys:
        raise ValueError(f"the sweep does not set {key}, which experiment.axes names")
    return job.overrides.value(key)


def collect(
    cells: Sequence[Cell], planned: Mapping[str, Sequence[Any]] | None = None
) -> dict[str, xr.Dataset]:
    """Datasets over the sweep's axes: "history", "summary", and one for each landscape.

    All have all cells of the sweep; where a run is not finished, or was not surveyed, they are NaN.

    Parameters
    ----------
    cells : sequence of Cell
        All of the sweeps.
    planned : mapping of str to sequence, optional
        Axis -> values that it has beside those swept; None: no others.

    Returns
    -------
    dict of str to Dataset
        Empty if no run is finished.
    """
    finished = [cell for cell in cells if "run" not in cell.missing]
    if not finished:
        return {}
    axes = {
        name: _ordered([*(cell.coordinates[name] for cell in cells), *(planned or {}).get(name, ())])
        for name in cells[0].coordinates
    }
    parts: dict[str, list[tuple[Coordinates, xr.Dataset]]] = {"history": [], "summary": []}
    for cell in finished:
        parts["history"].append((cell.coordinates, _history(cell.run)))
        parts["summary"].append((cell.coordinates, _summary(cell.run)))
        for name in cell.landscapes:
            if (dataset := cell.load(name)) is not None:
                parts.setdefault(name, []).append((cell.coordinates, dataset))
    return {name: combine(of_name).reindex(axes) for name, of_name in parts.items()}


def _ordered(values: Sequence[Any]) -> list[Any]:
    """Distinct values: numbers ascending, words as the sweep has them."""
    distinct = list(dict.fromkeys(values))
    return distinct if any(isinstance(value, str) for value in distinct) else sorted(distinct)


def _history(run: Run) -> xr.Dataset:
    """Rows by epoch. netCDF takes no "/", which parts a quantity from the layer that it is of: it becomes ":"."""
    return run.history().rename(columns=lambda name: name.replace("/", ":")).to_xarray()


def _summary(run: Run) -> xr.Dataset:
    manifest = run.manifest()
    assert manifest is not None
    return xr.Dataset({name: ((), value) for name, value in manifest.metrics.items()})


def numbered(dataset: xr.Dataset) -> xr.Dataset:
    """``dataset`` with numbers along axes that are of this network alone, and their values in ``<axis>_values``.

    So those of several networks, none of which has a value in common with another, lie over the same axis.

    Parameters
    ----------
    dataset : Dataset
        Landscape of one network.

    Returns
    -------
    Dataset
        The same if it has no such axis.

    Examples
    --------
    >>> x = xr.Variable("x", [0.1, 0.7], {OWN: 1})
    >>> numbered(xr.Dataset({"loss": ("x", [5.0, 6.0])}, {"x": x}))["x_values"].to_series().to_dict()
    {0: 0.1, 1: 0.7}
    """
    for name in [str(name) for name in dataset.dims if OWN in dataset[name].attrs]:
        values = dataset[name].variable
        number = xr.Variable(name, range(len(values)), {"long_name": f"number of the {name}", "units": "1"})
        dataset = dataset.assign_coords({name: number}).assign({f"{name}_values": values})
    return dataset


def combine(parts: Sequence[tuple[Coordinates, xr.Dataset]]) -> xr.Dataset:
    """Join datasets along new dimensions, one for each coordinate; cells that no part fills are NaN.

    Axes that are of each network alone, such as those of a trajectory's plane, are numbered; see `numbered`.

    Parameters
    ----------
    parts : sequence of (dict, Dataset)
        Value of each coordinate, and the dataset there.

    Returns
    -------
    Dataset
        (coordinates..., own dimensions...).

    Examples
    --------
    >>> parts = [({"a": a, "seed": s}, xr.Dataset({"x": 10 * a + s})) for a, s in [(1, 0), (1, 1), (2, 0)]]
    >>> combine(parts).x.values
    array([[10., 11.],
           [20., nan]])
    """
    names = list(parts[0][0])
    index = pd.MultiIndex.from_tuples(
        [tuple(coordinates[n] for n in names) for coordinates, _ in parts], names=names
    )
    joined = xr.concat(
        [numbered(dataset) for _, dataset in parts], dim="cell", combine_attrs="drop_conflicts", join="outer"
    )
    joined = joined.assign_coords(xr.Coordinates.from_pandas_multiindex(index, "cell")).unstack("cell")
    return joined.transpose(*names, ...)
