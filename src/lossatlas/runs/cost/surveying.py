"""What a survey of a landscape takes: its first point is measured on two images of each split, and counted."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from lossatlas.hardware import threads_limited
from lossatlas.landscape import Engine, Problem
from lossatlas.landscape.curvature.operators import matrix_of
from lossatlas.landscape.measuring.prepared import opened
from lossatlas.runs.build import make
from lossatlas.runs.compose import Job
from lossatlas.runs.cost.flops import FlopCount
from lossatlas.runs.cost.images import Sizes, blank_data
from lossatlas.runs.nodes import arguments
from lossatlas.runs.rehearsal import stand_ins, unrehearsed_snapshots

Node = Mapping[str, Any]

IMAGES = 2  # of each split: batch norm after a linear layer takes no statistics of one

PLAIN: dict[str, Any] = {"fuse": False, "batch_size": IMAGES, "subsample": None, "precision": "float32"}
"""Settings of an engine whose operations are all counted; the others compute the same in another form."""

PRODUCTS: dict[str, Callable[[Node], float]] = {
    "lossatlas.landscape.convexity": lambda node: 10.71,
    "lossatlas.landscape.eigenvalues": lambda node: 43.0,
    "lossatlas.landscape.spectrum": lambda node: node["steps"],
    "lossatlas.landscape.trace": lambda node: (2 * node["sketch"] + node["probes"]) / (node["probes"] + 1),
}
"""Products of a matrix and a vector at a point of a survey, by its target.

A network that is not trained does not tell how many the eigenvalues of a trained one take. Stated are the larger of
those of the two networks in benchmarks/convexity.json (warm) and benchmarks/eigenvalues.json.
"""


@dataclass(frozen=True)
class SurveyWork:
    """What a landscape takes of a network, whichever run of it is surveyed."""

    points: int  # as the survey itself says before it begins; one that may end sooner says all
    images: int  # that a point looks at
    flops_per_image: float  # of a point
    products: float | None = None  # of a matrix and a vector at a point, where they were stated, not counted

    @property
    def tflop(self) -> float:
        """1e12 operations of the survey."""
        return self.points * self.images * self.flops_per_image / 1e12


class _Counted(Exception):  # noqa: N818
    """What was to be known of the survey is known."""


def survey_work(job: Job, name: str, network: nn.Module, sizes: Sizes) -> SurveyWork:
    """What the landscape ``name`` of ``job`` takes of ``network``, as it was initialised, on splits of these sizes.

    A survey by products of a matrix is asked for its number of points alone; one product is counted by itself.
    """
    node = job.config["landscape"][name]
    problem = _problem(job.config, network, sizes)
    by_products = next((part for part in _nodes(node) if part.get("_target_") in PRODUCTS), None)
    with threads_limited(1):
        points, flops = _first_point(job, node, problem, asked_only=by_products is not None)
        points += unrehearsed_snapshots(job, node)
        seen = _seen(node, sizes)
        if by_products is not None:
            stated = PRODUCTS[by_products["_target_"]](by_products)
            return SurveyWork(
                points, sum(seen), stated * product_flops(problem, by_products["matrix"]), stated
            )
    return SurveyWork(points, sum(seen), flops / max(len(seen), 1) / IMAGES)


def _first_point(job: Job, node: Node, problem: Problem, *, asked_only: bool) -> tuple[int, int]:
    """Number of points of a survey, and operations of the first."""
    configured, given = arguments(_plain(node), stand_ins(job, problem.model, blank_data(job.config)))
    count = FlopCount()
    heard: list[tuple[int, int, int]] = []  # finished points, all points, operations so far

    def progress(done: int, total: int) -> None:
        heard.append((done, total, count.flops))
        if done or asked_only:
            raise _Counted

    with suppress(_Counted), count:
        make(configured, **given, problem=problem, journal=None, progress=progress)
    if not heard:  # it measures nothing, such as distances between networks
        return 0, 0
    return heard[0][1], heard[-1][2] - heard[0][2]


def product_flops(problem: Problem, matrix: str) -> int:
    """Operations for an image of a product of ``matrix`` ("hessian", "gauss_newton") and a vector.

    With those of the gradient's graph, which is made anew for each product where a data set is too large to keep it.
    """
    split = problem.select(None)[0]
    with opened(problem, splits=[split], engine=Engine(**PLAIN)) as bench:
        operator = matrix_of(bench, split, matrix, kept_bytes=0)
        vector = torch.ones(operator.n, dtype=operator.dtype)
        operator(vector)  # the first looks at the size of the graph too
        with FlopCount() as count:
            operator(vector)
    return count.flops // len(problem.data[split][0])


def _problem(config: Node, network: nn.Module, sizes: Sizes) -> Problem:
    """The problem of a configuration with a few images in each split."""
    images = torch.randn(IMAGES, *config["data"]["shape"], generator=torch.Generator().manual_seed(0))
    splits = {split: (images, torch.zeros(IMAGES, dtype=torch.int64)) for split in sizes}
    return Problem(network, make(config["study"]["loss"]), splits)


def _seen(node: Node, sizes: Sizes) -> list[int]:
    """Number of images of each pass over a split that a point of the survey takes."""
    chosen: list[str] | None = None
    engine: Node = {}
    for part in _nodes(node):
        if "split" in part or part.get("splits") is not None:
            chosen = [part["split"]] if "split" in part else list(part["splits"])
        engine = part.get("engine", engine)
    most = engine.get("subsample") or node.get("batch_size") or max(sizes.values())
    seen = [min(sizes[split], most) for split in (sizes if chosen is None else chosen)]
    return [*seen, sizes["train"]] if engine.get("evaluation") == "recompute" else seen


def _plain(node: Any) -> Any:
    """Copy of ``node`` in which engines count."""
    if isinstance(node, Mapping):
        engine = node["engine"] | PLAIN if isinstance(node.get("engine"), Mapping) else node.get("engine")
        rest = {key: _plain(value) for key, value in node.items()}
        return rest if engine is None else {**rest, "engine": engine}
    return [_plain(value) for value in node] if isinstance(node, list | tuple) else node


def _nodes(node: Any) -> Iterator[Node]:
    """``node`` and all mappings within."""
    if isinstance(node, Mapping):
        yield node
        for value in node.values():
            yield from _nodes(value)
