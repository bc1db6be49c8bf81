"""Panels of the path of training in a plane."""

from collections.abc import Sequence

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from lossatlas.figures import style
from lossatlas.figures.panels.planes import aside, beside, direction_labels, hide_levels_under

_MARKED_SNAPSHOTS = 5  # that carry their number where no epochs are marked
_ALONG = 8  # places for each snapshot, at which a path is held against what it would be drawn over
_CLOSE = 0.08  # of a panel's size: marks that share a label


def path(axis: Axes, landscape: xr.Dataset, *, drops: Sequence[float] = ()) -> None:
    """The projected path of a trajectory over its plane, axes labelled with the variance that each component explains.

    ``landscape``: path_x, path_y (snapshot,) and explained_variance_ratio (component,). ``drops`` are the epochs at
    which the rate fell, marked where the path was then, between two snapshots too; epochs beyond the path are left out.
    Without them a few snapshots carry their number. The axes have scales of their own: most of the variance is that of
    the first component.
    """
    landscape = landscape.dropna("snapshot", subset=["path_x", "path_y"])
    x, y = landscape["path_x"].values, landscape["path_y"].values
    if "along" in landscape.attrs:
        axis.set(**direction_labels(landscape))
    else:
        shares = 100 * landscape["explained_variance_ratio"].values
        axis.set_xlabel(f"1st component: {shares[0]:.1f} % of the variance")
        axis.set_ylabel(f"2nd component: {shares[1]:.1f} %")
    axis.plot(x, y, "o-", color=style.ERROR, markersize=2.5, linewidth=0.9, zorder=3)
    steps = np.linspace(0, len(x) - 1, _ALONG * len(x))
    along = [np.interp(steps, np.arange(len(x)), values) for values in (x, y)]
    hide_levels_under(axis, np.column_stack(along))
    epochs = landscape["snapshot"].values if "snapshot" in landscape.coords else np.arange(len(x))
    if len(drops):
        _mark_drops(axis, [drop for drop in drops if epochs[0] <= drop <= epochs[-1]], epochs, x, y)
        return
    marked = np.unique(np.linspace(0, len(x) - 1, _MARKED_SNAPSHOTS).round().astype(int))
    for group in _close(np.column_stack([x, y])[marked] / _size(axis)):
        first = marked[group[0]]
        beside(axis, ", ".join(f"{epochs[marked[k]]}" for k in group), x[first], y[first])


def _mark_drops(axis: Axes, drops: Sequence[float], epochs: np.ndarray, x: np.ndarray, y: np.ndarray) -> None:
    at_x, at_y = (np.interp(drops, epochs, values) for values in (x, y))
    axis.plot(at_x, at_y, "D", color=style.DROP, markersize=4.5, markeredgecolor="white", zorder=4)
    taken = np.column_stack([x, y])
    for group in _close(np.column_stack([at_x, at_y]) / _size(axis)):
        text = ", ".join(f"{drops[k]:g}" for k in group)
        taken = np.vstack([taken, aside(axis, text, (at_x[group[0]], at_y[group[0]]), taken)])


def _size(axis: Axes) -> np.ndarray:
    """Width and height of a panel in its units, (2,)."""
    return np.array([np.ptp(axis.get_xlim()), np.ptp(axis.get_ylim())])


def _close(places: np.ndarray) -> list[list[int]]:
    """Numbers of successive ``places`` (n, 2) that are too close to carry a label each.

    >>> _close(np.array([[0.0, 0.0], [0.5, 0.0], [0.51, 0.0]]))
    [[0], [1, 2]]
    """
    groups: list[list[int]] = []
    for number, place in enumerate(places):
        if groups and np.hypot(*(place - places[groups[-1][0]])) < _CLOSE:
            groups[-1].append(number)
        else:
            groups.append([number])
    return groups
