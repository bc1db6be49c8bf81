"""Where losses are cut off in pictures and meshes."""

from math import ceil, log10

import numpy as np
from numpy.typing import ArrayLike

CEILING = 10.0  # of the pictures of Li et al. 2018 (arXiv:1712.09913), whose losses are cross-entropies


def fitting_ceiling(*losses: ArrayLike, usual: float = CEILING) -> float:
    """Loss at which to cut off ``losses``, each the values of a curve or a surface that is to be seen.

    That is the ``usual`` one, unless the lowest value of some curve or surface lies farther from 0 than half of it, so
    that little of it would be seen: then it is raised by powers of ten to twice that distance at least. What is not
    finite does not count.

    >>> fitting_ceiling([0.1, 2.3], [1.4, 600.0]), fitting_ceiling([4353.0, 1e6]), fitting_ceiling([7.0, 8.0])
    (10.0, 10000.0, 100.0)
    """
    size = max((abs(_lowest(values)) for values in losses), default=0.0)
    return usual if size <= usual / 2 else usual * 10.0 ** ceil(log10(2 * size / usual))


def _lowest(losses: ArrayLike) -> float:
    values = np.asarray(losses, float)
    values = values[np.isfinite(values)]
    return float(values.min()) if values.size else 0.0
