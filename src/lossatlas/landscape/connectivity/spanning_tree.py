"""Minimum spanning tree of minima: the bands that join them over the lowest saddles."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray
from scipy.sparse.csgraph import connected_components, minimum_spanning_tree

from lossatlas.landscape.engine import EXACT, Engine
from lossatlas.landscape.mapping.map_points import Progress
from lossatlas.landscape.measuring.evaluate import evaluate
from lossatlas.landscape.problem import Problem
from lossatlas.landscape.shapes.controlled_curve import ControlledCurve
from lossatlas.landscape.shapes.grid import Grid, axis
from lossatlas.landscape.survey import survey
from lossatlas.weight_space import Weights, norm, parameters, weights_digest


@survey(products=None)
def spanning_tree(
    problem: Problem,
    *,
    bands: Sequence[ControlledCurve],
    points: int = 61,
    split: str = "train",
    splits: Sequence[str] | None = None,
    engine: Engine = EXACT,
    journal: str | Path | None = None,
    progress: Progress | None = None,
) -> xr.Dataset:
    """Minimum spanning tree: which of ``bands``, each between two minima, join all minima over the lowest saddles.

    Minima are the ends of the bands, numbered in the order in which they come; two with the same weights are one. The
    saddle of a band is the highest loss along it; of two bands between the same minima the lower counts.

    Parameters
    ----------
    problem : Problem
        Network, loss and data; left as they were.
    bands : sequence of ControlledCurve
        Curves of two ends each, which together join all minima.
    points : int, default 61
        Points of each band, >= 2, evenly over t in [0, 1].
    split : str, default "train"
        Part of the data, among ``splits``, whose loss tells the saddles.
    splits : sequence of str, optional
        Parts of the data to measure; None: all.
    engine : Engine, optional
        Precision, batches, statistics of batch norm; by default exact to float32 rounding.
    journal : str or Path, optional
        File that keeps finished points, from which an interrupted survey goes on (`Journal`); None: nothing is kept.
    progress : callable, optional
        Called with the numbers of finished and of all points; may raise to stop the survey.

    Returns
    -------
    xr.Dataset
        Dimensionless ``loss`` (mean over the split) and ``error`` (share misclassified, where targets are classes)
        over (split, band, t), their maxima ``loss_maximum`` and ``error_maximum`` over (split, band); over (band,)
        its minima ``start`` and ``end``, ``in_tree`` (1 or 0), and ``length_ratio``, to the distance of its ends;
        over (minimum, other) ``saddle_loss`` of the best band between two minima (NaN: none), and ``highest_loss``,
        the loss that one must climb to between them on the way in the tree.

    Raises
    ------
    ValueError
        For no bands, one with several pieces, bands that do not join all minima, or networks of another shape.

    References
    ----------
    Draxler et al. 2018, arXiv:1803.00885, who summarise the landscape by this tree.

    Examples
    --------
    >>> import torch
    >>> from lossatlas.landscape import PolygonalChain
    >>> data = {"train": (torch.ones(4, 1), torch.ones(4, 1))}
    >>> problem = Problem(torch.nn.Linear(1, 1, bias=False), torch.nn.MSELoss(), data)  # loss (w - 1)**2
    >>> low, high, detour = ({"weight": torch.tensor([[w]])} for w in (0.0, 3.0, 5.0))
    >>> ways = [[low, detour, high], [low, {"weight": torch.tensor([[1.0]])}, high]]
    >>> bands = [ControlledCurve(PolygonalChain(bends=1), way) for way in ways]
    >>> tree = spanning_tree(problem, bands=bands, points=5)
    >>> tree.in_tree.values, tree.loss_maximum.sel(split="train").values
    (array([0, 1], dtype=int8), array([16.,  4.]))
    """
    placed = _checked(problem, bands)
    minima, ends = _minima(placed)
    if split not in (known := problem.select(splits)):
        raise ValueError(f"split: saddles are those of {split!r}, expected one of {', '.join(known)}")
    _of_tree(ends, np.zeros(len(ends)), len(minima))  # raises, before anything is measured, if there is none
    dataset = evaluate(
        problem,
        _grid(placed, points),
        splits=splits,
        engine=engine,
        journal=journal,
        progress=progress,
        attributes={
            "survey": "spanning_tree",
            "saddles_of": split,
            "digest": weights_digest(
                {f"{k} {name}": w for k, each in enumerate(minima) for name, w in each.items()}
            ),
        },
    )
    dataset = dataset.transpose("split", "band", "t", ...)
    for name in ("loss", "error"):
        if name in dataset:
            dataset[f"{name}_maximum"] = (
                dataset[name].max("t").assign_attrs(_about(f"highest {name} along the band"))
            )
    saddles = dataset.loss_maximum.sel(split=split).values
    of_bands = _of_bands(placed, ends, list(parameters(problem.model)))
    return dataset.assign(of_bands | _of_tree(ends, saddles, len(minima)))


def _checked(problem: Problem, bands: Sequence[ControlledCurve]) -> list[ControlledCurve]:
    if not bands:
        raise ValueError(
            'bands: expected one or more, such as [{curve: ["seed=1"]}, {curve: ["seed=2"]}], got none'
        )
    for number, band in enumerate(bands):
        if len(band.ends) != 2:
            raise ValueError(f"band {number} has {len(band.ends)} ends, expected 2")
    return [band.of(problem.model) for band in bands]


def _minima(bands: Sequence[ControlledCurve]) -> tuple[list[Weights], NDArray[np.int64]]:
    """The different ends, and of which each band's are, (bands, 2)."""
    number_of: dict[str, int] = {}
    minima: list[Weights] = []
    ends = np.empty((len(bands), 2), dtype=np.int64)
    for band, row in zip(bands, ends, strict=True):
        for side, end in enumerate(band.ends):
            digest = weights_digest(end)
            if digest not in number_of:
                number_of[digest] = len(minima)
                minima.append(end)
            row[side] = number_of[digest]
    return minima, ends


