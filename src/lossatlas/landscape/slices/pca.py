"""Principal components of a sequence of networks (Li et al. 2018, section 7), of any size.

The matrix of all weights is never held: its Gram matrix, which is small, is summed over slices of the weights, and
the components are combinations of the networks.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lossatlas.weight_space import Weights, inner

_ENTRIES = 2**24  # of a slice of the matrix in float64: 128 MiB

_LEAST = 1e-12  # of the variance, below which a component is rounding


@dataclass(frozen=True, eq=False)
class Components:
    """Principal components of the rows w_i - w of ``rows``, where w is ``origin``."""

    directions: tuple[Weights, ...]  # orthonormal, by falling variance; the largest entry of each is positive
    variance_ratio: NDArray[np.float64]  # (components,) shares of the variance, of all components
    total: float  # sum of squared distances from the mean, or from the origin without centring


class Rows:
    """The matrix with rows w_i - w for networks w_i, over the tensors that ``origin``, w, names.

    >>> rows = Rows([{"w": torch.tensor([1.0, 2.0])}, {"w": torch.tensor([3.0, 2.0])}], {"w": torch.zeros(2)})
    >>> rows.gram()
    array([[ 5.,  7.],
           [ 7., 13.]])
    >>> rows.products({"w": torch.tensor([0.0, 10.0])}, {"w": torch.tensor([1.0, 0.0])})
    array([[20.,  1.],
           [20.,  3.]])
    """

    def __init__(self, networks: Sequence[Mapping[str, Tensor]], origin: Weights) -> None:
        self._networks = networks
        self._origin = origin

    def __len__(self) -> int:
        return len(self._networks)

    def gram(self) -> NDArray[np.float64]:
        """Inner products of the rows, (rows, rows), in float64."""
        total = torch.zeros(len(self), len(self), dtype=torch.float64)
        for name in self._origin:
            for part in self._slices(name):
                total += (part @ part.T).cpu()
        return total.numpy()

    def products(self, *directions: Mapping[str, Tensor]) -> NDArray[np.float64]:
        """Inner products of the rows with ``directions``, (rows, directions), in float64."""
        (found,) = self.products_of([directions])
        return found

    def products_of(self, groups: Sequence[Sequence[Mapping[str, Tensor]]]) -> list[NDArray[np.float64]]:
        """The `products` with each group of directions, from one walk over the rows."""
        totals = [torch.zeros(len(self), len(group), dtype=torch.float64) for group in groups]
        for name in self._origin:
            start = 0
            for part in self._slices(name):
                cut = slice(start, start := start + part.shape[1])
                for k, group in enumerate(groups):
                    pieces = [each[name].reshape(-1)[cut].to(part.device).double() for each in group]
                    totals[k] += (part @ torch.stack(pieces).T).cpu()
        return [total.numpy() for total in totals]

    def combinations(self, coefficients: Sequence[NDArray[np.float64]]) -> list[Weights]:
        """Sums of the rows times each of the ``coefficients``, (rows,), in the origin's dtype and layout."""
        factors = [torch.from_numpy(each) for each in coefficients]
        combined: list[Weights] = [{} for _ in factors]
        for name, tensor in self._origin.items():
            parts = [[each.to(part.device) @ part for each in factors] for part in self._slices(name)]
            for found, flat in zip(combined, zip(*parts, strict=True), strict=True):
                found[name] = torch.empty_like(tensor).copy_(torch.cat(flat).view(tensor.shape))
        return combined

    @property
    def _width(self) -> int:
        return max(_ENTRIES // len(self), 1)

    def _slices(self, name: str) -> Iterator[Tensor]:
        """The columns that belong to the tensor ``name``, some at a time, (rows, columns)."""
        origin = self._origin[name].reshape(-1)
        flat = [network[name].reshape(-1) for network in self._networks]
        for start in range(0, max(len(origin), 1), self._width):
            cut = slice(start, start + self._width)
            yield torch.stack([row[cut].to(origin.device).double() for row in flat]) - origin[cut].double()


def principal_components(rows: Rows, *, components: int = 2, centred: bool = True) -> Components:
    """The first ``components`` principal components of ``rows``, in float64.

    With ``centred`` the rows' mean is subtracted first, as usual; without, directions are about the origin,
    and "variance" means the mean square. They are eigenvectors of the Gram matrix of the rows, turned into
    weights. Of a single row, which has no variance about itself, the shares are NaN. ValueError if there are fewer
    components, since the rows lie in a smaller space.

    >>> square = Rows([{"w": torch.tensor(w)} for w in ([3.0, 0.0], [-3.0, 0.0], [0.0, 1.0])], {"w": torch.zeros(2)})
    >>> pca = principal_components(square, centred=False)
    >>> pca.directions[0]["w"].abs(), pca.variance_ratio.round(3)[:2]
    (tensor([1., 0.]), array([0.947, 0.053]))
    """
    n = len(rows)
    centring = np.eye(n) - (1 / n if centred else 0.0)
    values, vectors = np.linalg.eigh(centring @ rows.gram() @ centring)
    values, vectors = np.maximum(values[::-1], 0.0), vectors[:, ::-1]
    total = float(values.sum())
    rank = int((values > _LEAST * total).sum())
    if rank < components:
        raise ValueError(
            f"{n} networks that span {rank} dimensions have no {components} principal components; more are needed"
        )
    turns = [centring @ vectors[:, k] / np.sqrt(values[k]) for k in range(components)]
    directions = tuple(map(_signed, rows.combinations(turns)))
    return Components(directions, values / total if total else np.full(n, np.nan), total)


def _signed(direction: Weights) -> Weights:
    """The one of the two signs that makes the largest entry positive, as scikit-learn has it."""
    largest = max(
        (tensor.reshape(-1)[tensor.abs().argmax()] for tensor in direction.values() if tensor.numel()),
        key=abs,
    )
    return direction if largest >= 0 else {name: -tensor for name, tensor in direction.items()}


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
    (found,) = projections(rows, [(first, second)], total=total, centred=centred)
    return found


def projections(
    rows: Rows,
    planes: Sequence[tuple[Mapping[str, Tensor], Mapping[str, Tensor]]],
    *,
    total: float,
    centred: bool = True,
) -> list[Projection]:
    """The `projection` onto the plane of each pair of directions, from one walk over the rows."""
    found = []
    for (first, second), products in zip(planes, rows.products_of(planes), strict=True):
        across = inner(first, second)
        gram = np.array([[inner(first, first), across], [across, inner(second, second)]])
        sizes = np.sqrt(np.diag(gram))
        coordinates = np.linalg.solve(gram, products.T).T
        spread = coordinates - coordinates.mean(axis=0) if centred else coordinates
        explained = float(np.einsum("ij,jk,ik->", spread, gram, spread)) / total if total else np.nan
        distance = np.sqrt(np.einsum("ij,jk,ik->i", coordinates, gram, coordinates))
        angle = across / float(sizes.prod())
        found.append(Projection(coordinates, distance, products / sizes, angle, explained))
    return found
