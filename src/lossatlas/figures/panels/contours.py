"""Panels of contours: lines on levels that several panels share, and colours that tell small losses apart."""

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import BoundaryNorm
from matplotlib.contour import QuadContourSet
from matplotlib.patheffects import withStroke
from matplotlib.ticker import MaxNLocator
from scipy.interpolate import PchipInterpolator

from lossatlas.figures import style
from lossatlas.figures.panels.planes import LEVEL, beside, fill_plane, frame, plane_values, say

FEWEST_LEVELS = 4  # lines without which contours show no shape
_MOST_DECADES = 8  # levels above the papers'
_FINEST = np.exp(-5.0)  # of the first level above the lowest value, in Garipov et al.'s code
HIGHEST = 5.0  # level beyond which all is of one colour, there
_COUNT = 7  # of levels between the lowest and the highest, there
_EDGE = 0.05  # shares of a panel: numbers of lines nearer to the frame would be cut,
_APART = 0.14  # and those nearer to each other than this would overlap
_ENOUGH = 60  # points along an axis, between which straight lines do
_FINER = 8  # steps from point to point
_OUTLINE = [withStroke(linewidth=2.6, foreground="white")]


def contours(
    axis: Axes,
    loss: xr.DataArray,
    *,
    levels: Sequence[float] | np.ndarray = style.LEVELS,
    centre: bool | tuple[float, float] = True,
    aspect: str = "equal",
    labels: bool = True,
) -> None:
    """Contour lines of a surface, coloured by their level on a scale that all panels share.

    ``loss``: (y, x). Where it is NaN or infinite there are no lines, the ground is grey and the panel says so; so it
    does where no level is crossed. ``centre`` marks the origin, or a place. ``labels``: lines carry their levels.
    """
    x, y, values = plane_values(loss)
    frame(axis, x, y, aspect=aspect)
    fill_plane(axis, x, y, values)
    if values.count() and centre:
        across, up = (0.0, 0.0) if isinstance(centre, bool) else centre
        axis.plot(across, up, "+", color=style.ink(0.65), markersize=5, markeredgewidth=0.8)
    if not _crossed(values, levels):
        if values.count() == values.size:
            say(axis, f"no level crossed: loss {values.min():.4g} to {values.max():.4g}")
        return  # no lines to draw, and contour() would warn
    low, high = _color_range(np.asarray(levels))
    between = between_points(x, y, values)
    lines = axis.contour(*between, levels=levels, cmap=style.colormap(), vmin=low, vmax=high)
    if labels:
        _label(axis, lines)


def between_points(
    x: np.ndarray, y: np.ndarray, values: np.ma.MaskedArray
) -> tuple[np.ndarray, np.ndarray, np.ma.MaskedArray]:
    """A grid of few points with values between them: monotone cubics along x, then along y (Fritsch & Butland 1984).

    It has the values of the points at the points, and between two of them none beyond theirs, so that no hill or
    hollow is drawn that was not measured. A grid of many points, or with a gap, stays as it is.

    >>> x = np.array([0.0, 1.0, 2.0])
    >>> fine, _, values = between_points(x, x, np.ma.masked_invalid(x**2 + np.zeros((3, 1))))
    >>> len(fine), float(values.min()), float(values.max()), float(values[0, fine == 1.0][0])
    (17, 0.0, 4.0, 1.0)
    """
    if not (min(values.shape) >= 3 and max(values.shape) < _ENOUGH) or values.count() < values.size:
        return x, y, values
    finer = [
        np.interp(np.arange(_FINER * (len(at) - 1) + 1) / _FINER, np.arange(len(at)), at) for at in (x, y)
    ]
    across = PchipInterpolator(x, values.data, axis=1)(finer[0])
    return *finer, np.ma.masked_invalid(PchipInterpolator(y, across, axis=0)(finer[1]))


def _label(axis: Axes, lines: QuadContourSet) -> None:
    """Numbers on some of the lines, upright enough to be read, none of them at the frame."""
    numbers = axis.clabel(
        lines, _labeled(np.asarray(lines.levels)), fontsize=style.points(6.5), fmt=_number, inline_spacing=2
    )
    start, size = np.array([[low, high - low] for low, high in (axis.get_xlim(), axis.get_ylim())]).T
    kept: list[np.ndarray] = []
    for number in numbers:
        place = (np.asarray(number.get_position()) - start) / size
        is_whole = ((place > _EDGE) & (place < 1 - _EDGE)).all()
        is_alone = not any((abs(place - other) < _APART).all() for other in kept)
        number.set(clip_on=True, gid=LEVEL, visible=bool(is_whole and is_alone))
        kept += [place] if number.get_visible() else []
        number.set_path_effects([withStroke(linewidth=1.5, foreground=style.ink(0.0))])


def fitting_levels(*surfaces: xr.DataArray) -> np.ndarray:
    """Levels at which to draw surfaces: those of the papers, and 10, 100, ... above them, if enough are crossed.

    Of many decades only every second, third, ... is a level. Where the losses lie between two or three levels, they are
    evenly spaced round numbers.

    >>> bowl = xr.DataArray([[0.0, 5.2], [5.2, 12.0]], dims=("y", "x"))
    >>> fitting_levels(bowl)[-3:].tolist(), fitting_levels(bowl / 1000)[:3].tolist()
    ([9.1, 9.6, 10.0], [0.0, 0.001, 0.002])
    """
    values = np.concatenate([surface.values.ravel() for surface in surfaces] or [np.zeros(0)])
    values = values[np.isfinite(values)]
    if not len(values):
        return style.LEVELS
    low, high = values.min(), values.max()
    papers = np.array([*style.LEVELS, *_decades(high)])
    if ((low < papers) & (papers < high)).sum() >= FEWEST_LEVELS:
        return papers
    return np.asarray(MaxNLocator(12).tick_values(low, high))


