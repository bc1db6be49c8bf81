"""How the figures look: sizes, type, and one colour for each thing, everywhere the same."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from cycler import cycler
from matplotlib.colors import Colormap, LinearSegmentedColormap, ListedColormap, to_hex, to_rgb

from lossatlas.choices import nearest

# Okabe & Ito's palette and two of its kind, told apart also without red or green, in grey by their lightness, and
# on white as on a dark ground: a thing has one colour in every style.
LOSS, ERROR = "#0072B2", "#D55E00"
SMALL, LARGE = "#009E73", "#C0468E"
STYLES: dict[str, Any] = {"train": "solid", "test": (0, (3.5, 1.6))}  # dashed
DROP = "#882255"  # where the rate fell
BAND = 0.18  # opacity of the range over seeds

LEVELS = np.arange(0.1, 10, 0.5)  # contour levels of Li et al. 2018: 0.1, 0.6, ... below 10
LABELED = (0.1, 1.1, 2.1, 4.1)  # those that carry their number
DECADE = 10.0  # first level above those, where a plane reaches far (figure 9 there); then 100, ...
SYMBOLS = {"alpha": "α"}  # of dimensions
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
DPI = 150
GIF_DPI = 100  # of pictures that move, whose files grow with every frame

_KINDS = (SMALL, LARGE, LOSS, ERROR, "#999933", "#56B4E9", "#8D6E63", "#7F7F7F")
_VIRIDIS = mpl.colormaps["viridis"]
# viridis without the end that does not show on its ground
for _name, _ends in {"lossatlas": (0.0, 0.87), "lossatlas_on_dark": (0.17, 1.0)}.items():
    _part = LinearSegmentedColormap.from_list(_name, _VIRIDIS(np.linspace(*_ends, 256)))
    mpl.colormaps.register(_part, force=True)

_FONT = 8.0  # points, of the atlas's own settings, which panels are laid out for
_SETTINGS: dict[str, Any] = {
    "font.size": _FONT,
    "font.family": "DejaVu Sans",  # ships with matplotlib, so that a figure does not depend on the machine
    "axes.titlesize": "medium",
    "axes.labelsize": "medium",
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.formatter.limits": (-3, 4),
    "axes.prop_cycle": cycler(color=_KINDS),
    "image.cmap": "lossatlas",
    "xtick.labelsize": "small",
    "ytick.labelsize": "small",
    "xtick.major.width": 0.7,
    "ytick.major.width": 0.7,
    "legend.fontsize": "small",
    "legend.title_fontsize": "small",
    "legend.frameon": False,
    "lines.linewidth": 1.3,
    "contour.linewidth": 0.9,
    "legend.handlelength": 2.2,
    "savefig.dpi": DPI,
    "figure.dpi": 100,
    "pdf.fonttype": 42,  # text in a PDF stays text
    "svg.fonttype": "none",
}


@dataclass(frozen=True)
class Style:
    """How pages look: what a style of ``conf/style`` sets.

    Type has the size that is set, whatever the width of a page: panels shrink, or fewer stand abreast.

    Parameters
    ----------
    rc : mapping of str to Any, optional
        Settings of matplotlib, as a matplotlibrc has them, over the atlas's own; by default none.
    column, gap : float, default 3.25 and 0.25
        Width of a column and of the space between two, inches.
    most : int, default 2
        Columns that a page takes at most, where ``columns`` does not say how many.
    columns : int, optional
        Width of every page in columns; None: as wide as its panels need.
    caption : bool, default False
        Whether the verdicts stand under the panels; by default they are the page's business.
    matplotlibrc : str, optional
        File of the user's own settings, over all others; None: none.

    Raises
    ------
    ValueError
        For a width that is not positive, a setting that matplotlib does not have, a file that is not there.

    Examples
    --------
    >>> with use(Style(columns=1)), style():
    ...     page_width(5.0)
    3.25
    """

    rc: Mapping[str, Any] = field(default_factory=dict)
    column: float = 3.25
    gap: float = 0.25
    most: int = 2
    columns: int | None = None
    caption: bool = False
    matplotlibrc: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "rc", dict(self.rc))  # plain, whatever Hydra gives
        for name in ("column", "most", "columns"):
            if (value := getattr(self, name)) is not None and not value > 0:
                raise ValueError(f"figures.{name}={value}: expected a number > 0")
        self.settings()

    def settings(self) -> dict[str, Any]:
        """All of matplotlib's settings that differ from its defaults."""
        for key in self.rc:
            if key not in mpl.rcParams:
                raise ValueError(
                    f"figures.rc.{key}: matplotlib has no such setting; {nearest(key, mpl.rcParams)}"
                )
        return {**_SETTINGS, **self.rc, **self._of_file()}

    def _of_file(self) -> Mapping[str, Any]:
        if self.matplotlibrc is None:
            return {}
        file = Path(self.matplotlibrc).expanduser()
        if not file.is_file():
            raise ValueError(f"figures.matplotlibrc={self.matplotlibrc}: no such file")
        try:
            given = mpl.rc_params_from_file(file, fail_on_error=True, use_default_template=False)
            return {str(name): value for name, value in given.items()}
        except Exception as error:  # whatever matplotlib's parser raises
            raise ValueError(f"figures.matplotlibrc={self.matplotlibrc}: {error}") from error


