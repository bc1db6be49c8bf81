"""Principal components of a trajectory as directions."""

from lossatlas.landscape.directions.direction_set import DirectionSet, fixed_directions
from lossatlas.landscape.problem import Problem
from lossatlas.landscape.slices.pca import principal_components
from lossatlas.landscape.slices.training_path import Snapshots, trajectory_to


class PrincipalDirections:
    """Principal directions: the first ``components`` principal components of a training path, of norm 1.

    Parameters
    ----------
    snapshots : sequence or mapping of state dicts
        The network at times of its training, in order, or by epoch; `trajectory` also shows the path itself.
    components : int, default 2
        Number of directions.
    centred : bool, default True
        Whether the mean of the snapshots' differences from the network is subtracted.
    ignore : {"none", "biasbn"}, default "none"
        "biasbn" leaves out what has fewer than two dimensions.

    Examples
    --------
    >>> import torch
    >>> from torch import nn
    >>> problem = Problem(nn.Linear(1, 2), nn.MSELoss(), {"train": (torch.ones(1, 1), torch.ones(1, 2))})
    >>> snapshots = [nn.Linear(1, 2).state_dict() for _ in range(4)]
    >>> first, second = PrincipalDirections(snapshots).of(problem).take(2)
    >>> abs(sum((first[name] * second[name]).sum().item() for name in first)) < 1e-6
    True
    """

    def __init__(
        self,
        snapshots: Snapshots,
        components: int = 2,
        centred: bool = True,
        ignore: str = "none",
    ) -> None:
        self._snapshots = snapshots
        self._components = components
        self._centred = centred
        self._ignore = ignore

    def of(self, problem: Problem) -> DirectionSet:
        """The directions at the network of ``problem``. ValueError as `trajectory` raises it."""
        way = trajectory_to(problem, self._snapshots, ignore=self._ignore, centred=self._centred)
        pca = principal_components(way.rows, components=self._components, centred=self._centred)
        options = {"normalize": "none", "ignore": "none"}
        return fixed_directions(
            "principal", pca.directions, options, problem.model, centred=int(self._centred)
        )
