"""Time of a surface: `lossatlas.landscape.surface` against the straightforward way and against `loss-landscapes`.

The straightforward way is that of most landscape code: a DataLoader over a data set that transforms image
by image, read again at each point, and weights set by a Python loop over the tensors. `loss-landscapes` is the
package of that name on PyPI, used as its README does: its `random_plane` with its `Loss` metric over all images in
one tensor. Its plane is another one, but costs the same to measure; its filter normalisation divides by zero on these
networks, so that directions are normalised as a whole. All run in one process with one number of threads, by turns. The
straightforward way and lossatlas give the same numbers to float32 rounding.

Times are per point; of lossatlas without its opening, which is given beside them. Also: bfloat16 with its stated
error, and how the time grows with points and images. Results: `surface.json`. About four minutes.

    python benchmarks/surface.py [--points 7] [--repetitions 3] [--threads 1] [--only NAME] [--no-growth]
"""

import argparse
import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import loss_landscapes
import numpy as np
import torch
from loss_landscapes.metrics import Loss
from machine import describe
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from lossatlas.landscape import Engine, Problem, line, parameters, random_direction, surface
from lossatlas.models import MLP, VGG, ResNet

SEED = 123
VGG9: list[int | str] = [1, 1, "M", 2, 2, "M", 4, 4, 4, "M"]
DIGITS, CIFAR = (1, 8, 8), (3, 32, 32)
BFLOAT16 = Engine(precision="bfloat16")


@dataclass(frozen=True)
class Case:
    """A network, how many images of which shape it is surveyed on, and how many times as fast it is to be."""

    network: nn.Module
    shape: tuple[int, int, int]
    images: int
    aim: float | None
    timed_points: int = (
        0  # a side; where one point takes less than a millisecond, more than the others measure
    )