def _grid(bands: Sequence[ControlledCurve], points: int) -> Grid:
    def place(out: Weights, band: float, t: float) -> None:
        bands[int(band)].place(out, t)

    which = axis("band", np.arange(len(bands)), "number of the band")
    along = bands[0].grid(points).axes["t"]
    return Grid({"band": which, "t": along}, place, lambda band, t: bands[int(band)].combine(t))


def _of_bands(
    bands: Sequence[ControlledCurve], ends: NDArray[np.int64], names: Sequence[str]
) -> dict[str, Any]:
    distances = [
        norm({name: band.ends[1][name].double() - band.ends[0][name].double() for name in names})
        for band in bands
    ]
    ratios = [band.length() / distance for band, distance in zip(bands, distances, strict=True)]
    return {
        "start": ("band", ends[:, 0], _about("number of the minimum at its start")),
        "end": ("band", ends[:, 1], _about("number of the minimum at its end")),
        "length_ratio": ("band", ratios, _about("length of the band over the distance of its ends")),
    }


def _of_tree(ends: NDArray[np.int64], saddles: NDArray[np.float64], minima: int) -> dict[str, Any]:
    between = np.full((minima, minima), np.nan)
    best: dict[tuple[int, int], int] = {}
    for band in np.argsort(-saddles, kind="stable"):  # the lowest last
        start, end = ends[band]
        between[start, end] = between[end, start] = saddles[band]
        best[min(start, end), max(start, end)] = int(band)
    tree = _minimum_spanning_tree(between)
    in_tree = np.zeros(len(ends), dtype=np.int8)
    in_tree[[best[int(start), int(end)] for start, end in tree.edges]] = 1
    pairs = ("minimum", "other")
    return {
        "in_tree": ("band", in_tree, _about("1 if the band is part of the tree of lowest saddles")),
        "saddle_loss": (pairs, between, _about("loss at the saddle of the best band between two minima")),
        "highest_loss": (
            pairs,
            tree.highest,
            _about("loss to climb to between two minima on the way in the tree"),
        ),
    }


def _about(meaning: str) -> dict[str, str]:
    return {"long_name": meaning, "units": "1"}


@dataclass(frozen=True, eq=False)
class _SpanningTree:
    """Minimum spanning tree of the saddles between N minima.

    ``edges`` (N - 1, 2): the minima that each joins, the lower number first, by saddle, the lowest first.
    ``saddles`` (N - 1,): the loss at the saddle of each edge.
    ``highest`` (N, N): the loss that one must climb to on the best way between two minima, over any others, among all
    pairs that were given: the minimax path, which lies in the tree. NaN on the diagonal.
    """

    edges: NDArray[np.int64]
    saddles: NDArray[np.float64]
    highest: NDArray[np.float64]


def _minimum_spanning_tree(saddles: ArrayLike) -> _SpanningTree:
    """The minimum spanning tree of ``saddles`` (N, N), the saddle's loss between each two minima, NaN where not known.

    As Draxler et al. 2018 (arXiv:1803.00885) summarise their bands; by scipy's `minimum_spanning_tree`.
    ValueError if the matrix is not square and symmetric, or if its pairs do not join all minima.

    >>> nan = float("nan")
    >>> tree = _minimum_spanning_tree([[nan, 1.0, 5.0], [1.0, nan, 2.0], [5.0, 2.0, nan]])
    >>> tree.edges.tolist(), tree.saddles.tolist()
    ([[0, 1], [1, 2]], [1.0, 2.0])
    >>> float(tree.highest[0, 2])  # by way of 1, where the direct way climbs to 5
    2.0
    """
    matrix = np.asarray(saddles, dtype=np.float64)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or len(matrix) < 2:
        raise ValueError(f"saddles must be (N, N) with N >= 2, got {matrix.shape}")
    if not np.array_equal(matrix, matrix.T, equal_nan=True):
        raise ValueError("saddles must be symmetric: a saddle is the same from both sides")
    known = ~np.isnan(matrix)
    np.fill_diagonal(known, False)
    parts, part_of = connected_components(known, directed=False)
    if parts > 1:
        apart = int(np.flatnonzero(part_of != part_of[0])[0])
        raise ValueError(f"no chain of bands joins minimum 0 and minimum {apart}")
    # Ranks stand for losses: scipy takes 0 for the lack of an edge, and has only the order of the weights to go by.
    ranks = np.zeros(matrix.shape)
    ranks[known] = np.unique(matrix[known], return_inverse=True)[1] + 1.0
    rows, columns = minimum_spanning_tree(ranks).nonzero()
    edges = np.sort(np.stack([rows, columns], axis=1), axis=1).astype(np.int64)
    of_edges = matrix[edges[:, 0], edges[:, 1]]
    order = np.lexsort((edges[:, 1], edges[:, 0], of_edges))
    return _SpanningTree(edges[order], of_edges[order], _highest(edges[order], of_edges[order], len(matrix)))


def _highest(edges: NDArray[np.int64], saddles: NDArray[np.float64], minima: int) -> NDArray[np.float64]:
    """Largest saddle on the tree's way between each two minima: parts are joined from the lowest on, as by Kruskal."""
    part_of = np.arange(minima)
    highest = np.full((minima, minima), np.nan)
    for (first, second), saddle in zip(edges, saddles, strict=True):
        one, other = part_of == part_of[first], part_of == part_of[second]
        highest[np.ix_(one, other)] = highest[np.ix_(other, one)] = saddle
        part_of[other] = part_of[first]
    return highest
