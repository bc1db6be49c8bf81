"""Cost of a survey: its first point is measured on two images of each split, and counted."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pkgutil import resolve_name
from typing import Any

import torch
from torch import nn

from lossatlas.data import ImageData, Split
from lossatlas.experiments.cost.flops import FlopCount
from lossatlas.hardware import threads_limited
from lossatlas.landscape import Engine, Problem
from lossatlas.landscape.curvature.operators import matrix_of, products_counted
from lossatlas.landscape.measuring.prepared import prepared
from lossatlas.landscape.survey import products_at_a_point
from lossatlas.runs.build import build_data, make
from lossatlas.runs.composition.job import Job
from lossatlas.runs.dry_run import survey_until
from lossatlas.runs.resolve import Planned, snapshots_left_out, snapshots_tried

Node = Mapping[str, Any]

_IMAGES = 2  # of each split: batch norm after a linear layer takes no statistics of one

_PLAIN: dict[str, Any] = {"fuse": False, "batch_size": _IMAGES, "subsample": None, "precision": "float32"}
"""Settings of an engine whose operations are all counted; the others compute the same in another form."""


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


Sizes = dict[str, int]
"""Number of images of each split."""


def survey_work(job: Job, name: str, network: nn.Module, sizes: Sizes) -> SurveyWork:
    """What the landscape ``name`` of ``job`` takes of ``network``, as it was initialised, on splits of these sizes.

    A survey that states its products of a matrix and a vector is asked for its number of points alone; one product is
    counted by itself. ValueError for one that takes some and does not state how many.
    """
    node = job.config["landscape"][name]
    problem = _problem(job.config, network, sizes)
    stated, matrix = next(filter(None, map(_by_products, _nodes(node))), (None, "hessian"))
    with threads_limited(1):
        points, flops = _first_point(job, node, problem, asked_only=stated is not None)
        points += _points_left_out(job, node, points)
        seen = _seen(node, sizes)
        if stated == 0:
            return SurveyWork(points, sum(seen), 0.0)
        if stated is not None:
            return SurveyWork(points, sum(seen), stated * product_flops(problem, matrix), stated)
    return SurveyWork(points, sum(seen), flops / max(len(seen), 1) / _IMAGES)


def _points_left_out(job: Job, node: Node, points: int) -> int:
    """Points at snapshots beyond those that stand in for them in a dry run, which has so many ``points``."""
    left_out = snapshots_left_out(job, node)
    if left_out and isinstance(node.get("survey"), Mapping):  # which surveys each of them
        return left_out * points // snapshots_tried(job, node)
    return left_out


def _by_products(node: Node) -> tuple[float, str] | None:
    """Products at a point of the survey that ``node`` names, and of which matrix; None if it states none."""
    try:
        survey = resolve_name(str(node["_target_"]))
    except Exception:  # no target, or whatever its module raises: making the survey will tell
        return None
    settings = {key: value for key, value in node.items() if not key.startswith("_")}
    products = products_at_a_point(survey, settings)
    return None if products is None else (products, node.get("matrix", "hessian"))


def _first_point(job: Job, node: Node, problem: Problem, *, asked_only: bool) -> tuple[int, int]:
    """Number of points of a survey, and operations of the first."""
    planned = Planned(job, problem.model, blank_data(job.config))
    count = FlopCount()
    heard: list[tuple[int, int, int, int]] = []  # finished points, all, operations and products so far

    def enough(done: int, total: int) -> bool:
        heard.append((done, total, count.flops, products.taken))
        return done > 0 or asked_only

    with count, products_counted() as products:
        survey_until(enough, _plain(node), problem, planned)
    if not heard:  # it measures nothing, such as distances between networks
        return 0, 0
    if heard[-1][3] > heard[0][3]:
        raise ValueError(
            f"{node['_target_']} takes products of a matrix and a vector, of which a network that is not trained does "
            "not tell the number: state it, @survey(products=...)"
        )
    return heard[0][1], heard[-1][2] - heard[0][2]


def product_flops(problem: Problem, matrix: str) -> int:
    """Operations for an image of a product of ``matrix`` ("hessian", "gauss_newton") and a vector.

    With those of the gradient's graph, which is made anew for each product where a data set is too large to keep it.
    """
    split = problem.select(None)[0]
    with prepared(problem, splits=[split], engine=Engine(**_PLAIN)) as ready:
        operator = matrix_of(ready, split, matrix, kept_bytes=0)
        vector = torch.ones(operator.n, dtype=operator.dtype)
        operator(vector)  # the first looks at the size of the graph too
        with FlopCount() as count:
            operator(vector)
    return count.flops // len(problem.data[split][0])


def _problem(config: Node, network: nn.Module, sizes: Sizes) -> Problem:
    """The problem of a configuration with a few images in each split."""
    images = torch.randn(_IMAGES, *config["data"]["shape"], generator=torch.Generator().manual_seed(0))
    splits = {split: (images, torch.zeros(_IMAGES, dtype=torch.int64)) for split in sizes}
    return Problem(network, make(config["study"]["loss"]), splits)


def _seen(node: Node, sizes: Sizes) -> list[int]:
    """Number of images of each pass over a split that a point of the survey takes."""
    chosen: list[str] | None = None
    engine: Node = {}
    for part in _nodes(node):
        if "split" in part or part.get("splits") is not None:
            chosen = [part["split"]] if "split" in part else list(part["splits"])
        engine = part.get("engine", engine)
    surveys = [
        part for part in _nodes(node) if part is node or "engine" in part
    ]  # engines have batches as well
    few = next(filter(None, map(_examples, surveys)), None)
    most = min(engine.get("subsample") or max(sizes.values()), few or max(sizes.values()))
    seen = [min(sizes[split], most) for split in (sizes if chosen is None else chosen)]
    draws = next((part["draws"] for part in surveys if "sizes" in part), None)
    if draws and chosen:  # of minibatches, which are held against the whole split, once for all
        seen = [number + sizes[split] // draws for number, split in zip(seen, chosen, strict=True)]
    return [*seen, sizes["train"]] if engine.get("evaluation") == "recompute" else seen


def _examples(node: Node) -> int | None:
    """Largest number of examples that a point of a survey looks at, where its settings say so."""
    return node.get("batch_size") or node.get("examples") or max(node.get("sizes", []), default=None)


def _plain(node: Any) -> Any:
    """Copy of ``node`` in which engines count."""
    if isinstance(node, Mapping):
        engine = node["engine"] | _PLAIN if isinstance(node.get("engine"), Mapping) else node.get("engine")
        rest = {key: _plain(value) for key, value in node.items()}
        return rest if engine is None else {**rest, "engine": engine}
    return [_plain(value) for value in node] if isinstance(node, list | tuple) else node


def _nodes(node: Any) -> Iterator[Node]:
    """``node`` and all mappings within."""
    if isinstance(node, Mapping):
        yield node
        for value in node.values():
            yield from _nodes(value)


def split_sizes(config: Mapping[str, Any]) -> Sizes:
    """Number of images of each split of a plain configuration's data.

    Data sets that are fetched need not be there: their sizes are published. The others come with the package, or are
    the user's own, and are loaded.

    >>> split_sizes({"data": {"_target_": "lossatlas.data.cifar10", "validation": 5000}})
    {'train': 45000, 'validation': 5000, 'test': 10000}
    >>> split_sizes({"data": {"_target_": "lossatlas.data.cifar10", "train_on": "one_fold", "parts": 5}})
    {'train': 10000, 'test': 10000}
    """
    node = config["data"]
    if published := _PUBLISHED.get(node["_target_"]):
        validation = node.get("validation", 0)
        held_out = {"validation": validation} if validation else {}
        train = _trained_on(published[0] - validation, node)
        return {"train": train, **held_out, "test": published[1]}
    return {name: len(split.inputs) for name, split in build_data(config).splits.items()}


def _trained_on(images: int, data: Node) -> int:
    """How many of the ``images`` of a training split are in the part that members of an ensemble are trained on."""
    fold = images // data.get("parts", 1)
    return {"one_fold": fold, "all_but_fold": images - fold}.get(data.get("train_on", "all"), images)


def blank_data(config: Mapping[str, Any]) -> ImageData:
    """As many images as a plain configuration's data has, all black and in the memory of one.

    >>> node = {"_target_": "lossatlas.data.cifar10", "shape": [3, 32, 32], "classes": 10, "batch_size": 128}
    >>> blank_data({"data": node}).steps_per_epoch
    391
    """
    node = config["data"]
    image = torch.zeros(1, *node["shape"], dtype=torch.uint8)
    splits = {
        name: Split(image.expand(size, -1, -1, -1), torch.zeros(1, dtype=torch.int64).expand(size))
        for name, size in split_sizes(config).items()
    }
    channels = node["shape"][0]
    return ImageData(
        splits,
        shape=node["shape"],
        classes=node["classes"],
        mean=[0.0] * channels,
        std=[1.0] * channels,
        batch_size=node["batch_size"],
        drop_last=node.get("drop_last", False),
    )


_PUBLISHED = {
    "lossatlas.data.cifar10": (50_000, 10_000),  # Krizhevsky 2009
    "lossatlas.data.cifar100": (50_000, 10_000),
    "lossatlas.data.mnist": (60_000, 10_000),  # LeCun et al. 1998
}
"""Target of a data set that is fetched -> number of its training and test images."""
