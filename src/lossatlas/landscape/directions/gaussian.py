"""Random Gaussian directions."""

from lossatlas.landscape.directions.conventions import convention_named
from lossatlas.landscape.directions.direction_set import Attributes, DirectionSet, moved_or_not
from lossatlas.landscape.directions.normalization import normalize_direction
from lossatlas.landscape.problem import Problem
from lossatlas.normalizations import standardized_weights
from lossatlas.weight_space import Weights, parameters, running_statistics


class RandomDirections:
    """Gaussian directions, as many as are wanted; the options are those of `random_direction`.

    Parameters
    ----------
    seed : int, default 123
        Seed of the directions.
    normalize : {"filter", "layer", "weight", "none"}, default "filter"
        Rescale to the size of each filter, layer or weight, or not at all (`normalize_direction`).
    ignore : {"biasbn", "none"}, default "biasbn"
        Tensors that stay: those of fewer than two dimensions (biases, normalisation layers), or none.
    statistics : bool, default False
        Whether running means and variances of batch norm move too, as "states" in Li et al.'s code; ``ignore`` =
        "biasbn" leaves them where they are.
    convention : {"lossatlas", "li2018"}, default "lossatlas"
        Rules for drawing, small tensors and variances below zero: this library's, or those of Li et al.'s code.

    Examples
    --------
    >>> import torch
    >>> from torch import nn
    >>> problem = Problem(nn.Linear(2, 1), nn.MSELoss(), {"train": (torch.ones(1, 2), torch.ones(1, 1))})
    >>> [direction] = RandomDirections(seed=0).of(problem).take(1)
    >>> {name: tuple(tensor.shape) for name, tensor in direction.items()}
    {'weight': (1, 2), 'bias': (1,)}
    """

    def __init__(
        self,
        seed: int = 123,
        normalize: str = "filter",
        ignore: str = "biasbn",
        statistics: bool = False,
        convention: str = "lossatlas",
    ) -> None:
        self._seed = seed
        self._normalize = normalize
        self._ignore = ignore
        self._statistics = statistics
        self._convention = convention

    @property
    def options(self) -> dict[str, str | int]:
        """The options by their names."""
        return {name.removeprefix("_"): value for name, value in vars(self).items()}

    def of(self, problem: Problem) -> DirectionSet:
        """The directions at the network of ``problem``.

        ValueError for an unknown option, and for covariances that would move, which are then none.
        """
        rules = convention_named(self._convention)
        standardized = standardized_weights(problem.model)
        weights = (rules.states if self._statistics else parameters)(problem.model)
        moving = {*parameters(problem.model), *running_statistics(problem.model)}
        centre = {name: tensor for name, tensor in weights.items() if name in moving}
        covariance = next((name for name in centre if name.endswith("running_covariance")), None)
        if covariance and self._ignore != "biasbn":
            raise ValueError(
                f"statistics move along with means and variances alone, and {covariance!r} is a covariance: leave out "
                "statistics, or take ignore=biasbn"
            )

        def draw(k: int) -> Weights:
            drawn = rules.draw(weights, self._seed, k)
            kept = {name: drawn[name] for name in centre}
            return normalize_direction(
                kept, centre, self._normalize, self._ignore, self._convention, standardized
            )

        described: Attributes = {**self.options, "statistics": moved_or_not(self._statistics)}
        return DirectionSet(centre, draw, None, rules.clamps_variances, {"directions": "random", **described})
