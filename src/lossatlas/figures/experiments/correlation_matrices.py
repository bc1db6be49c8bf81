"""How much the members of ensembles have in common, as figure 6 of Huang et al. 2017 (arXiv:1704.00109)."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from lossatlas.figures import panels
from lossatlas.figures.layout.arrangement import SEED, Datasets, Names, called, narrowed
from lossatlas.figures.layout.page import NARROWEST, captioned, page_over, unsurveyed
from lossatlas.figures.style import style

_PANEL = (2.1, 2.3)  # inches


def correlation_matrices(
    datasets: Datasets,
    *,
    columns: str,
    variable: str = "correlation",
    landscape: str = "ensemble",
    split: str = "test",
    at: Mapping[str, Any] | None = None,
    names: Names | None = None,
    caption: str = "",
) -> Figure:
    """A matrix of pairs of members for each value of the axis ``columns``, the mean over seeds, on one colour scale.

    Parameters
    ----------
    datasets : mapping of str to Dataset
        The ``landscape`` with the ``variable`` (..., seed, [split,] member, other).
    columns : str
        Axis of the sweep whose values have a panel each.
    variable : str, default "correlation"
        What the colours show.
    landscape : str, default "ensemble"
        Name of the dataset drawn, of the survey `ensemble <lossatlas.landscape.ensemble>`.
    split : str, default "test"
        Which split is drawn, where there are several.
    at : mapping of str to Any, optional
        Axis -> its value that is shown, or a list of those, in their order; None: all that there is.
    names : Names, optional
        Axis -> value -> what to call it; None: axis and value.
    caption : str, default ""
        Text under the panels, such as the verdicts; "": none.

    Returns
    -------
    matplotlib.figure.Figure
        A page.

    Raises
    ------
    ValueError
        For a dataset, a variable, an axis or a value that is not there, and for an axis of several values that nothing
        is said of.
    """
    values = _values(datasets, landscape, variable, split, at or {}, columns)
    known = panels.off_diagonal(values)
    low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)
    of_columns = values[columns].values.tolist()
    meaning = str(values.attrs.get("long_name", variable))
    with style():
        width = max(_PANEL[0] * len(of_columns) + 0.9, NARROWEST)
        page, (sheet,) = page_over(
            [_PANEL[1]], width, captioned(f"Mean over seeds of the {meaning}.", caption)
        )
        axes = sheet.subplots(1, len(of_columns), squeeze=False)[0]
        image = None
        for axis, value in zip(axes, of_columns, strict=True):
            of_column = values.sel({columns: value})
            axis.set_title(called(columns, value, names), fontweight="bold")
            there = np.flatnonzero(np.isfinite(of_column.values).any(1))
            if len(there):
                image = panels.matrix(
                    axis, of_column.isel(member=there, other=there), low=low, high=high, first=1
                )
                axis.set_xlabel("member")
            else:
                axis.set_xticks([])
                unsurveyed(axis)
        axes[0].set_ylabel("member")
        if image is not None:
            sheet.colorbar(image, ax=axes, label=variable.replace("_", " "), shrink=0.8)
    return page


def _values(
    datasets: Datasets, landscape: str, variable: str, split: str, at: Mapping[str, Any], columns: str
) -> xr.DataArray:
    """The variable over (columns, member, other)."""
    if landscape not in datasets:
        raise ValueError(f"the figure needs the dataset {landscape!r}; there are {sorted(datasets)}")
    if variable not in datasets[landscape]:
        raise ValueError(f"{landscape!r} has no {variable!r}; it has {sorted(map(str, datasets[landscape]))}")
    values = datasets[landscape][[variable]]
    values = narrowed(values, {**at, **({"split": split} if "split" in values.dims else {})})
    if columns not in values.dims:
        raise ValueError(f"the sweep has no axis {columns!r}; it has {sorted(map(str, values.dims))}")
    left = [str(dim) for dim in values.dims if dim not in {columns, SEED, "member", "other"}]
    for dim in left:
        if values.sizes[dim] > 1:
            known = values[dim].values.tolist()
            raise ValueError(f"the figure needs one value of {dim!r}: give at.{dim} one of {known}")
        values = values.isel({dim: 0}, drop=True)
    of_variable = values[variable]
    attributes = of_variable.attrs
    if SEED in of_variable.dims:
        of_variable = of_variable.mean(SEED)
    return of_variable.transpose(columns, "member", "other").assign_attrs(attributes)
