"""Smallest and largest eigenvalue of a Hessian to 1 %: `lossatlas.landscape.eigenvalues` against other ways.

On a ResNet-20 and a VGG-9 trained for a few epochs on digits. The others: power iteration, then power iteration
shifted by the largest eigenvalue, stopped by an oracle once they are within 1 % of the truth; pyhessian, which
is power iteration with a stopping rule, the low end by a shift within the loss; scipy's eigsh on curvlinops, once
for each end, and once for both. The truth is a long run in float64. Products are matrix times vector; seconds
are wall time from the network to both eigenvalues. Results: `eigenvalues.json`.

    python benchmarks/eigenvalues.py [--images 300] [--epochs 10] [--most 1000] [--threads 1]
"""

import argparse
import copy
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyhessian
import torch
from curvlinops import HessianLinearOperator
from machine import describe
from numpy.typing import NDArray
from scipy.sparse.linalg import LinearOperator, eigsh
from torch import Tensor, nn
from trained import networks, products_of_pyhessian, trained_problem

from lossatlas.landscape import Problem, eigenvalues
from lossatlas.landscape.curvature.operators import Hessian, SymmetricOperator
from lossatlas.landscape.measuring.prepared import prepared

AIMS = {"power iteration": 10, "eigsh twice": 3}
TOLERANCE = 0.01


@dataclass(frozen=True)
class Found:
    """Both eigenvalues, and how many products they took."""

    low: float
    high: float
    products: int


@dataclass(frozen=True)
class Task:
    """The problem, the truth, and a limit on products."""

    problem: Problem
    truth: Found
    most: int


def truth(problem: Problem) -> Found:
    data = {split: (inputs.double(), targets) for split, (inputs, targets) in problem.data.items()}
    return ours(Problem(copy.deepcopy(problem.model).double(), problem.loss, data), tolerance=1e-4)


def ours(problem: Problem, tolerance: float = TOLERANCE) -> Found:
    dataset = eigenvalues(problem, tolerance=tolerance)
    low, high = dataset.eigenvalue.values[:, 0].tolist()
    return Found(low, high, int(dataset.products))


def power_iteration(task: Task) -> Found:
    with prepared(task.problem) as ready:
        operator = Hessian(ready, "train")
        high, first = _power(operator, 0.0, task.truth.high, task.most)
        low, second = _power(operator, high, task.truth.low, task.most)
    return Found(low, high, first + second)


def _power(operator: SymmetricOperator, shift: float, target: float, most: int) -> tuple[float, int]:
    vector = torch.randn(operator.n, generator=torch.Generator().manual_seed(0))
    estimate, products = float("inf"), 0
    while abs(estimate - target) > TOLERANCE * abs(target) and products < most:
        vector /= vector.norm()
        product = operator(vector)
        products += 1
        estimate = float(vector @ product)
        vector = product - shift * vector
    return estimate, products


def by_pyhessian(task: Task) -> Found:
    """With its own tolerance, 1e-3, and at most a hundred iterations, as it comes."""
    model, data = task.problem.model, task.problem.data["train"]
    torch.manual_seed(0)
    with products_of_pyhessian() as products:
        high = pyhessian.hessian(model, task.problem.loss, data=data, cuda=False).eigenvalues()[0][0]
        model.zero_grad(set_to_none=True)

        def shifted(outputs: Tensor, targets: Tensor) -> Tensor:
            squares = sum((parameter**2).sum() for parameter in model.parameters())
            return task.problem.loss(outputs, targets) - 0.5 * high * squares

        low = pyhessian.hessian(model, shifted, data=data, cuda=False).eigenvalues()[0][0] + high
        model.zero_grad(set_to_none=True)
    return Found(low, high, len(products))


def eigsh_twice_on(problem: Problem, tolerance: float = TOLERANCE) -> Found:
    operator, products = _curvlinops(problem)
    low, high = (_eigsh(operator, 1, which, tolerance)[0] for which in ("SA", "LA"))
    return Found(float(low), float(high), len(products))


def eigsh_both_ends(task: Task) -> Found:
    operator, products = _curvlinops(task.problem)
    low, high = _eigsh(operator, 2, "BE", TOLERANCE)
    return Found(float(low), float(high), len(products))


def _curvlinops(problem: Problem) -> tuple[LinearOperator, list[int]]:
    """The Hessian as scipy takes it, and a list that grows with each product."""
    model, products = problem.model, []
    matrix = HessianLinearOperator(
        model,
        nn.CrossEntropyLoss(),
        list(model.parameters()),
        [problem.data["train"]],
        check_deterministic=False,
    ).to_scipy()

    def product(vector: NDArray[np.float32]) -> NDArray[np.float32]:
        products.append(1)
        return matrix @ vector.astype(np.float32)

    return LinearOperator(matrix.shape, matvec=product, dtype=np.float32), products


def _eigsh(operator: LinearOperator, k: int, which: str, tolerance: float) -> NDArray[np.float64]:
    start = np.random.default_rng(0).standard_normal(operator.shape[0]).astype(np.float32)
    values = eigsh(operator, k=k, which=which, tol=tolerance, v0=start, return_eigenvectors=False)
    return np.sort(values)


WAYS: dict[str, Callable[[Task], Found]] = {
    "lossatlas": lambda task: ours(task.problem),
    "power iteration": power_iteration,
    "pyhessian": by_pyhessian,
    "eigsh twice": lambda task: eigsh_twice_on(task.problem),
    "eigsh, both ends at once": eigsh_both_ends,
}


def measure(task: Task) -> dict[str, Any]:
    """All ways: their errors, products and seconds, and the last two relative to lossatlas."""
    results: dict[str, Any] = {}
    for name, way in WAYS.items():
        start = time.perf_counter()
        found = way(task)
        results[name] = {
            "error_of_smallest": round(abs(found.low / task.truth.low - 1), 5),
            "error_of_largest": round(abs(found.high / task.truth.high - 1), 5),
            "products": found.products,
            "seconds": round(time.perf_counter() - start, 2),
        }
    for result in results.values():
        for what in ("products", "seconds"):
            result[f"{what}_relative"] = round(result[what] / results["lossatlas"][what], 2)
    return results


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=int, default=300, help="of the digits, that the loss is over")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--most", type=int, default=1000, help="products of power iteration at an end")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--output", type=Path, default=Path(__file__).with_suffix(".json"))
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    report: dict[str, Any] = {
        "what": "smallest and largest eigenvalue of the Hessian to 1 %, products and seconds relative to lossatlas",
        "images": options.images,
        "epochs": options.epochs,
        "most_products_of_power_iteration_at_an_end": options.most,
        "threads": options.threads,
        "aims": AIMS,
        **describe(),
        "results": {},
    }
    for name, make in networks().items():
        problem = trained_problem(make, images=options.images, epochs=options.epochs)
        exact = truth(problem)
        results = measure(Task(problem, exact, options.most))
        report["results"][name] = {"smallest": exact.low, "largest": exact.high, "ways": results}
        for way, result in results.items():
            print(f"{name:20} {way:26} {result}", flush=True)
    options.output.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
