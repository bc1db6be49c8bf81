"""Where networks are seen in the plane of two directions, and how much of their spread is seen there."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from lossatlas.landscape.shapes.pca import Rows
from lossatlas.landscape.weight_space import inner


@dataclass(frozen=True, eq=False)
class Projection:
    """The rows in the plane of two directions, which need not be orthogonal."""

    orthogonal: NDArray[np.float64]  # (rows, 2) coordinates of the nearest point, in units of the directions
    distance: NDArray[np.float64]  # (rows,) of that point from the origin
    cosine: NDArray[np.float64]  # (rows, 2) inner products over the directions' norms, as in Li et al.'s code
    angle_cosine: float  # between the directions
    explained: float  # share of the rows' variance, or mean square, that lies in the plane


def projection(
    rows: Rows,
    first: Mapping[str, Tensor],
    second: Mapping[str, Tensor],
    *,
    total: float,
    centred: bool = True,
) -> Projection:
    """Project ``rows`` onto the plane of two directions; ``total`` is that of their `Components`.

    The two kinds of coordinates agree where the directions are orthonormal. Elsewhere those of Li et al.'s code
    are off, by the directions' norms and by their angle.

    >>> import torch
    >>> row = Rows([{"w": torch.tensor([4.0, 3.0])}], {"w": torch.zeros(2)})
    >>> seen = projection(row, {"w": torch.tensor([2.0, 0.0])}, {"w": torch.tensor([0.0, 1.0])}, total=25.0)
    >>> seen.orthogonal, seen.distance, seen.cosine
    (array([[2., 3.]]), array([5.]), array([[4., 3.]]))
    """
    products = rows.products(first, second)
    across = inner(first, second)
    gram = np.array([[inner(first, first), across], [across, inner(second, second)]])
    sizes = np.sqrt(np.diag(gram))
    coordinates = np.linalg.solve(gram, products.T).T
    spread = coordinates - coordinates.mean(axis=0) if centred else coordinates
    explained = float(np.einsum("ij,jk,ik->", spread, gram, spread)) / total
    distance = np.sqrt(np.einsum("ij,jk,ik->i", coordinates, gram, coordinates))
    return Projection(coordinates, distance, products / sizes, across / float(sizes.prod()), explained)
