"""Distance of the distance penalty: which parameters it counts, and in which groups."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch._utils import _unflatten_dense_tensors

from lossatlas.layers import NORMALIZATION_LAYERS


@dataclass(frozen=True)
class Layout:
    """The counted parameters of a module, in order, and the group to which each belongs; a group's are neighbours."""

    names: tuple[str, ...]  # of the counted parameters
    groups: tuple[str, ...]  # names of the groups: of layers, or "" for the one group of all
    group_of: tuple[int, ...]  # of each counted parameter


@dataclass(frozen=True)
class Distance:
    """Distance penalty: what is counted in D, the squared Euclidean distance from a centre.

    ``biases``: count those of layers other than normalisations; ``normalization``: count scale and shift of these.
    ``relative``: D is divided by the squared norm of the centre. ``per_layer``: there is a D of each layer by itself, a
    layer being the module that holds the parameters.

    >>> Distance(biases=False, per_layer=True).layout(nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3)))
    Layout(names=('0.weight', '1.weight', '1.bias'), groups=('0', '1'), group_of=(0, 1, 1))
    """

    biases: bool = True
    normalization: bool = True
    relative: bool = False
    per_layer: bool = False

    def layout(self, module: nn.Module) -> Layout:
        """Return the counted trainable parameters of ``module``. ValueError if there are none."""
        names = tuple(
            name
            for name, parameter in module.named_parameters()
            if parameter.requires_grad and self._counts(module, name)
        )
        if not names:
            raise ValueError(
                f"no trainable parameter is counted in the distance, with biases={self.biases} and "
                f"normalization={self.normalization}: expected at least one"
            )
        owners = [name.rpartition(".")[0] if self.per_layer else "" for name in names]
        groups = tuple(dict.fromkeys(owners))
        return Layout(names, groups, tuple(groups.index(owner) for owner in owners))

    def _counts(self, module: nn.Module, name: str) -> bool:
        owner, _, own_name = name.rpartition(".")
        if isinstance(module.get_submodule(owner), NORMALIZATION_LAYERS):
            return self.normalization
        return self.biases or own_name != "bias"


_PIECE = 2**16
"""Elements whose squares are summed at once: torch's norm of 2 million in float32 is off by a part in 30,000."""


def flatten(tensors: Sequence[Tensor]) -> Tensor:
    """A copy of all ``tensors`` as one vector, in float32 or in their own precision where that is higher.

    >>> flatten([torch.eye(2), torch.ones(1)])
    tensor([1., 0., 0., 1., 1.])
    """
    vector = torch.cat([tensor.reshape(-1) for tensor in tensors])  # a copy, be it of a single tensor
    return vector.to(torch.promote_types(vector.dtype, torch.float32))


def unflatten(vector: Tensor, like: Sequence[Tensor]) -> list[Tensor]:
    """Parts of ``vector`` in the shapes and types of ``like``."""
    parts = list(_unflatten_dense_tensors(vector, tuple(like)))
    if all(tensor.dtype == vector.dtype for tensor in like):
        return parts
    return [part.to(tensor.dtype) for part, tensor in zip(parts, like, strict=True)]


@dataclass(frozen=True)
class Slices:
    """Where the groups of a layout lie in the vector: one after another."""

    sizes: tuple[int, ...]  # of the groups

    @classmethod
    def of(cls, layout: Layout, tensors: Sequence[Tensor]) -> "Slices":
        """The slices of counted ``tensors``."""
        sizes = [0] * len(layout.groups)
        for group, tensor in zip(layout.group_of, tensors, strict=True):
            sizes[group] += tensor.numel()
        return cls(tuple(sizes))

    def squared_norms(self, vector: Tensor) -> Tensor:
        """Sum of squares of each group, (groups,).

        >>> Slices((2, 1)).squared_norms(torch.tensor([3.0, 4.0, 2.0]))
        tensor([25.,  4.])
        """
        pieces = [part.split(_PIECE) for part in vector.split(self.sizes)]
        squares = torch.stack(torch._foreach_norm([piece for part in pieces for piece in part])).square()
        if len(pieces) == 1:
            return squares.sum(0, keepdim=True)
        return torch.stack([part.sum() for part in squares.split([len(part) for part in pieces])])

    def expand(self, values: Tensor) -> Tensor:
        """``values`` (groups,), each over the elements of its group; a single one as it is, which broadcasts.

        >>> Slices((2, 1)).expand(torch.tensor([5.0, 7.0]))
        tensor([5., 5., 7.])
        """
        if len(self.sizes) == 1:
            return values
        return torch.cat([value.expand(size) for value, size in zip(values, self.sizes, strict=True)])
