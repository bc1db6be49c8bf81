"""What curves and bands ask of the networks that they run between."""

from collections.abc import Sequence

from torch import nn

from lossatlas.landscape.weight_space import check_alike, norm
from lossatlas.studies.trained import TrainedNetwork

_NEARLY = 1e-3  # of the network's norm: networks of different seeds are about as far apart as they are long


def check_ends(network: nn.Module, ends: Sequence[TrainedNetwork]) -> None:
    """Raise ValueError unless there are two ends or more, all of the kind of ``network`` and apart from each other.

    Two of one seed begin at the same weights, and those that differ in nothing else end there as well.
    """
    if len(ends) < 2:
        raise ValueError(f"a curve needs at least two ends, got {len(ends)}")
    expected = network.state_dict()
    for end in ends:
        check_alike(expected, end.state, end.name)
    names = [name for name, _ in network.named_parameters()]
    for k, end in enumerate(ends):
        for other in ends[:k]:
            _check_apart(other, end, names)


def _check_apart(end: TrainedNetwork, other: TrainedNetwork, names: Sequence[str]) -> None:
    if end.seed == other.seed:
        raise ValueError(
            f"{end.name} and {other.name} are ends with the same seed={end.seed}; expected a seed for each end"
        )
    distance = norm({name: end.state[name].double() - other.state[name].double() for name in names})
    if distance <= _NEARLY * norm({name: end.state[name] for name in names}):
        raise ValueError(
            f"{end.name} and {other.name} are the same end: the distance between them is {distance:.3g}"
        )
