"""Which parameters the distance from a centre counts, and in which groups."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase

NORMALIZATIONS = (_NormBase, nn.GroupNorm, nn.LayerNorm, nn.RMSNorm)  # _NormBase: batch and instance norm


@dataclass(frozen=True)
class Layout:
    """The counted parameters of a module, in order, and the group to which each belongs."""

    names: tuple[str, ...]  # of the counted parameters
    groups: tuple[str, ...]  # names of the groups: of layers, or "" for the one group of all
    group_of: tuple[int, ...]  # of each counted parameter

    def squared_norms(self, tensors: Sequence[Tensor]) -> Tensor:
        """Sum of squares in each group, (groups,), of ``tensors`` shaped as the counted parameters.

        Accumulated in float32, or in the tensors' own precision where that is higher.
        """
        wide = torch.promote_types(tensors[0].dtype, torch.float32)
        squares = torch.stack(torch._foreach_norm(list(tensors), 2, wide)).square()
        if len(self.groups) == 1:
            return squares.sum(0, keepdim=True)
        index = torch.tensor(self.group_of, device=squares.device)
        return squares.new_zeros(len(self.groups)).index_add_(0, index, squares)

    def by_group(self, values: Tensor) -> list[Tensor]:
        """The value of its group for each counted parameter, from ``values`` (groups,)."""
        of_groups = values.unbind()
        return [of_groups[group] for group in self.group_of]


@dataclass(frozen=True)
class Distance:
    """What is counted in D, the squared Euclidean distance from a centre.

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
        if isinstance(module.get_submodule(owner), NORMALIZATIONS):
            return self.normalization
        return self.biases or own_name != "bias"
