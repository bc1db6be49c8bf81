"""A dry run of landscapes before anything is trained: what they cannot take is found at once, not hours later."""

from functools import partial

from torch import Tensor, nn

from lossatlas.data import ImageData
from lossatlas.landscape import Problem
from lossatlas.runs.build import make
from lossatlas.runs.composition.job import Job
from lossatlas.runs.resolve import IMAGES, Planned, stand_in
from lossatlas.runs.store.references import arguments


class _FirstPointMeasured(Exception):  # noqa: N818
    """No more is to be known."""


def dry_run(job: Job, name: str, network: nn.Module, data: ImageData) -> None:
    """Survey the landscape ``name`` of a job for one point, on the network as initialised and two images of each split.

    Raises what the survey raises.
    """

    def stop(done: int, total: int) -> None:
        if done > 0:
            raise _FirstPointMeasured

    splits: dict[str, tuple[Tensor, Tensor]] = {}
    for split in data.splits:
        inputs, targets = data.normalized(split)
        splits[split] = inputs[:IMAGES], targets[:IMAGES]
    planned = Planned(job, network, data)
    configured, given = arguments(job.config["landscape"][name], partial(stand_in, planned=planned))
    problem = Problem(network, make(job.config["study"]["loss"]), splits)
    try:
        make(configured, **given, problem=problem, journal=None, progress=stop)
    except _FirstPointMeasured:
        return
