"""Which parameters the distance from a centre counts, and in which groups."""

from dataclasses import dataclass

from torch import nn
from torch.nn.modules.batchnorm import _NormBase

NORMALIZATIONS = (_NormBase, nn.GroupNorm, nn.LayerNorm, nn.RMSNorm)  # _NormBase: batch and instance norm


@dataclass(frozen=True)
class Layout:
    """The counted parameters of a module, in order, and the group to which each belongs; a group's are neighbours."""

    names: tuple[str, ...]  # of the counted parameters
    groups: tuple[str, ...]  # names of the groups: of layers, or "" for the one group of all
    group_of: tuple[int, ...]  # of each counted parameter


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
