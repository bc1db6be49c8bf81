"""Panels of what is known of each pair of networks."""

from collections.abc import Sequence

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.image import AxesImage

from lossatlas.figures import style

_LIGHT = 0.18  # of a ground: from here on black stands out more than white
_LETTERS = 8  # rows up to which each cell carries its number


def matrix(axis: Axes, values: xr.DataArray, *, ends: tuple[float, float], first: int = 0) -> AxesImage:
    """Colours between the ``ends`` for each pair, its number in its cell; the diagonal is left out.

    ``values``: (member, other), NaN where a pair is not there. ``first``: what the first network is called.
    """
    shown = values.transpose("member", "other").values.astype(float).copy()
    np.fill_diagonal(shown, np.nan)
    image = axis.imshow(np.ma.masked_invalid(shown), cmap=style.colormap(), vmin=ends[0], vmax=ends[1])
    ticks = range(len(shown))
    for direction in (axis.xaxis, axis.yaxis):
        direction.set_ticks(list(ticks), [str(first + tick) for tick in ticks])
        direction.set_tick_params(length=0)
    for side in axis.spines.values():
        side.set_visible(False)
    if len(shown) <= _LETTERS:
        for row, column in zip(*np.nonzero(np.isfinite(shown)), strict=True):
            number = _number(shown[row, column])
            ground = tuple(map(float, image.cmap(image.norm(shown[row, column]))))
            readable = "black" if _lightness(ground) > _LIGHT else "white"
            axis.text(column, row, number, ha="center", va="center", fontsize=style.points(6), color=readable)
    return image


def ends_of_pairs(values: xr.DataArray) -> tuple[float, float]:
    """Least and greatest finite value of two different networks, 0 and 1 where there is none.

    >>> ends_of_pairs(xr.DataArray([[1.0, 0.3], [0.2, 1.0]], dims=("member", "other")))
    (0.2, 0.3)
    """
    flat = values.transpose(..., "member", "other").values.astype(float)
    flat = flat[..., ~np.eye(flat.shape[-1], dtype=bool)].ravel()
    known = flat[np.isfinite(flat)]
    return (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)


def _lightness(color: Sequence[float]) -> float:
    """Relative luminance of a colour of sRGB, as WCAG 2 has it.

    >>> _lightness((1.0, 1.0, 1.0)), round(_lightness((0.0, 0.0, 1.0)), 3)
    (1.0, 0.072)
    """
    part = np.asarray(color[:3], dtype=float)
    linear = np.where(part <= 0.04045, part / 12.92, ((part + 0.055) / 1.055) ** 2.4)
    return float(linear @ (0.2126, 0.7152, 0.0722))


def _number(value: float) -> str:
    """Three digits, without the zero before the point.

    >>> _number(0.99), _number(12.34)
    ('.990', '12.3')
    """
    return f"{value:.3f}".lstrip("0") if 0 < value < 1 else f"{value:.3g}"