def _decades(high: float) -> np.ndarray:
    """10, 100, ... below ``high``, or powers of a higher power of ten if they are too many."""
    count = int(np.ceil(np.log10(high))) - 1 if high > style.DECADE else 0
    step = -(-count // _MOST_DECADES) or 1
    return 10.0 ** np.arange(1, count + 1, step)


def levels_in_words(levels: np.ndarray) -> str:
    """Which levels contours are drawn at.

    >>> levels_in_words(np.array([*style.LEVELS, 10.0, 100.0]))
    'contours at 0.1, 0.6, … 9.6, 10, 100'
    """
    if not _are_the_papers(levels):
        return f"contours at {_number(levels[0])}, {_number(levels[1])}, … {_number(levels[-1])}"
    decades = [_number(level) for level in levels if level >= style.DECADE]
    if len(decades) > 3:
        decades = [decades[0], decades[1], f"… {decades[-1]}"]
    return ", ".join(["contours at 0.1, 0.6, … 9.6", *decades])


def log_levels(
    *surfaces: xr.DataArray, highest: float = HIGHEST, finest: float = _FINEST, count: int = _COUNT
) -> np.ndarray:
    """Levels whose distances from the lowest value of all ``surfaces`` grow evenly in their logarithm, (count + 1,).

    The first is the lowest value, the last the largest, ``highest`` at most, and those between begin with what would be
    ``finest`` above the lowest. Where nothing lies below ``highest`` the last is the largest, and ``finest`` as small a
    share of the range as it is of ``highest``. These are the colours of figure 1 of Garipov et al. 2018
    (arXiv:1802.10026) in their code.

    >>> bowl = xr.DataArray([[0.5, 1.5], [2.5, 20.5]], dims=("y", "x"))
    >>> log_levels(bowl, highest=10.5, finest=0.1, count=2).round(3).tolist()
    [0.5, 1.5, 10.5]
    """
    values = np.concatenate([surface.values.ravel() for surface in surfaces])
    values = values[np.isfinite(values)]
    low, high = values.min(), values.max()
    if low < highest:
        high = min(high, highest)
    else:
        finest *= (high - low or low) / highest  # as fine to a range of another size
    span = max(high - low, 2 * finest)  # of a surface that is nearly flat
    steps = np.exp(np.linspace(np.log(finest), np.log(span), count + 1))
    return np.asarray([low, *(low + steps[1:])])


def filled_contours(axis: Axes, surface: xr.DataArray, levels: np.ndarray) -> ScalarMappable:
    """Bands of colour between ``levels``, and one beyond the last; returns what a bar is for. ``surface``: (y, x)."""
    x, y, values = plane_values(surface)
    norm = BoundaryNorm(levels, style.colormap().N, extend="max")
    frame(axis, x, y)
    between = between_points(x, y, values)
    filled = axis.contourf(*between, levels=levels, cmap=style.colormap(), norm=norm, extend="max")
    if values.count() and levels[1] < values.max():
        axis.contour(*between, levels=levels[1:], colors="white", linewidths=0.5, alpha=0.7)
    fill_plane(axis, x, y, values)
    return filled


def networks_and_curves(
    axis: Axes, landscape: xr.Dataset, *, names: Mapping[int, str] | None = None, chord: bool = True
) -> None:
    """The networks that a plane goes through, with their ``names`` by number, and the curves that are seen in it.

    ``landscape``: point_x, point_y (point,), and curve_x, curve_y (curve, curve_t) if there are curves. The first two
    networks are joined by a dashed line, unless ``chord`` is false.
    """
    x, y = landscape["point_x"].values, landscape["point_y"].values
    if chord:
        axis.plot(x[:2], y[:2], color="white", linestyle=(0, (3, 2)), linewidth=1.1, zorder=3)
    for number in range(landscape.sizes.get("curve", 0)) if "curve_x" in landscape else ():
        curve = landscape.isel(curve=number)
        axis.plot(
            curve["curve_x"],
            curve["curve_y"],
            color=style.ERROR,
            linewidth=1.6,
            path_effects=_OUTLINE,
            zorder=4,
        )
    axis.plot(x, y, "o", color=style.ERROR, markersize=5.5, markeredgecolor="white", zorder=5, clip_on=False)
    for number, name in (names or {}).items():
        beside(axis, name, x[number], y[number])


def _crossed(values: np.ma.MaskedArray, levels: Sequence[float] | np.ndarray) -> bool:
    low, high = values.min(), values.max()
    return any(low < level < high for level in levels)


def _are_the_papers(levels: np.ndarray) -> bool:
    return bool(np.isclose(levels[0], style.LEVELS[0]))


def _color_range(levels: np.ndarray) -> tuple[float, float]:
    """Ends of the colours: of the papers' levels 0 and the last below the decades, of others their own."""
    if not _are_the_papers(levels):
        return float(levels[0]) if len(levels) > 1 else 0.0, float(levels[-1])
    return 0.0, float(levels[levels < style.DECADE].max())


def _number(level: float) -> str:
    exponent = np.log10(level) if level > 0 else 0.0
    is_decade = exponent > 2 and np.isclose(exponent, round(exponent))
    return f"$10^{{{exponent:.0f}}}$" if is_decade else f"{level:.4g}"


def _labeled(levels: np.ndarray) -> list[float]:
    """Levels that carry their number: of the papers' a chosen few, of others every third."""
    if not _are_the_papers(levels):
        return list(levels[::3])
    usual = [level for level in levels if np.isclose(level, style.LABELED).any()]
    return [*usual, *levels[levels > style.DECADE]]
