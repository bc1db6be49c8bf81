"""Points that a surface takes: `surface(sampling="adaptive")` against plain sub-grids, both against the full grid.

Networks from a smooth one to a chaotic one, each trained for a few seconds on scikit-learn's digits. The loss is
measured at every point of the grid, which is the truth. A plain sub-grid takes every so many points and interpolates
with bicubic splines, of the loss cut off at the ceiling or of its logarithm. Errors are those of the loss cut off at
the ceiling, as shares of its range. Results: `adaptive.json`.

    python benchmarks/adaptive.py [--points 51] [--images 256] [--epochs 10] [--tolerance 0.01] [--threads 1]
"""

import argparse
import json
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import machine
import numpy as np
import torch
from numpy.typing import NDArray
from scipy.interpolate import RectBivariateSpline
from sklearn.datasets import load_digits
from torch import Tensor, nn

from lossatlas.landscape import Problem, surface
from lossatlas.models import MLP, ResNet

Array = NDArray[np.float64]

CEILING = 10.0
SHAPE = (1, 8, 8)
TRAINING = 1000  # images
AIM = 2.0  # plain sub-grid's points over ours, at equal error


def near_identity(network: nn.Module) -> nn.Module:
    """Add the identity to each convolution: without shortcuts, 56 layers hardly train otherwise."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            identity = nn.init.dirac_(torch.empty_like(module.weight))
            module.weight.data.mul_(0.3).add_(identity)
    return network


NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "MLP 64-64": partial(MLP, [64, 64], input_shape=SHAPE, classes=10),
    "ResNet-20, width 8": partial(ResNet, 20, width=8, input_shape=SHAPE, classes=10),
    "ResNet-56, width 4": partial(ResNet, 56, width=4, input_shape=SHAPE, classes=10),
    "ResNet-56, width 4, no shortcuts": lambda: near_identity(
        ResNet(56, width=4, skip=False, input_shape=SHAPE, classes=10)
    ),
}


def digits() -> tuple[Tensor, Tensor]:
    """The images of 8 x 8, normalised, and their classes."""
    bunch = load_digits()
    images = torch.tensor(bunch.images, dtype=torch.float32).unsqueeze(1)
    return (images - images.mean()) / images.std(), torch.tensor(bunch.target)


def train(network: nn.Module, inputs: Tensor, targets: Tensor, epochs: int, batch: int = 50) -> float:
    """Train by SGD with one cycle of the learning rate; error on the training set in evaluation mode."""
    rate, batches = 0.05, len(targets) // batch
    optimizer = torch.optim.SGD(network.parameters(), rate, momentum=0.9, weight_decay=5e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=epochs * batches)
    network.train()
    for _ in range(epochs):
        for indices in torch.randperm(len(targets)).view(batches, batch):
            optimizer.zero_grad()
            nn.functional.cross_entropy(network(inputs[indices]), targets[indices]).backward()
            optimizer.step()
            schedule.step()
    network.eval()
    with torch.no_grad():
        return (network(inputs).argmax(1) != targets).double().mean().item()


def plotted(loss: Array) -> Array:
    """The loss as a picture shows it."""
    return np.minimum(np.nan_to_num(loss, nan=CEILING, posinf=CEILING), CEILING)


def errors(loss: Array, truth: Array) -> dict[str, float]:
    """Largest error and its 95 % quantile, as shares of the plotted range."""
    off = abs(plotted(loss) - plotted(truth)) / np.ptp(plotted(truth))
    return {"max": round(float(off.max()), 5), "95%": round(float(np.quantile(off, 0.95)), 5)}


def whole_errors(loss: Array, truth: Array) -> dict[str, float]:
    """The same of the loss as it is stored, as shares of its whole range; what is not finite is left out."""
    known = np.isfinite(loss) & np.isfinite(truth)
    off = abs(loss - truth)[known] / np.ptp(truth[known])
    return {"max": round(float(off.max()), 5), "95%": round(float(np.quantile(off, 0.95)), 5)}


def capped(truth: Array, along: NDArray[np.int64]) -> Array:
    """Bicubic splines of the loss cut off at the ceiling, through the points with indices ``along`` both axes."""
    every = np.arange(len(truth))
    return RectBivariateSpline(along, along, plotted(truth[np.ix_(along, along)]))(every, every)


def logarithmic(truth: Array, along: NDArray[np.int64]) -> Array:
    """The same of its logarithm, which is not cut off."""
    every = np.arange(len(truth))
    logarithms = np.log(np.nan_to_num(truth, nan=CEILING, posinf=1e30)[np.ix_(along, along)])
    return np.exp(np.minimum(RectBivariateSpline(along, along, logarithms)(every, every), 50.0))


PLAIN: dict[str, Callable[[Array, NDArray[np.int64]], Array]] = {"capped": capped, "log": logarithmic}


def sub_grids(truth: Array) -> Iterator[tuple[int, NDArray[np.int64]]]:
    """Points of a sub-grid and their indices along an axis, from coarse to fine; the last is the whole grid."""
    size = len(truth)
    for number in range(5, size + 1):
        yield number**2, np.linspace(0, size - 1, number).round().astype(np.int64)


def at_equal_error(truth: Array, ours: dict[str, float], interpolate: Callable[..., Array]) -> dict[str, int]:
    """Points of the coarsest plain sub-grid with errors no larger than ``ours``, by each of both."""
    found: dict[str, int] = {}
    for points, along in sub_grids(truth):
        theirs = errors(interpolate(truth, along), truth)
        for kind in ours:
            if theirs[kind] <= ours[kind]:
                found.setdefault(kind, points)
    return found


def strides(truth: Array, interpolate: Callable[..., Array]) -> dict[str, Any]:
    """Errors of the plain sub-grids that take every second, fourth, ... point."""
    found = {}
    for stride in (2, 4, 5, 10):
        along = np.linspace(0, len(truth) - 1, (len(truth) - 1) // stride + 1).round().astype(np.int64)
        found[f"1/{stride**2}"] = {"points": len(along) ** 2, **errors(interpolate(truth, along), truth)}
    return found


def measure(network: nn.Module, options: argparse.Namespace) -> dict[str, Any]:
    """Train ``network``, measure the full grid and the adaptive one, and compare."""
    inputs, targets = digits()
    error = train(network, inputs[:TRAINING], targets[:TRAINING], options.epochs)
    data = {"train": (inputs[: options.images], targets[: options.images])}
    problem = Problem(network, nn.functional.cross_entropy, data)
    survey = partial(surface, problem, points=options.points, seed=options.seed)
    seconds, datasets = {}, {}
    for sampling in ("grid", "adaptive"):
        begin = time.process_time()
        datasets[sampling] = survey(sampling=sampling, tolerance=options.tolerance, ceiling=CEILING)
        seconds[sampling] = time.process_time() - begin
    truth = datasets["grid"].loss.values[0]
    attributes = datasets["adaptive"].attrs
    ours = errors(datasets["adaptive"].loss.values[0], truth)
    number = attributes["measured_points"]
    plain = {name: at_equal_error(truth, ours, interpolate) for name, interpolate in PLAIN.items()}
    return {
        "training_error": round(error, 4),
        "share_over_the_ceiling": round(float((truth > CEILING).mean()), 3),
        "points": truth.size,
        "measured": number,
        "share_measured": round(number / truth.size, 4),
        "converged": attributes["converged"],
        "estimated_error": round(attributes["estimated_error"], 5),
        "held_out_error": round(attributes["held_out_error"], 5),
        "true_error": ours,
        "true_error_of_the_whole_range": whole_errors(datasets["adaptive"].loss.values[0], truth),
        "plain_points_over_ours_at_equal_error": {
            name: {kind: round(points / number, 2) for kind, points in found.items()}
            for name, found in plain.items()
        },
        "plain_sub_grids": {name: strides(truth, interpolate) for name, interpolate in PLAIN.items()},
        "processor_time_ratio": round(seconds["grid"] / seconds["adaptive"], 2),
        "processor_seconds": {name: round(spent, 2) for name, spent in seconds.items()},
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--points", type=int, default=51, help="along each axis")
    parser.add_argument("--images", type=int, default=256)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--tolerance", type=float, default=0.01)
    parser.add_argument("--seed", type=int, default=123, help="of the directions")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=list(NETWORKS))
    parser.add_argument("--output", type=Path, default=Path(__file__).with_suffix(".json"))
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    described = machine.describe()
    results = {}
    for name in options.networks:
        torch.manual_seed(0)
        results[name] = found = measure(NETWORKS[name](), options)
        ratios = found["plain_points_over_ours_at_equal_error"]["capped"]
        print(
            f"{name:34} {found['measured']} of {found['points']} points, true error {found['true_error']}, "
            f"plain sub-grid over ours {ratios}",
            flush=True,
        )
    report = {
        "what": "points of an adaptive surface, and of plain sub-grids with bicubic splines at equal error",
        "points": [options.points, options.points],
        "images": options.images,
        "epochs": options.epochs,
        "tolerance": options.tolerance,
        "ceiling": CEILING,
        "directions_seed": options.seed,
        "threads": options.threads,
        "aim": AIM,
        **described,
        "results": results,
    }
    options.output.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