_USED: ContextVar[Style] = ContextVar("style", default=Style())  # noqa: B039 - frozen


@contextmanager
def use(chosen: Style) -> Iterator[None]:
    """Draw in another style than the paper's."""
    token = _USED.set(chosen)
    try:
        yield
    finally:
        _USED.reset(token)


def told() -> str:
    """What sets the style in use apart from the paper's; "" for that.

    >>> told()
    ''
    >>> with use(Style(caption=True)):
    ...     told()
    '{"caption": true}'
    """
    usual, used = asdict(Style()), asdict(_USED.get())
    differing = {key: value for key, value in used.items() if value != usual[key]}
    return json.dumps(differing, sort_keys=True, default=str) if differing else ""


@contextmanager
def style() -> Iterator[None]:
    """Draw in the style that is in use, whatever the user's own matplotlib settings are.

    >>> with style():
    ...     mpl.rcParams["font.size"]
    8.0
    """
    with mpl.rc_context():
        mpl.rcdefaults()
        for name, value in _USED.get().settings().items():
            mpl.rcParams[name] = value  # type: ignore[index]
        yield


def magnification() -> float:
    """How much larger type is than in the paper's style, and panels with it; asked within `style`."""
    return float(mpl.rcParams["font.size"]) / _FONT


def points(size: float) -> float:
    """Size of type that is ``size`` points in the paper's style; asked within `style`."""
    return size * magnification()


def page_width(natural: float) -> float:
    """Width of a page whose panels are ``natural`` inches wide in the paper's style; asked within `style`."""
    chosen = width_in_columns()
    return min(magnification() * natural, _of_columns(_USED.get().most)) if chosen is None else chosen


def width_in_columns() -> float | None:
    """Width of every page, in inches, where the style says how many columns it takes."""
    columns = _USED.get().columns
    return None if columns is None else _of_columns(columns)


def _of_columns(columns: int) -> float:
    used = _USED.get()
    return columns * used.column + (columns - 1) * used.gap


def ink(share: float = 1.0) -> str:
    """The colour of text for 1, that of the ground for 0, and what lies between; asked within `style`.

    >>> ink(), ink(0.5), ink(0.0)
    ('#000000', '#808080', '#ffffff')
    """
    ground, text = (np.array(to_rgb(mpl.rcParams[key])) for key in ("figure.facecolor", "text.color"))
    return to_hex(ground + share * (text - ground))


def colormap() -> Colormap:
    """Colours of numbers, in order."""
    return mpl.colormaps[_USED.get().settings()["image.cmap"]]


def gaps() -> ListedColormap:
    """Ground where a loss is NaN or infinite."""
    return ListedColormap([ink(0.07)])


def colors_of(values: Sequence[Any]) -> list[Any]:
    """A colour for each value of an axis: of three or more numbers along a scale, else as different as can be.

    True comes before False, wherever it stands.

    >>> colors_of([True, False]) == [SMALL, LARGE], colors_of([False, True]) == [LARGE, SMALL]
    (True, True)
    >>> len(set(colors_of([20, 56, 110])))
    3
    """
    if len(values) > 2 and all(isinstance(value, int | float) for value in values):
        return [to_hex(colormap()(place)) for place in np.linspace(0, 1, len(values))]
    kinds = _USED.get().settings()["axes.prop_cycle"].by_key()["color"]
    if values and all(isinstance(value, bool) for value in values):
        return [kinds[0 if value else 1] for value in values]
    return [kinds[number % len(kinds)] for number in range(len(values))]
