"""Time of a 25 x 25 surface: `lossatlas.landscape.surface` against the straightforward way.

The straightforward way is that of most landscape code: a DataLoader over a data set that transforms image
by image, read again at each point, and weights set by a Python loop over the tensors. Both run in one process
with one number of threads, by turns. They give the same numbers to float32 rounding. Results: `surface.json`.

    python benchmarks/surface.py [--points 25] [--repetitions 3] [--threads 1]
"""

import argparse
import json
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torchvision
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

import lossatlas
from lossatlas.landscape import Problem, parameters, random_direction, surface
from lossatlas.models import MLP, VGG, ResNet

SEED = 123
VGG9: list[int | str] = [1, 1, "M", 2, 2, "M", 4, 4, 4, "M"]


@dataclass(frozen=True)
class Case:
    """A network and how many images of which shape it is surveyed on."""

    network: nn.Module
    shape: tuple[int, int, int]
    images: int


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
    digits, cifar = (1, 8, 8), (3, 32, 32)
    torch.manual_seed(0)
    return {
        "ResNet-20, width 8, digits": Case(ResNet(20, width=8, input_shape=digits, classes=10), digits, 1000),
        "VGG-9, width 8, digits": Case(VGG(VGG9, [4], width=8, input_shape=digits, classes=10), digits, 1000),
        "MLP 64-64, digits": Case(MLP([64, 64], input_shape=digits, classes=10), digits, 1000),
        "ResNet-20, width 16, CIFAR shape": Case(ResNet(20, input_shape=cifar, classes=10), cifar, 128),
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


def timed(task: Callable[[], NDArray[np.float64]]) -> tuple[tuple[float, float], NDArray[np.float64]]:
    """Wall and processor time of ``task`` in seconds, and its result."""
    wall, processor = time.perf_counter(), time.process_time()
    result = task()
    return (time.perf_counter() - wall, time.process_time() - processor), result


def measure(case: Case, points: int, repetitions: int) -> dict[str, object]:
    """Both ways by turns: their times, the median of the ratios, and how far the results differ."""
    images = Images(case.shape, case.images)
    inputs, targets = next(iter(DataLoader(images, batch_size=len(images))))
    case.network.train()(inputs)  # batch-norm statistics of the data, as after training
    problem = Problem(case.network, nn.functional.cross_entropy, {"train": (inputs, targets)})

    def ours() -> NDArray[np.float64]:
        dataset = surface(problem, points=points, seed=SEED)
        return np.stack([dataset.loss.values[0], dataset.error.values[0]])

    times = []  # (repetitions, 2 ways, 2 clocks)
    for _ in range(repetitions):
        usual_times, usual = timed(lambda: straightforward(case.network, images, points))
        our_times, result = timed(ours)
        times.append([usual_times, our_times])
    seconds = np.array(times)
    ratios = seconds[:, 0] / seconds[:, 1]  # (repetitions, 2 clocks)
    wall_ratio, processor_ratio = np.median(ratios, axis=0).round(2).tolist()
    return {
        "images": case.images,
        "shape": case.shape,
        "parameters": sum(parameter.numel() for parameter in case.network.parameters()),
        "wall_ratio": wall_ratio,
        "processor_ratio": processor_ratio,
        "wall_ratios": ratios[:, 0].round(2).tolist(),
        "straightforward_wall_seconds": seconds[:, 0, 0].round(2).tolist(),
        "lossatlas_wall_seconds": seconds[:, 1, 0].round(2).tolist(),
        "lossatlas_processor_milliseconds_per_point": round(
            1e3 * float(np.median(seconds[:, 1, 1])) / points**2, 3
        ),
        "largest_relative_difference_of_loss": float((abs(result[0] - usual[0]) / usual[0]).max()),
        "largest_difference_of_error_in_images": round(float(abs(result[1] - usual[1]).max()) * case.images),
    }


def processor() -> str:
    """Name of the processor."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return f"{len(names)} x {names[0]}" if names else platform.processor()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--points", type=int, default=25)
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    results = {}
    for name, case in cases().items():
        results[name] = measure(case, options.points, options.repetitions)
        ratios = results[name]["wall_ratio"], results[name]["processor_ratio"]
        print(f"{name:34} {ratios[0]} x by the wall clock, {ratios[1]} x in processor time", flush=True)
    report = {
        "what": "time of a surface, straightforward / lossatlas, median over alternated repetitions",
        "points": [options.points, options.points],
        "threads": options.threads,
        "processor": processor(),
        "versions": {
            "python": platform.python_version(),
            "torch": str(torch.__version__),
            "torchvision": str(torchvision.__version__),
            "lossatlas": lossatlas.__version__,
        },
        "results": results,
    }
    Path(__file__).with_suffix(".json").write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
