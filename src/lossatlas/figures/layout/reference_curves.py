"""What a figure shows beside the reproduced curves: those that the paper printed, and places along the axis."""

from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import Any

import xarray as xr
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from lossatlas.figures.layout.arrangement import Datasets
from lossatlas.figures.layout.values import measured_values
from lossatlas.figures.style import ink
from lossatlas.measures import Measure, measured

_REFERENCE = "reference"  # the dataset of what the paper printed
TOLD = "Dashed: as printed, one curve each, read off the paper's figure."

_DASHES: dict[str, Any] = {"linestyle": (0, (3.5, 1.6)), "linewidth": 0.9}
_MARKS = (
    (0, (1, 1.5)),
    (0, (4, 1.5, 1, 1.5)),
    (0, (6, 2)),
)  # dashes of the vertical lines, one for each kind


def printed(
    datasets: Datasets,
    reference: Measure | Mapping[str, Measure] | None,
    drawn: Mapping[str, xr.DataArray],
    at: Mapping[str, Any],
    axes: Sequence[str],
) -> dict[str, xr.DataArray]:
    """The printed curves that go with the ``drawn`` ones, by their label: on the same ``axes``, NaN where unknown.

    One measure as ``reference`` goes with the first that is drawn. The first of the ``axes`` is the one across. Empty
    where no dataset is named "reference", or where it tells nothing of what is drawn. ValueError for a label that is
    not drawn, and for an axis that the reference does not have.
    """
    if reference is None or _REFERENCE not in datasets:
        return {}
    chosen = reference if isinstance(reference, Mapping) else {next(iter(drawn)): reference}
    found = {}
    for label, measure in chosen.items():
        if label not in drawn:
            raise ValueError(
                f"reference: no measure is called {label!r}; the figure draws {', '.join(map(repr, drawn))}"
            )
        values = _printed(datasets, measure, drawn[label], at, axes)
        if bool(values.notnull().any()):
            found[label] = values
    return found


def _printed(
    datasets: Datasets, measure: Measure, drawn: xr.DataArray, at: Mapping[str, Any], axes: Sequence[str]
) -> xr.DataArray:
    values = measured(measure, datasets)
    wanted = {dim: _listed(places) for dim, places in at.items() if dim in values.dims}
    known = measured_values(datasets, lambda: values.reindex(wanted), at, axes)["value"]
    _, *groups = axes  # along the first a printed curve has places of its own
    return known.reindex({dim: drawn[dim].values for dim in groups})


def _listed(places: Any) -> list[Any]:
    return list(places) if isinstance(places, Sequence) and not isinstance(places, str) else [places]


def dashed(axis: Axes, values: xr.DataArray, along: str, *, color: str) -> None:
    """One printed curve, thin and dashed. ``values``: (``along``)."""
    axis.plot(values[along].values, values.values, color=color, zorder=1.5, **_DASHES)


def vertical_marks(axis: Axes, marks: Mapping[str, Sequence[float]]) -> None:
    """A thin vertical line at each place."""
    for places, dashes in zip(marks.values(), cycle(_MARKS), strict=False):
        for place in places:
            axis.axvline(place, color=ink(0.55), linewidth=0.8, linestyle=dashes, zorder=0.5)


def key(shown: Mapping[str, xr.DataArray], marks: Mapping[str, Sequence[float]]) -> list[Line2D]:
    """What a legend says of the printed curves that are ``shown``, and of the ``marks``."""
    curves = [Line2D([], [], color=ink(0.65), label="as printed", **_DASHES)] if shown else []
    lines = [
        Line2D([], [], color=ink(0.55), linewidth=0.8, linestyle=dashes, label=what)
        for what, dashes in zip(marks, cycle(_MARKS), strict=False)
    ]
    return [*curves, *lines]
