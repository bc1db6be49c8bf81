"""Linear combinations of the same few tensors as points of weight space."""

from typing import NamedTuple, Protocol, runtime_checkable

from lossatlas.weight_space import Weights

Basis = tuple[Weights, ...]


class Combination(NamedTuple):
    """The weights sum_k ``coefficients[k]`` * ``basis[k]``, of two tensors by name or more.

    Points with the same basis give the very same tuple, so that what is computed from it can be kept.
    """

    basis: Basis
    coefficients: tuple[float, ...]


@runtime_checkable
class _CombinedPoints(Protocol):
    """Points that are linear combinations, all or some of them."""

    def combination_at(self, index: int) -> Combination | None:
        """The combination that is point ``index``, but for the variances that it clamps; None if it is none.

        It names all the tensors that the point writes.
        """


def combination_at(points: object, index: int) -> Combination | None:
    """The combination that is point ``index`` of ``points``, where these know.

    >>> combination_at(["no", "combinations"], 0) is None
    True
    """
    return points.combination_at(index) if isinstance(points, _CombinedPoints) else None
