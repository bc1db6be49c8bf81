"""What tests read off a drawn page."""

from collections.abc import Sequence
from typing import Any

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
