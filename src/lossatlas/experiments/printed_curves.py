"""Curves that a paper printed, read off its figures, as a dataset over an experiment's axes."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from lossatlas.runs.composition.parsing import typed_value

COLUMNS = ("quantity", "epoch", "value")


def read_reference(file: Path, planned: Mapping[str, Sequence[Any]]) -> xr.Dataset:
    r"""Read a tidy table: a variable for each ``quantity``, over those axes that have a column, and ``epoch``.

    Parameters
    ----------
    file : Path
        CSV with the columns quantity, epoch and value, and one for each axis.
    planned : mapping of str to sequence
        Axis -> the values that it is swept over; none if these are not known.

    Returns
    -------
    Dataset
        (axes..., epoch); NaN where the table tells nothing.

    Raises
    ------
    ValueError
        Beginning with the file's name, for a file that is not there, a column that is missing or no axis, a value of an
        axis that is not swept, what is no number, and two rows of one place.

    Examples
    --------
    >>> import tempfile
    >>> rows = "strength,quantity,epoch,value\n1,train_loss,1,0.5\n1,train_loss,2,0.25\n10,train_loss,1,0.75\n"
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "reference.csv"
    ...     _ = file.write_text(rows)
    ...     dataset = read_reference(file, {"strength": [1, 10, 100], "seed": [0, 1]})
    >>> dataset.train_loss.dims, dataset.train_loss.sel(strength=1).values
    (('strength', 'epoch'), array([0.5 , 0.25]))
    """
    if not file.is_file():
        raise ValueError(f"{file.name}: no such file in {file.parent}")
    rows = pd.read_csv(file, dtype=str, keep_default_na=False)
    missing = [name for name in COLUMNS if name not in rows]
    if missing:
        raise ValueError(f"{file.name}: no column {missing[0]!r}; expected {', '.join(COLUMNS)} and axes")
    axes = [str(name) for name in rows if name not in COLUMNS]
    for axis in axes:
        if axis not in planned:
            raise ValueError(f"{file.name}: the column {axis!r} is no axis; these are {', '.join(planned)}")
        typed = {text: typed_value(text) for text in rows[axis].unique()}
        rows[axis] = pd.Series([typed[text] for text in rows[axis]], dtype=object)
        known = list(dict.fromkeys(planned[axis]))
        unknown = ~rows[axis].isin(known)
        if known and unknown.any():
            at = _first(unknown)
            raise ValueError(
                f"{file.name}, line {at + 2}: {axis} {rows[axis][at]!r} is not swept; it has {known}"
            )
    rows["epoch"] = _numbers(rows["epoch"], file)
    rows["value"] = _numbers(rows["value"], file).astype(float)
    places = [*axes, "quantity", "epoch"]
    if (again := rows.duplicated(places)).any():
        at = _first(again)
        place = ", ".join(f"{name} {value}" for name, value in rows[places].iloc[at].items())
        raise ValueError(f"{file.name}, line {at + 2}: a second value of {place}")
    table = rows.set_index(places)["value"].to_xarray()
    order = {axis: list(dict.fromkeys(rows[axis])) for axis in axes}
    return table.reindex(order).transpose(*axes, "quantity", "epoch").to_dataset("quantity")


def _numbers(column: "pd.Series[str]", file: Path) -> "pd.Series[float]":
    numbers = pd.to_numeric(column, errors="coerce")
    wrong = ~np.isfinite(numbers)
    if wrong.any():
        at = _first(wrong)
        raise ValueError(
            f"{file.name}, line {at + 2}: {column.name} must be a finite number, got {column[at]!r}"
        )
    return numbers


def _first(rows: "pd.Series[bool]") -> int:
    return int(rows.to_numpy().argmax())
