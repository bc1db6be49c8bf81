"""The pictures of a comparison: curves of training, landscapes along lines, and surfaces."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from lossatlas.comparison.comparison import Comparison
from lossatlas.comparison.numbers import REPLICATES, SPLIT
from lossatlas.comparison.side import place_of
from lossatlas.figures import comparison as drawing
from lossatlas.landscape.shapes.grid import OWN

_FIRST = ("train_loss", "validation_loss", "test_loss", "train_error", "validation_error", "test_error")
_MOST_CURVES = 8  # panels of one page
_RUN = "run"
_LOSSES = ("loss", "error")


@dataclass(frozen=True)
class Picture:
    """A picture of a comparison.

    Parameters
    ----------
    name : str
        Short, for files and anchors.
    title, caption : str
        What it shows, and how it is to be read.
    figure : matplotlib.figure.Figure
        The picture.
    """

    name: str
    title: str
    caption: str
    figure: Figure


def pictures(comparison: Comparison) -> list[Picture]:
    """All pictures of a comparison: of training, then of each landscape that two sides have or more."""
    training = _of_training(comparison)
    names = dict.fromkeys(name for of_run in comparison.landscapes.values() for name in of_run)
    of_landscapes = [
        picture
        for name in names
        for picture in (_along_a_line(comparison, name), _over_a_plane(comparison, name))
    ]
    return [picture for picture in (training, *of_landscapes) if picture is not None]


def _of_training(comparison: Comparison) -> Picture | None:
    histories = comparison.histories
    columns = dict.fromkeys(column for table in histories.values() for column in table.columns)
    drawn = [name for name in columns if name != "step" and "/" not in name]
    ordered = [*(name for name in _FIRST if name in drawn), *(name for name in drawn if name not in _FIRST)]
    by_panel = {}
    for column in ordered:
        groups = _by_side(
            comparison,
            {
                name: table[column].rename_axis("epoch").to_xarray()
                for name, table in histories.items()
                if column in table and np.isfinite(table[column]).sum() > 1
            },
        )
        if groups and not _are_one_constant(groups):
            by_panel[column.replace("_", " ")] = groups
    by_panel = dict(list(by_panel.items())[:_MOST_CURVES])
    if not by_panel:
        return None
    rest = (
        f" The first {_MOST_CURVES} columns of history.csv that differ."
        if len(by_panel) == _MOST_CURVES
        else ""
    )
    return Picture(
        "training",
        "Training",
        f"By epoch: median over the runs of each side, and their range.{rest}",
        drawing.curves(by_panel, "epoch"),
    )


def _are_one_constant(groups: drawing.Group) -> bool:
    """Whether there is but one value, such as that of a constant rate: nothing is to be seen of it."""
    values = np.concatenate([values.values.ravel() for values in groups.values()])
    return len(np.unique(values[np.isfinite(values)])) < 2


def _along_a_line(comparison: Comparison, name: str) -> Picture | None:
    """The landscape ``name`` of all sides, if its values lie along one dimension of numbers."""
    found = {run: of_run[name] for run, of_run in comparison.landscapes.items() if name in of_run}
    along = next(filter(None, map(_line_of, found.values())), None)
    if along is None:
        return None
    by_panel: dict[str, drawing.Group] = {}
    for variable in _LOSSES:
        for split in dict.fromkeys(split for dataset in found.values() for split in _splits(dataset)):
            values = {
                run: _on_a_line(dataset[variable].sel({SPLIT: split}), along)
                for run, dataset in found.items()
                if variable in dataset and _line_of(dataset) == along and split in _splits(dataset)
            }
            if groups := _by_side(comparison, values):
                by_panel[f"{split} {variable}"] = groups
    if not by_panel or max(map(len, by_panel.values())) < 2:
        return None
    told = "median over the runs of each side and their directions, and the range over the runs"
    return Picture(
        name,
        name.replace("_", " "),
        f"Along {along.replace('_', ' ')}: {told}; all on one scale.",
        drawing.curves(by_panel, along, are_losses=True),
    )


def _line_of(dataset: xr.Dataset) -> str | None:
    """The dimension that losses lie along; None if they do not lie along one, or if it is each network's own."""
    if "loss" not in dataset or SPLIT not in dataset["loss"].dims:
        return None
    own = [str(dim) for dim in dataset["loss"].dims if dim not in (SPLIT, *REPLICATES)]
    if len(own) != 1 or own[0] not in dataset.coords or OWN in dataset[own[0]].attrs:
        return None
    return own[0] if dataset[own[0]].dtype.kind in "fi" else None


def _on_a_line(values: xr.DataArray, along: str) -> xr.DataArray:
    """The median of a network over its repetitions."""
    return values.median([dim for dim in values.dims if dim != along], skipna=False).drop_vars(SPLIT)


def _splits(dataset: xr.Dataset) -> list[str]:
    return dataset[SPLIT].values.tolist() if SPLIT in dataset.coords else []


def _over_a_plane(comparison: Comparison, name: str) -> Picture | None:
    """Contours of the landscape ``name`` of the first run of each side that has it."""
    shown = planes(comparison, name)
    if len(shown) < 2:
        return None
    first, *others = map(_splits, shown.values())
    splits = [split for split in first if all(split in other for other in others)]
    if not splits:
        return None
    split = "train" if "train" in splits else splits[0]
    figure, levels = drawing.surfaces(shown, split)
    told = f"The first run of each side that has it; {levels}, the same in all panels."
    return Picture(name, name.replace("_", " "), told, figure)


def planes(comparison: Comparison, name: str) -> dict[str, xr.Dataset]:
    """The landscape ``name``, of losses over a plane, of the first run of each side that has it."""
    found = {}
    for side in comparison.sides:
        of_runs = (comparison.landscapes[place_of(entry)].get(name) for entry in side.runs)
        over = [dataset for dataset in of_runs if dataset is not None and _is_a_plane(dataset)]
        if over:
            found[side.label] = over[0]
    return found


def _is_a_plane(dataset: xr.Dataset) -> bool:
    return "loss" in dataset and set(dataset["loss"].dims) == {SPLIT, "y", "x"}


def _by_side(comparison: Comparison, values: Mapping[str, xr.DataArray]) -> dict[str, xr.DataArray]:
    """Values of runs by their side, (run, along); sides without any are left out."""
    found = {}
    for side in comparison.sides:
        known = [values[place_of(entry)] for entry in side.runs if place_of(entry) in values]
        if known:
            found[side.label] = xr.concat(known, _RUN, join="outer", coords="minimal", compat="override")
    return found
