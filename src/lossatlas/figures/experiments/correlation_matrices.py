"""How much the members of ensembles have in common, as figure 6 of Huang et al. 2017 (arXiv:1704.00109)."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from lossatlas.figures import panels
from lossatlas.figures.layout.arrangement import SEED, Datasets, Names, called, over, variable_of
from lossatlas.figures.layout.page import captioned, entitle, grid_over, unsurveyed
from lossatlas.figures.style import style
from lossatlas.measures.selection import select

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
    chosen = variable_of(datasets, landscape, variable)
    meaning = str(chosen[variable].attrs.get("long_name", variable))
    chosen = select(chosen, {**(at or {}), **({"split": split} if "split" in chosen.dims else {})})
    values = over(chosen, [columns, "member", "other"])[variable]
    values = values.mean(SEED) if SEED in values.dims else values
    ends = panels.ends_of_pairs(values)
    of_columns = values[columns].values.tolist()
    with style():
        told = captioned(f"Mean over seeds of the {meaning}.", caption)
        page, sheet, ((*axes,),) = grid_over((1, len(of_columns)), _PANEL, told, margin=(0.9, 0.0))
        entitle(axes, (called(columns, value, names) for value in of_columns))
        image = None
        for axis, value in zip(axes, of_columns, strict=True):
            of_column = values.sel({columns: value}).transpose("member", "other")
            there = np.flatnonzero(np.isfinite(of_column.values).any(1))
            if len(there):
                shown = of_column.isel(member=there, other=there)
                image = panels.matrix(axis, shown, ends=ends, first=1)
                axis.set_xlabel("member")
            else:
                axis.set_xticks([])
                unsurveyed(axis)
        axes[0].set_ylabel("member")
        if image is not None:
            sheet.colorbar(image, ax=axes, label=variable.replace("_", " "), shrink=0.8)
    return page
