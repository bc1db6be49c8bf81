"""What tests read off a drawn page."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import QuadMesh
from matplotlib.contour import QuadContourSet
from matplotlib.figure import Figure
from matplotlib.text import Text


def panels_of(page: Figure) -> list[Axes]:
    """The panels, without colour bars."""
    return [axis for axis in page.axes if axis.get_label() != "<colorbar>"]


def lines_of(axis: Axes) -> QuadContourSet:
    """The contours of a panel."""
    (found,) = [part for part in axis.collections if isinstance(part, QuadContourSet)]
    return found


def meshes_of(axis: Axes) -> list[QuadMesh]:
    return [part for part in axis.collections if isinstance(part, QuadMesh)]


def words(artist: Any) -> list[str]:
    """All text on a panel or a page."""
    return [text.get_text() for text in artist.findobj(Text) if text.get_text()]


def texts(axis: Axes) -> list[str]:
    """Words and numbers written into a panel."""
    return [text.get_text() for text in axis.texts]


def points(axis: Axes, color: str) -> np.ndarray:
    """Coordinates of the line of that colour, (n, 2)."""
    (line,) = [line for line in axis.lines if line.get_color() == color]
    return np.column_stack([np.asarray(line.get_xdata()), np.asarray(line.get_ydata())])


def assert_nothing_overlaps(page: Figure, panels: Sequence[Axes] | None = None) -> None:
    """All that is drawn lies within the page, and the panels with their labels do not touch."""
    canvas = FigureCanvasAgg(page)
    canvas.draw()
    renderer = canvas.get_renderer()
    drawn, (width, height) = page.get_tightbbox(renderer), page.get_size_inches()
    assert min(drawn.x0, drawn.y0) >= -1e-9
    assert drawn.x1 <= width + 1e-9
    assert drawn.y1 <= height + 1e-9
    boxes = [axis.get_tightbbox(renderer) for axis in panels or panels_of(page)]
    for i, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[i + 1 :])


def drawn_bytes(page: Figure) -> bytes:
    """The page as pixels."""
    canvas = FigureCanvasAgg(page)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba()).tobytes()


@dataclass(frozen=True)
class Drawn:
    """A text where it was drawn, in pixels: its middle, its sides, and the angle by which it is turned."""

    words: str
    middle: np.ndarray  # (2,)
    sides: np.ndarray  # (2,) width and height
    angle: float  # radians

    @property
    def corners(self) -> np.ndarray:
        """(4, 2)"""
        half = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * self.sides / 2
        turn = np.array([[np.cos(self.angle), np.sin(self.angle)], [-np.sin(self.angle), np.cos(self.angle)]])
        return self.middle + half @ turn

    def touches(self, other: "Drawn", within: float) -> bool:
        """Whether two texts overlap by more than ``within`` pixels: no line parallel to a side parts them."""
        for angle in (self.angle, other.angle):
            for normal in (angle, angle + np.pi / 2):
                axis = np.array([np.cos(normal), np.sin(normal)])
                mine, theirs = self.corners @ axis, other.corners @ axis
                if mine.max() - within <= theirs.min() or theirs.max() - within <= mine.min():
                    return False
        return True


def drawn_texts(page: Figure) -> list[Drawn]:
    """All texts that are seen on a page, where they are."""
    found: list[Drawn] = []
    draw = Text.draw

    def note(text: Text, renderer: Any) -> None:
        if text.get_visible() and text.get_text().strip():
            found.append(_drawn(text, renderer))
        draw(text, renderer)

    with patch.object(Text, "draw", note):
        FigureCanvasAgg(page).draw()
    return found


def _drawn(text: Text, renderer: Any) -> Drawn:
    """A text's box, from the upright one around it: the height is that of its lines."""
    box = Text.get_window_extent(text, renderer)  # of an annotation without its arrow
    angle = np.radians(text.get_rotation())
    cos, sin = abs(np.cos(angle)), abs(np.sin(angle))
    upright = np.array([box.width, box.height])
    if min(cos, sin) < 0.01:
        sides = upright if cos > sin else upright[::-1]
    else:
        height = len(text.get_text().split("\n")) * text.get_fontsize() * renderer.dpi / 72 * 1.1
        sides = np.array(
            [(box.width - height * sin) / cos if cos > sin else (box.height - height * cos) / sin, height]
        )
    return Drawn(
        text.get_text(), np.array([(box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2]), sides, float(angle)
    )


def assert_texts_fit(page: Figure, within: float = 1.5) -> None:
    """No text reaches beyond the page, and no two lie over each other by more than ``within`` pixels."""
    texts = drawn_texts(page)
    width, height = page.get_size_inches() * page.dpi
    beyond = [
        text.words
        for text in texts
        if (text.corners.min(axis=0) < -within).any()
        or (text.corners.max(axis=0) > (width + within, height + within)).any()
    ]
    assert not beyond, f"beyond the page: {beyond}"
    over = [
        (one.words, other.words)
        for k, one in enumerate(texts)
        for other in texts[:k]
        if one.touches(other, within)
    ]
    assert not over, f"over each other: {over}"
