"""A rehearsal of the landscapes before anything is trained: what they cannot take is found at once, not hours later."""

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor, nn

from lossatlas.data import ImageData
from lossatlas.landscape import Problem
from lossatlas.runs.build import build_network, make
from lossatlas.runs.compose import Job, compose_job, merge_overrides
from lossatlas.runs.survey import replace_runs

IMAGES = 2  # of each split


class _Rehearsed(Exception):  # noqa: N818
    """The first point was measured."""


def rehearse(job: Job, name: str, network: nn.Module, data: ImageData) -> None:
    """Survey the landscape ``name`` of a job for one point, on the network as initialised and two images of each split.

    Raises what the survey raises.
    """

    def state_of(overrides: Sequence[str]) -> Mapping[str, Tensor]:
        other = compose_job(merge_overrides(job.overrides, overrides))
        return build_network(other.config).state_dict()

    def stop(done: int, total: int) -> None:
        if done > 0:
            raise _Rehearsed

    splits: dict[str, tuple[Tensor, Tensor]] = {}
    for split in data.splits:
        inputs, targets = data.normalized(split)
        splits[split] = inputs[:IMAGES], targets[:IMAGES]
    node: Any = job.config["landscape"][name]
    problem = Problem(network, make(job.config["study"]["loss"]), splits)
    try:
        make(replace_runs(node, state_of), problem=problem, journal=None, progress=stop)
    except _Rehearsed:
        return
