"""Cost of a training step, in forward passes of its batch."""

from collections.abc import Mapping
from typing import Any

PASSES_OF_A_STEP = 3
"""A backward pass takes twice a forward one: the derivatives by the weights and by the inputs of each layer."""


def _of_a_band(study: Mapping[str, Any]) -> float:
    """Mean number of gradients of a step, and the losses of the two ends: as many pivots as the cycles may insert."""
    cycles = study["cycles"]
    pivots = [study["pivots"] + study["insert"] * number for number in range(len(cycles))]
    steps = [cycle["steps"] for cycle in cycles]
    gradients = sum(many * of_cycle for many, of_cycle in zip(pivots, steps, strict=True)) / sum(steps)
    return gradients + 2 / PASSES_OF_A_STEP


def epochs_of_its_own(config: Mapping[str, Any]) -> int:
    """Epochs that a run of a plain configuration is trained for, those of the trunk that it branches from left out.

    >>> epochs_of_its_own({"study": {"trunk": {"run": {"epochs": 20}}}, "epochs": 60})
    40
    """
    trunk = config["study"].get("trunk")
    return int(config["epochs"] - (trunk["run"]["epochs"] if trunk else 0))


def passes_of_a_step(config: Mapping[str, Any]) -> float:
    """Forward passes that a training step of a plain configuration takes.

    >>> passes_of_a_step({"study": {"_target_": "lossatlas.studies.Classifier"}})
    3
    >>> cycles = [{"steps": 10}, {"steps": 30}]  # of 3 pivots, then 5: 30 + 150 gradients in 40 steps
    >>> band = {"_target_": "lossatlas.studies.ElasticBand", "pivots": 3, "insert": 2, "cycles": cycles}
    >>> passes_of_a_step({"study": band})
    15.5
    """
    study = config["study"]
    return PASSES_OF_A_STEP * (
        _of_a_band(study) if study["_target_"] == "lossatlas.studies.ElasticBand" else 1
    )
