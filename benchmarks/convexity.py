"""Eigenvalues over a plane, per point: cold, warm-started from the neighbouring point, and by eigsh twice.

Rows of the 25 x 25 map of `lossatlas.landscape.convexity` around a ResNet-20 and a VGG-9 trained for a few epochs on
digits. Cold: Lanczos' method at each point. Warm: as the survey does, the first point of a row cold. Eigsh: scipy's
on curvlinops, once for the smallest and once for the largest eigenvalue, at some of the points, to the same
tolerance. Errors are relative to a run of lossatlas to 1e-3, at these points. Results: `convexity.json`.

    python benchmarks/convexity.py [--points 25] [--rows 3] [--every 8] [--images 200] [--threads 1]
"""

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from eigenvalues import Found, eigsh_twice_on
from machine import describe
from trained import networks, trained_problem

from lossatlas.landscape import Grid, Plane, Problem, parameters
from lossatlas.landscape.curvature.davidson import davidson
from lossatlas.landscape.curvature.lanczos import lanczos
from lossatlas.landscape.curvature.operators import Hessian
from lossatlas.landscape.curvature.ritz import Extremes, Wanted
from lossatlas.landscape.measuring.prepared import PreparedProblem, prepared

AIMS = {"cold / warm": 2, "eigsh twice / warm": 6}


class Clock:
    """Products, seconds and eigenvalues of one way, point by point."""

    def __init__(self) -> None:
        self.products: list[int] = []
        self.seconds: list[float] = []
        self.values: list[tuple[float, float]] = []

    def __call__(self, way: Callable[[], Found]) -> None:
        """Do it at one more point."""
        start = time.perf_counter()
        found = way()
        self.seconds.append(time.perf_counter() - start)
        self.products.append(found.products)
        self.values.append((found.low, found.high))


def row_of(ready: PreparedProblem, grid: Grid, row: int, wanted: Wanted, *, warm: bool, clock: Clock) -> None:
    """Measure a row, its points one after the other."""
    operator = Hessian(ready, "train")
    last: Extremes | None = None

    def point() -> Found:
        nonlocal last
        start = last if warm else None
        last = lanczos(operator, wanted) if start is None else davidson(operator, start.vectors, wanted)
        return Found(float(last.low.values[0]), float(last.high.values[0]), last.products)

    columns = grid.shape[1]
    for column in range(columns):
        grid.weights_at(row * columns + column, ready.weights)
        operator.refresh()
        clock(point)


def measure(problem: Problem, options: argparse.Namespace) -> dict[str, Any]:
    """Means over points of products and seconds of the three ways, and their ratios."""
    grid = Plane.random(parameters(problem.model), seed=123).grid(options.points)
    rows = np.linspace(0, options.points - 1, options.rows + 2)[1:-1].round().astype(int).tolist()
    wanted = Wanted(tolerance=options.tolerance)
    clocks = {name: Clock() for name in ("cold", "warm", "exact", "eigsh twice")}
    with prepared(problem) as ready:
        for row in rows:
            row_of(ready, grid, row, wanted, warm=False, clock=clocks["cold"])
            row_of(ready, grid, row, wanted, warm=True, clock=clocks["warm"])
            row_of(ready, grid, row, Wanted(tolerance=1e-3), warm=True, clock=clocks["exact"])
        compared = range(0, len(rows) * options.points, options.every)
        for index in compared:
            row, column = divmod(index, options.points)
            grid.weights_at(rows[row] * options.points + column, ready.weights)
            clocks["eigsh twice"](lambda: eigsh_twice_on(problem, options.tolerance))
    return _report(clocks, list(compared), rows)


def _report(clocks: dict[str, Clock], compared: list[int], rows: list[int]) -> dict[str, Any]:
    exact = np.array(clocks.pop("exact").values)
    scale = np.maximum(abs(exact), 0.01 * abs(exact).max(axis=1, keepdims=True))
    report: dict[str, Any] = {"rows": rows, "points": len(exact), "points_of_eigsh": len(compared)}
    for name, clock in clocks.items():
        places = compared if name == "eigsh twice" else list(range(len(exact)))
        errors = abs(np.array(clock.values) - exact[places]) / scale[places]
        report[name] = {
            "products_per_point": round(float(np.mean(clock.products)), 2),
            "seconds_per_point": round(float(np.mean(clock.seconds)), 4),
            "median_error_of_smallest_and_largest": np.median(errors, axis=0).round(5).tolist(),
            "points_off_by_more_than_a_tenth": int((errors > 0.1).any(axis=1).sum()),
        }
    warm = clocks["warm"]
    report["cold / warm"] = {
        "products": round(float(np.mean(clocks["cold"].products) / np.mean(warm.products)), 2),
        "seconds": round(float(np.mean(clocks["cold"].seconds) / np.mean(warm.seconds)), 2),
    }
    report["eigsh twice / warm"] = {  # at the same points
        what: round(
            float(
                np.mean(getattr(clocks["eigsh twice"], what))
                / np.mean(np.array(getattr(warm, what))[compared])
            ),
            2,
        )
        for what in ("products", "seconds")
    }
    return report


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--points", type=int, default=25, help="along either axis of the map")
    parser.add_argument("--rows", type=int, default=3, help="of the map that are measured, evenly spaced")
    parser.add_argument("--every", type=int, default=8, help="eigsh at every so many points")
    parser.add_argument("--images", type=int, default=200, help="of the digits, that the loss is over")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--tolerance", type=float, default=0.05, help="of the residual, the survey's default")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--output", type=Path, default=Path(__file__).with_suffix(".json"))
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    report: dict[str, Any] = {
        "what": "smallest and largest eigenvalue at a point of a map: cold, warm-started, and eigsh twice",
        "map": [options.points, options.points],
        "images": options.images,
        "epochs": options.epochs,
        "tolerance": options.tolerance,
        "threads": options.threads,
        "aims": AIMS,
        **describe(),
        "results": {},
    }
    for name, make in networks().items():
        problem = trained_problem(make, images=options.images, epochs=options.epochs)
        report["results"][name] = measure(problem, options)
        print(name, json.dumps(report["results"][name], indent=2), flush=True)
    options.output.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
