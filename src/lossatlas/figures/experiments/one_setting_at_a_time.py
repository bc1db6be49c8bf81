"""Measures against one setting after the other, each varied around the same centre."""

from collections.abc import Mapping
from typing import Any

from matplotlib.figure import Figure

from lossatlas.figures.experiments.trends import height_of_words, seeds_along, told_of
from lossatlas.figures.layout.arrangement import Datasets, Names
from lossatlas.figures.layout.page import captioned, colored, grid_over, share_row
from lossatlas.figures.layout.values import axis_label, measured_values
from lossatlas.figures.style import style
from lossatlas.measures import Measure

_PANEL = (2.5, 2.1)  # inches


def one_setting_at_a_time(
    datasets: Datasets,
    *,
    measures: Mapping[str, Measure],
    settings: Mapping[str, Mapping[str, Any]],
    names: Names | None = None,
    caption: str = "",
) -> Figure:
    """A row of panels for each of the ``measures``, by the label of its vertical axis, and a column for each setting.

    A dot a seed, a line at their median; panels of a row have one vertical scale.

    Parameters
    ----------
    datasets : mapping of str to Dataset
        What the measures read.
    measures : mapping of str to Measure
        Label -> function, whose arguments name datasets, to an array over the sweep's axes.
    settings : mapping of str to mapping
        For each axis across what the figure is at there: the values of the other axes, and those of its own that are
        drawn.
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
        Without a measure or a setting, and for an axis or a value that is not there, and for an axis of several values
        that nothing is said of.
    """
    if not measures or not settings:
        raise ValueError("the figure needs a measure and a setting to draw")
    drawn = {
        (label, along): measured_values(datasets, measure, at, [along])
        for label, measure in measures.items()
        for along, at in settings.items()
    }
    first = next(iter(settings))
    told = told_of({label: drawn[label, first] for label in measures}, first)
    with style():
        shape = len(measures), len(settings)
        words = max(
            height_of_words(drawn[label, along][along].values.tolist(), along, names)
            for label, along in drawn
        )
        size = _PANEL[0], _PANEL[1] + words
        page, _, axes = grid_over(shape, size, captioned(told, caption), margin=(0.4, 0.0))
        for row, label in zip(axes, measures, strict=True):
            for axis, along in zip(row, settings, strict=True):
                values = drawn[label, along]
                seeds_along(axis, values, along, colored(values, None, {}), names)
                axis.set_ylabel(axis_label(values["value"], label) if axis is row[0] else "")
            share_row(row)
    return page
