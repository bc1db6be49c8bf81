"""The barrier between the two ends of a path."""

import numpy as np
from numpy.typing import ArrayLike, NDArray


def barrier(values: ArrayLike, t: ArrayLike | None = None) -> NDArray[np.float64]:
    """Highest rise of a path's values above the chord joining its two ends.

    ``values``: (..., T), such as the loss at T points; ``t``: (T,), where these lie, None: evenly. Definition of
    Entezari et al. 2022 (arXiv:2110.06296). Returns (...), 0 or more; infinite where a value is, and NaN where one is.
    ValueError for fewer than two points.

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
