"""A layout in which no text is longer than what it belongs to: labels are folded, words on an axis turned."""

import textwrap
from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.backend_bases import RendererBase
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.text import Text
from matplotlib.ticker import FixedLocator, NullLocator

FOLDED = "folded"  # gid of other text that is to be no longer than its panel
_ROOM = 1.06  # of a panel's side, for what stands beside it: panels do not touch
_SHORTEST = 6  # letters of a line
_AIR = 1.25  # distance of two turned labels, in heights of a letter
_ROUNDS = 3  # folded labels leave other sizes to the panels, which may fold others


class FittingLayout(ConstrainedLayoutEngine):
    """Constrained layout after which labels and titles are folded to the side of their panel.

    matplotlib's own makes room for the height of a title and a label, not for their length.
    """

    def execute(self, fig: Figure) -> None:
        """Lay ``fig`` out, fold what is too long, and lay it out anew."""
        super().execute(fig)
        renderer = fig._get_renderer()  # type: ignore[attr-defined]
        for _ in range(_ROUNDS):
            changed = [_fit(axis, renderer) for axis in fig.axes if axis.get_visible()]
            if not any(changed):
                return
            super().execute(fig)


def _fit(axis: Axes, renderer: RendererBase) -> bool:
    """Fold the text of a panel; whether anything has changed."""
    box = axis.get_window_extent(renderer)
    changed = False
    if axis.name != "3d":
        changed |= _turn(axis.xaxis, box.width, renderer)
        changed |= _fold(axis.xaxis.label, box.width, renderer)
        changed |= _fold(axis.yaxis.label, box.height, renderer)
    titles = [axis.title, axis._left_title, axis._right_title]  # type: ignore[attr-defined]
    for title in titles:
        changed |= _fold(title, box.width, renderer)
    for text in axis.texts:
        if text.get_gid() == FOLDED:
            upright = text.get_rotation() % 180 == 90
            changed |= _fold(text, box.height if upright else box.width, renderer)
    return changed


def _fold(text: Text, room: float, renderer: RendererBase) -> bool:
    """Fold the lines of a text that are longer than ``room``, in pixels."""
    words = text.get_text()
    if not words or not text.get_visible():
        return False
    box = text.get_window_extent(renderer)
    upright = text.get_rotation() % 180 == 90
    long = (box.height if upright else box.width) / (_ROOM * room)
    lines = words.split("\n")
    if long <= 1:
        return False
    letters = max(_SHORTEST, int(max(map(len, lines)) / long))
    folded = "\n".join(_folded(line, letters) for line in lines)
    if folded == words:
        return False
    text.set_text(folded)
    return True


def _folded(line: str, letters: int) -> str:
    r"""A line in several, formulas as they are.

    >>> _folded("distance of two", 12), _folded("$a / b$ of all that there are", 9)
    ('distance\nof two', '$a / b$ of all that there are')
    """
    if "$" in line or len(line) <= letters:
        return line
    lines = _wrapped(line, letters)
    while letters > _SHORTEST and len(narrower := _wrapped(line, letters - 1)) == len(lines):
        lines, letters = narrower, letters - 1  # no single word on the last
    return "\n".join(lines)


def _wrapped(line: str, letters: int) -> list[str]:
    return textwrap.wrap(line, letters, break_long_words=False, break_on_hyphens=False)


def _turn(axis: Axis, room: float, renderer: RendererBase) -> bool:
    """Turn the words on a horizontal axis as far as they need not to stand on each other."""
    labels = [label for label in axis.get_ticklabels() if label.get_text() and label.get_visible()]
    if len(labels) < 2 or not isinstance(axis.get_major_locator(), FixedLocator) or labels[0].get_rotation():
        return False
    if isinstance(axis.get_major_locator(), NullLocator):
        return False
    boxes = [label.get_window_extent(renderer) for label in labels]
    if all(left.x1 + 2 < right.x0 for left, right in pairwise(boxes)):
        return False
    apart = min(abs(right.x0 + right.x1 - left.x0 - left.x1) / 2 for left, right in pairwise(boxes))
    needed = min(1.0, _AIR * max(box.height for box in boxes) / max(apart, 1e-6))
    turned: dict[str, Any] = {"rotation": max(30.0, float(np.degrees(np.arcsin(needed))))}
    for label in labels:
        label.set(
            **turned, ha="right", va="top" if turned["rotation"] < 80 else "center", rotation_mode="anchor"
        )
    return True
