"""How the figures look: sizes, type, and one colour for each thing, everywhere the same."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.colors import LinearSegmentedColormap, ListedColormap, to_hex

# Okabe & Ito's palette, told apart also without red or green, and in grey by its lightness.
LOSS, ERROR = "#0072B2", "#D55E00"
SMALL, LARGE = "#009E73", "#AA3377"
STYLES: dict[str, Any] = {"train": "solid", "test": (0, (3.5, 1.6))}  # dashed
DROP = "#882255"  # where the rate fell
BAND = 0.18  # opacity of the range over seeds

LEVELS = np.arange(0.1, 10, 0.5)  # contour levels of Li et al. 2018: 0.1, 0.6, ... below 10
LABELED = (0.1, 1.1, 2.1, 4.1)  # those that carry their number
DECADE = 10.0  # first level above those, where a plane reaches far (figure 9 there); then 100, ...
# viridis without its yellow end, which does not show on white
COLORMAP = LinearSegmentedColormap.from_list("levels", mpl.colormaps["viridis"](np.linspace(0, 0.87, 256)))
GAPS = ListedColormap(["0.93"])  # ground where a loss is NaN or infinite
SYMBOLS = {"alpha": "α"}  # of dimensions
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
DPI = 150
GIF_DPI = 100  # of pictures that move, whose files grow with every frame

_KINDS = (SMALL, LARGE, LOSS, ERROR, "#999933", "#56B4E9", "#882255", "#555555")


def colors_of(values: Sequence[Any]) -> list[Any]:
    """A colour for each value of an axis: of three or more numbers along a scale, else as different as can be.

    >>> colors_of([True, False]) == [SMALL, LARGE], len(set(colors_of([20, 56, 110])))
    (True, 3)
    """
    if len(values) > 2 and all(isinstance(value, int | float) for value in values):
        return [to_hex(COLORMAP(place)) for place in np.linspace(0, 1, len(values))]
    return [_KINDS[number % len(_KINDS)] for number in range(len(values))]


_SETTINGS: dict[Any, Any] = {
    "font.size": 8,
    "font.family": "DejaVu Sans",  # ships with matplotlib, so that a figure does not depend on the machine
    "axes.titlesize": 8.5,
    "axes.labelsize": 8,
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.formatter.limits": (-3, 4),
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "xtick.major.width": 0.7,
    "ytick.major.width": 0.7,
    "legend.fontsize": 7.5,
    "legend.frameon": False,
    "lines.linewidth": 1.3,
    "contour.linewidth": 0.9,
    "legend.handlelength": 2.2,
    "savefig.dpi": DPI,
    "figure.dpi": 100,
    "pdf.fonttype": 42,  # text in a PDF stays text
    "svg.fonttype": "none",
}


@contextmanager
def style() -> Iterator[None]:
    """Draw in the atlas's style, whatever the user's own matplotlib settings are.

    >>> with style():
    ...     mpl.rcParams["font.size"]
    8.0
    """
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_SETTINGS)
        yield
