"""Landscapes as tables of comma-separated values, one row a point."""

from collections.abc import Hashable
from math import prod
from pathlib import Path

import pandas as pd
import xarray as xr

from lossatlas.files import replacing


def to_csv(dataset: xr.Dataset, path: str | Path) -> list[Path]:
    """Write the `tables` of a landscape, the first to ``path``, another to ``<stem>-<its name>``.

    Numbers are written so that they are read back to the last bit; what is missing is left empty. Returns the files.

    >>> from tempfile import TemporaryDirectory
    >>> line = xr.Dataset({"loss": ("alpha", [0.5, 0.1])}, {"alpha": [-1.0, 1.0]})
    >>> with TemporaryDirectory() as folder:
    ...     (path,) = to_csv(line, f"{folder}/line.csv")
    ...     print(path.read_text(), end="")
    alpha,loss
    -1.0,0.5
    1.0,0.1
    """
    path = Path(path)
    first, *others = tables(dataset).items()
    named = [(path, first[1]), *((path.with_stem(f"{path.stem}-{name}"), table) for name, table in others)]
    for target, table in named:
        with replacing(target) as temporary:
            table.to_csv(temporary, index=False)
    return [target for target, _ in named]


def tables(dataset: xr.Dataset) -> dict[str, pd.DataFrame]:
    """Tables that hold all of ``dataset``, by the names of their dimensions; that of most rows comes first.

    A row is a combination of the dimensions' coordinates. The first table also has the variables over some of its
    dimensions, repeated. What lies over others, such as the snapshots of a trajectory, has a table of its own.

    >>> dataset = xr.Dataset({"loss": ("x", [1.0, 2.0, 3.0]), "scale": 9.0, "norm": ("layer", [4.0, 5.0])})
    >>> for name, table in tables(dataset).items():
    ...     print(name, list(table.columns), len(table))
    x ['x', 'loss', 'scale'] 3
    layer ['layer', 'norm'] 2
    """
    names: dict[tuple[Hashable, ...], list[Hashable]] = {}
    first = max(
        (values.dims for values in dataset.data_vars.values()), key=lambda d: _rows(dataset, d), default=()
    )
    for name, values in dataset.data_vars.items():
        within = set(values.dims) <= set(first)
        names.setdefault(first if within else values.dims, []).append(name)
    by_size = sorted(names, key=lambda dims: _rows(dataset, dims), reverse=True)
    return {"-".join(map(str, dims)) or "values": _table(dataset[names[dims]], dims) for dims in by_size}


def _rows(dataset: xr.Dataset, dims: tuple[Hashable, ...]) -> int:
    return prod(dataset.sizes[dim] for dim in dims)


def _table(dataset: xr.Dataset, dims: tuple[Hashable, ...]) -> pd.DataFrame:
    if not dims:
        return pd.DataFrame({str(name): [values.values.item()] for name, values in dataset.variables.items()})
    return dataset.to_dataframe(dim_order=list(dims)).reset_index()
