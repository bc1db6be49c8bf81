"""A dry run of landscapes before anything is trained: what they cannot take is found at once, not hours later."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any

from torch import nn

from lossatlas.data import ImageData
from lossatlas.landscape import Problem
from lossatlas.landscape.survey import takes_any_network
from lossatlas.runs.build import make
from lossatlas.runs.composition.job import Job
from lossatlas.runs.resolve import IMAGES, Planned, resolved
from lossatlas.runs.store.fingerprint import survey_named
from lossatlas.runs.store.references import arguments


class _EnoughHeard(Exception):  # noqa: N818
    """No more is to be known."""


def survey_until(
    enough: Callable[[int, int], bool], node: Mapping[str, Any], problem: Problem, planned: Planned
) -> None:
    """Survey with stand-ins until ``enough(done, total)`` of its points; raises what the survey raises."""

    def progress(done: int, total: int) -> None:
        if enough(done, total):
            raise _EnoughHeard

    mixed = takes_any_network(survey_named(node))
    configured, given = arguments(node, partial(resolved, source=planned, any_network=mixed))
    with suppress(_EnoughHeard):
        make(configured, **given, problem=problem, journal=None, progress=progress)


def dry_run(job: Job, name: str, network: nn.Module, data: ImageData) -> None:
    """Survey the landscape ``name`` of a job for one point, on the network as initialised and two images of each split.

    Raises what the survey raises.
    """
    whole = {split: data.normalized(split) for split in data.splits}
    splits = {split: (inputs[:IMAGES], targets[:IMAGES]) for split, (inputs, targets) in whole.items()}
    problem = Problem(network, make(job.config["study"]["loss"]), splits)
    node = job.config["landscape"][name]
    survey_until(lambda done, _: done > 0, node, problem, Planned(job, network, data))
