"""Statistics of the values along a path: extremes, means, barrier."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray
from scipy.integrate import trapezoid

Values = NDArray[np.float64]

_Statistic = Callable[[Values, Values, Values], Values]
"""Of values (..., T), positions (T,) and lengths of the path up to them (T,), to (...)."""


def rise(values: Values) -> Values:
    """Rise: how far the highest of ``values`` (..., T) lies above the higher of the two ends, (...); 0 or more."""
    return values.max(-1) - values[..., [0, -1]].max(-1)


def dip(values: Values) -> Values:
    """Dip: how far the lowest of ``values`` (..., T) lies below the lower of the two ends, (...); 0 or more."""
    return values[..., [0, -1]].min(-1) - values.min(-1)


def length_weighted_mean(values: Values, lengths: Values) -> Values:
    """Integral of ``values`` (..., T) over the length of the path, by its length: equation 1 of Garipov et al. 2018.

    By the trapezoidal rule. ``lengths``: (T,), of the path up to each position. NaN for a path of no length.

    >>> float(length_weighted_mean(np.array([0.0, 0.0, 1.0]), np.array([0.0, 1.0, 4.0])))  # 3 * (0 + 1) / 2 / 4
    0.375
    """
    total = lengths[-1] - lengths[0]
    return trapezoid(values, lengths, axis=-1) / (total if total > 0 else np.nan)


def barrier(values: ArrayLike, t: ArrayLike | None = None) -> NDArray[np.float64]:
    """Barrier: the highest rise of a path's values above the chord joining its two ends.

    Parameters
    ----------
    values : array (..., T)
        Such as the loss at T points.
    t : array (T,), optional
        Where these lie; None: evenly.

    Returns
    -------
    array (...)
        0 or more; infinite where a value is, and NaN where one is.

    Raises
    ------
    ValueError
        For fewer than two points.

    References
    ----------
    Entezari et al. 2022, arXiv:2110.06296.

    Examples
    --------
    >>> t = np.linspace(0, 1, 5)
    >>> barrier(4 * t * (1 - t) + 2 * t)  # unit bump on a slope of 2
    array(1.)
    """
    losses = np.asarray(values, dtype=np.float64)
    if losses.ndim < 1 or losses.shape[-1] < 2:
        raise ValueError(f"a barrier lies between two points or more, got values of shape {losses.shape}")
    positions = np.linspace(0.0, 1.0, losses.shape[-1]) if t is None else np.asarray(t, dtype=np.float64)
    share = (positions - positions[0]) / (positions[-1] - positions[0])
    with np.errstate(invalid="ignore"):
        chord = (1 - share) * losses[..., :1] + share * losses[..., -1:]
        return np.asarray((losses - chord).max(axis=-1))


_STATISTICS: Mapping[str, tuple[_Statistic, str]] = {
    "minimum": (lambda values, t, lengths: values.min(-1), "lowest {} along the path"),
    "maximum": (lambda values, t, lengths: values.max(-1), "highest {} along the path"),
    "mean": (lambda values, t, lengths: values.mean(-1), "mean {} over the points of the path"),
    "integral": (
        lambda values, t, lengths: length_weighted_mean(values, lengths),
        "mean {} over the length of the path",
    ),
    "barrier": (lambda values, t, lengths: barrier(values, t), "highest rise of the {} above the chord"),
    "rise": (lambda values, t, lengths: rise(values), "highest rise of the {} above both ends"),
    "dip": (lambda values, t, lengths: dip(values), "deepest fall of the {} below both ends"),
}


def path_statistics(dataset: xr.Dataset, names: Sequence[str]) -> xr.Dataset:
    """Statistics of the variables ``names``, (split, t), over the coordinate t, with ``length`` along it.

    Parameters
    ----------
    dataset : xr.Dataset
        With the coordinate ``length`` of the path up to t.
    names : sequence of str
        Variables of it.

    Returns
    -------
    xr.Dataset
        For each ``<name>_minimum``, ``_maximum``, ``_mean`` (over the points), ``_integral``
        (`length_weighted_mean`), ``_barrier``, ``_rise`` and ``_dip``, over (split,).

    Examples
    --------
    >>> t = xr.Variable("t", [0.0, 0.5, 1.0])
    >>> bump = xr.Dataset({"loss": (("split", "t"), [[1.0, 4.0, 3.0]])}, {"t": t, "length": 2 * t})
    >>> found = path_statistics(bump, ["loss"])
    >>> [found[f"loss_{name}"].item() for name in ("minimum", "maximum", "integral", "barrier", "rise", "dip")]
    [1.0, 4.0, 3.0, 2.0, 1.0, 0.0]
    """
    t, lengths = dataset["t"].values.astype(np.float64), dataset["length"].values
    found = {}
    for name in names:
        values = dataset[name].transpose("split", "t").values
        for statistic, (function, meaning) in _STATISTICS.items():
            about = {"long_name": meaning.format(name.replace("_", " ")), "units": "1"}
            found[f"{name}_{statistic}"] = xr.Variable(("split",), function(values, t, lengths), about)
    return xr.Dataset(found)
