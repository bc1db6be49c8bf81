"""What a training step takes, in forward passes of its batch."""

from collections.abc import Callable, Mapping
from typing import Any

PASSES_OF_A_STEP = 3
"""A backward pass takes twice a forward one: the derivatives by the weights and by the inputs of each layer."""

NETWORKS_OF_A_STEP: dict[str, Callable[[Mapping[str, Any]], float]] = {}
"""Target of a study that takes the gradient at several networks in a step -> how many, for its configuration."""


def passes_of_a_step(config: Mapping[str, Any]) -> float:
    """Forward passes that a training step of a plain configuration takes.

    >>> passes_of_a_step({"study": {"_target_": "lossatlas.studies.Classifier"}})
    3
    """
    networks = NETWORKS_OF_A_STEP.get(config["study"]["_target_"])
    return PASSES_OF_A_STEP * (1 if networks is None else networks(config))
