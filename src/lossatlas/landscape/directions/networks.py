"""Directions that are given as tensors, or by the networks that they lead to."""

from collections.abc import Mapping, Sequence

from torch import Tensor

from lossatlas.landscape.directions.direction_set import DirectionSet, fixed_directions
from lossatlas.landscape.problem import Problem
from lossatlas.weight_space import check_mixable, parameters, state


class GivenDirections:
    """Directions that the user has: for each, tensors by their names in the network.

    Parameters
    ----------
    directions : mapping, or sequence of mappings
        Tensors by parameter name, of one direction or of several. Parameters that are not named stay. If running
        statistics are named, these move too.
    normalize : {"none", "filter", "layer", "weight"}, default "none"
        Rescale to the size of each filter, layer or weight, or not at all (`normalize_direction`).
    ignore : {"none", "biasbn"}, default "none"
        Tensors that become zero: none, or those of fewer than two dimensions (biases, normalisation layers).

    Examples
    --------
    >>> import torch
    >>> from torch import nn
    >>> problem = Problem(nn.Linear(2, 1), nn.MSELoss(), {"train": (torch.ones(1, 2), torch.ones(1, 1))})
    >>> GivenDirections({"bias": torch.tensor([3.0])}).of(problem).draw(0)
    {'weight': tensor([[0., 0.]]), 'bias': tensor([3.])}
    """

    def __init__(
        self,
        directions: Mapping[str, Tensor] | Sequence[Mapping[str, Tensor]],
        normalize: str = "none",
        ignore: str = "none",
    ) -> None:
        self._directions = _as_list(directions)
        self._options = {"normalize": normalize, "ignore": ignore}

    def of(self, problem: Problem) -> DirectionSet:
        """The directions at the network of ``problem``.

        ValueError if one names what the network has not, has another shape, or is zero.
        """
        return fixed_directions("given", self._directions, self._options, problem.model)


class TowardsNetworks:
    """From the network to each of ``others``, state dicts of networks of its kind, which lie at 1.

    Parameters
    ----------
    others : state dict, or sequence of these
        Networks of the problem's kind.
    statistics : bool, default False
        Whether running means and variances of batch norm move too.
    normalize : {"none", "filter", "layer", "weight"}, default "none"
        Rescale to the size of each filter, layer or weight, or not at all (`normalize_direction`).
    ignore : {"none", "biasbn"}, default "none"
        Tensors that become zero: none, or those of fewer than two dimensions (biases, normalisation layers).

    Examples
    --------
    >>> import torch
    >>> from torch import nn
    >>> problem = Problem(nn.Linear(1, 1), nn.MSELoss(), {"train": (torch.ones(1, 1), torch.ones(1, 1))})
    >>> other = {"weight": problem.model.weight + 2, "bias": problem.model.bias}
    >>> TowardsNetworks(other).of(problem).draw(0)
    {'weight': tensor([[2.]]), 'bias': tensor([0.])}
    """

    def __init__(
        self,
        others: Mapping[str, Tensor] | Sequence[Mapping[str, Tensor]],
        statistics: bool = False,
        normalize: str = "none",
        ignore: str = "none",
    ) -> None:
        self._others = _as_list(others)
        self._statistics = statistics
        self._options = {"normalize": normalize, "ignore": ignore}

    def of(self, problem: Problem) -> DirectionSet:
        """The directions at the network of ``problem``. ValueError, naming the first difference between networks."""
        own = (state if self._statistics else parameters)(problem.model)
        for other in self._others:
            check_mixable(problem.model, other, "the other network")
        differences = [
            {name: other[name].detach().to(tensor) - tensor for name, tensor in own.items()}
            for other in self._others
        ]
        return fixed_directions("towards", differences, self._options, problem.model)


def _as_list(mappings: Mapping[str, Tensor] | Sequence[Mapping[str, Tensor]]) -> list[Mapping[str, Tensor]]:
    """One, or several, as a list of them."""
    return [mappings] if isinstance(mappings, Mapping) else list(mappings)