class Images(Dataset[tuple[Tensor, int]]):
    """Images transformed one by one when they are asked for, as torchvision's data sets are."""

    def __init__(self, shape: tuple[int, int, int], n: int) -> None:
        rng = np.random.default_rng(0)
        channels, height, width = shape
        self.pixels = rng.integers(0, 256, (n, height, width, channels), dtype=np.uint8)
        self.targets = rng.integers(0, 10, n).tolist()
        self.transform = transforms.Compose(
            [
                transforms.ToTensor(),
                transforms.Normalize([0.5] * channels, [0.25] * channels),
            ]
        )

    def __len__(self) -> int:
        return len(self.pixels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self.transform(self.pixels[index]), self.targets[index]


def cases() -> dict[str, Case]:
    """The networks of the experiments at both of their image sizes."""
    torch.manual_seed(0)
    digits, cifar = {"input_shape": DIGITS, "classes": 10}, {"input_shape": CIFAR, "classes": 10}
    return {
        "ResNet-20, width 8, digits": Case(ResNet(20, width=8, **digits), DIGITS, 1000, 3.0),
        "VGG-9, width 8, digits": Case(VGG(VGG9, [4], width=8, **digits), DIGITS, 1000, 1.6),
        "MLP 64-64, digits": Case(MLP([64, 64], **digits), DIGITS, 1000, 100.0, 51),
        "ResNet-20, width 16, CIFAR shape": Case(ResNet(20, **cifar), CIFAR, 128, 2.0),
        "ResNet-56, width 16, CIFAR shape": Case(ResNet(56, **cifar), CIFAR, 128, 2.0),
        "MLP 64-64, CIFAR shape": Case(MLP([64, 64], **cifar), CIFAR, 1000, None, 15),
    }


def straightforward(network: nn.Module, images: Images, points: int) -> NDArray[np.float64]:
    """Loss and error at each point, (2, points, points), by the usual loop."""
    network.eval()
    weights = parameters(network)
    along_x, along_y = (random_direction(weights, seed=SEED, index=index) for index in (0, 1))
    loader = DataLoader(images, batch_size=128, shuffle=False)
    result = np.empty((2, points, points))
    coordinates = np.linspace(-1, 1, points)
    for row, y in enumerate(coordinates):
        for column, x in enumerate(coordinates):
            for name, parameter in network.named_parameters():
                parameter.data = weights[name] + (along_x[name] * float(x) + along_y[name] * float(y))
            result[:, row, column] = one_pass(network, loader)
    for name, parameter in network.named_parameters():
        parameter.data = weights[name]
    return result


@torch.no_grad()
def one_pass(network: nn.Module, loader: DataLoader[tuple[Tensor, int]]) -> tuple[float, float]:
    """Mean loss and error over a data loader."""
    loss_sum, correct, n = 0.0, 0, 0
    for inputs, targets in loader:
        outputs = network(inputs)
        loss_sum += nn.functional.cross_entropy(outputs, targets).item() * len(targets)
        correct += outputs.argmax(1).eq(targets).sum().item()
        n += len(targets)
    return loss_sum / n, 1 - correct / n


class Watch:
    """Wall and processor seconds a point, from the first call, before any point, to the last one."""

    def __init__(self) -> None:
        self.begun = (time.perf_counter(), time.process_time())
        self.first = self.last = self.begun
        self.done = 0

    def __call__(self, done: int, total: int) -> None:
        """As progress of a survey."""
        self.last, self.done = (time.perf_counter(), time.process_time()), done
        if done == 0:
            self.first = self.last

    def per_point(self) -> tuple[float, float]:
        """Wall and processor seconds."""
        wall, processor = (end - begin for begin, end in zip(self.first, self.last, strict=True))
        return wall / self.done, processor / self.done

    def opening(self) -> float:
        """Wall seconds before the first call."""
        return self.first[0] - self.begun[0]


def watched(task: Callable[[], object], points: int) -> tuple[float, float]:
    """Wall and processor seconds a point of ``task``, which measures ``points`` points."""
    watch = Watch()
    watch(0, points)
    task()
    watch(points, points)
    return watch.per_point()


def of_package(network: nn.Module, inputs: Tensor, targets: Tensor, points: int) -> NDArray[np.float64]:
    """The surface by `loss-landscapes`, which changes the network's weights."""
    network.eval()
    before = parameters(network)
    metric = Loss(nn.CrossEntropyLoss(), inputs, targets)
    with torch.no_grad():
        values = loss_landscapes.random_plane(network, metric, 1, points, "model", deepcopy_model=False)
        for name, parameter in network.named_parameters():
            parameter.copy_(before[name])
            parameter.requires_grad_(True)
    return values


def measure(case: Case, points: int, repetitions: int) -> dict[str, object]:
    """All ways by turns: their times, the medians of the ratios, and how far the results differ."""
    images = Images(case.shape, case.images)
    inputs, targets = next(iter(DataLoader(images, batch_size=len(images))))
    case.network.train()(inputs)  # batch-norm statistics of the data, as after training
    problem = Problem(case.network, nn.functional.cross_entropy, {"train": (inputs, targets)})
    timed_points = case.timed_points or points
    openings: list[float] = []

    def ours(engine: Engine) -> tuple[float, float]:
        watch = Watch()
        surface(problem, points=timed_points, seed=SEED, engine=engine, progress=watch)
        openings.append(watch.opening())
        return watch.per_point()

    ours(Engine())  # warm up
    times: dict[str, list[tuple[float, float]]] = {
        "straightforward": [],
        "package": [],
        "exact": [],
        "bfloat16": [],
    }
    usual = np.empty(0)
    for _ in range(repetitions):
        before = time.perf_counter(), time.process_time()
        usual = straightforward(case.network, images, points)
        after = time.perf_counter(), time.process_time()
        times["straightforward"].append(
            tuple((b - a) / points**2 for a, b in zip(before, after, strict=True))
        )
        task = lambda: of_package(case.network, inputs, targets, points)  # noqa: E731
        times["package"].append(watched(task, points**2))
        times["exact"].append(ours(Engine()))
        times["bfloat16"].append(ours(BFLOAT16))
    exact = surface(problem, points=points, seed=SEED)
    coarse = surface(problem, points=points, seed=SEED, engine=BFLOAT16)
    seconds = {way: np.array(values) for way, values in times.items()}  # (repetitions, 2 clocks)
    return {
        "images": case.images,
        "shape": case.shape,
        "parameters": sum(parameter.numel() for parameter in case.network.parameters()),
        "forward": exact.forward,
        "batch_size": exact.batch_size,
        "memory_format": exact.memory_format,
        "aim": case.aim,
        **ratios(seconds["straightforward"], seconds["exact"]),
        "against_loss_landscapes": ratios(seconds["package"], seconds["exact"]),
        "bfloat16_against_straightforward": ratios(seconds["straightforward"], seconds["bfloat16"]),
        "bfloat16_error": {
            "stated": coarse.attrs["precision_error"],
            "of_all_points": float(
                abs(coarse.loss - exact.loss).max() / (exact.loss.max() - exact.loss.min())
            ),
        },
        **{
            f"{name}_{clock}_milliseconds_per_point": round(1e3 * float(np.median(seconds[way][:, index])), 3)
            for name, way in (
                ("straightforward", "straightforward"),
                ("loss_landscapes", "package"),
                ("lossatlas", "exact"),
                ("lossatlas_bfloat16", "bfloat16"),
            )
            for index, clock in enumerate(("wall", "processor"))
        },
        "lossatlas_opening_seconds": round(float(np.median(openings)), 3),
        "largest_relative_difference_of_loss": float((abs(exact.loss.values[0] - usual[0]) / usual[0]).max()),
        "largest_difference_of_error_in_images": round(
            float(abs(exact.error.values[0] - usual[1]).max()) * case.images
        ),
    }


def ratios(theirs: NDArray[np.float64], ours: NDArray[np.float64]) -> dict[str, object]:
    """How many times as fast, by both clocks: the medians over the repetitions, and all by the wall clock."""
    each = theirs / ours
    wall, processor = np.median(each, axis=0).round(2).tolist()
    return {"wall_ratio": wall, "processor_ratio": processor, "wall_ratios": each[:, 0].round(2).tolist()}


def growth() -> dict[str, object]:
    """Time a point as the grid grows from 11 x 11 to 101 x 101, and an image as these grow from 500 to 50,000."""
    torch.manual_seed(0)
    resnet = ResNet(20, width=8, input_shape=DIGITS, classes=10)
    mlp = MLP([64, 64], input_shape=DIGITS, classes=10)
    points: dict[str, dict[str, float]] = {}
    for name, network, n in (
        ("MLP 64-64, 1000 digits", mlp, 1000),
        ("ResNet-20, width 8, 50 digits", resnet, 50),
    ):
        data = {"train": (torch.randn(n, *DIGITS), torch.arange(n) % 10)}
        points[name] = {}
        for side in (11, 25, 51, 101):
            watch = Watch()
            surface(Problem(network, nn.functional.cross_entropy, data), points=side, progress=watch)
            points[name][f"{side} x {side}"] = round(1e3 * watch.per_point()[1], 3)
    colours = ResNet(20, input_shape=CIFAR, classes=10)
    images: dict[str, float] = {}
    for n in (500, 5000, 50_000):
        data = {"train": (torch.randn(n, *CIFAR), torch.arange(n) % 10)}
        watch = Watch()
        problem = Problem(colours, nn.functional.cross_entropy, data)
        line(problem, directions=1, points=2, progress=watch)
        images[str(n)] = round(1e6 * watch.per_point()[1] / n, 1)
    return {
        "processor_milliseconds_per_point": points,
        "processor_microseconds_per_image_of_ResNet-20_CIFAR_shape": images,
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--points", type=int, default=7, help="a side of the surface")
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--only", help="cases whose names contain this")
    parser.add_argument("--no-growth", action="store_true")
    parser.add_argument("--output", type=Path, default=Path(__file__).with_suffix(".json"))
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    machine = describe()
    results = {}
    for name, case in cases().items():
        if options.only and options.only not in name:
            continue
        results[name] = result = measure(case, options.points, options.repetitions)
        package = result["against_loss_landscapes"]["wall_ratio"]
        print(
            f"{name:34} {result['wall_ratio']} x by the wall clock, {result['processor_ratio']} x in processor "
            f"time; {package} x loss-landscapes",
            file=sys.stderr,
        )
    report = {
        "what": "time of a surface, straightforward (or other) / lossatlas, median over alternated repetitions",
        "points": [options.points, options.points],
        "threads": options.threads,
        **machine,
        "note": "loss-landscapes measures a plane of its own: directions drawn uniformly, alternate columns shifted",
        "results": results,
    }
    report["versions"]["loss-landscapes"] = version("loss-landscapes")
    if not options.no_growth:
        report["growth"] = growth()
    options.output.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
