"""Share of the machine's convolution peak that the forward passes reach.

The peak is the best rate of a single 3x3 convolution, large enough to hide all else, over a few shapes; it is measured
in the same process, with the same number of threads and dtype, by turns with the passes. A pass counts operations of
the network's own modules (torch.utils.flop_counter), although folding saves some. Results: `forward.json`.

    python benchmarks/forward.py [--images 256] [--repetitions 5] [--threads 1]
"""

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from machine import describe
from torch import nn
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from lossatlas.landscape import Engine, Problem
from lossatlas.landscape.measuring.prepared import prepared
from lossatlas.models import VGG, ResNet

AIM = 0.6  # of the CIFAR-shaped networks
SHAPES = [(64, 64, 8), (32, 64, 32), (16, 128, 16), (16, 256, 16)]  # images, channels, side
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}
VGG9: list[int | str] = [1, 1, "M", 2, 2, "M", 4, 4, 4, "M"]


def seconds(task: Callable[[], object]) -> float:
    """Processor time of ``task``, in seconds."""
    begun = time.process_time()
    task()
    return time.process_time() - begun


def convolutions(dtype: torch.dtype) -> list[tuple[float, Callable[[], object]]]:
    """Single convolutions: their operations, and what runs them."""
    tasks = []
    for images, channels, side in SHAPES:
        x = torch.randn(images, channels, side, side).to(dtype, memory_format=torch.channels_last)
        weight = torch.randn(channels, channels, 3, 3).to(dtype, memory_format=torch.channels_last)
        operations = (
            2.0 * images * channels**2 * 9 * side**2
        )  # as they are counted for networks, padding included
        tasks.append((operations, lambda x=x, weight=weight: functional.conv2d(x, weight, padding=1)))
    return tasks


def networks() -> dict[str, nn.Module]:
    """CIFAR-shaped networks."""
    torch.manual_seed(0)
    shape = {"input_shape": (3, 32, 32), "classes": 10}
    return {
        "ResNet-20, width 16": ResNet(20, **shape),
        "ResNet-56, width 16": ResNet(56, **shape),
        "VGG-9, width 64": VGG(VGG9, [4], **shape),
    }


def measure(network: nn.Module, precision: str, images: int, repetitions: int) -> dict[str, object]:
    """Rates of the network's pass and of the best convolution, by turns, in operations a second."""
    inputs, targets = torch.randn(images, 3, 32, 32), torch.arange(images) % 10
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network.eval()(inputs[:1])
    operations = float(counter.get_total_flops()) * images
    problem = Problem(network, nn.functional.cross_entropy, {"train": (inputs, targets)})
    singles = convolutions(DTYPES[precision])
    with prepared(problem, engine=Engine(precision=precision)) as ready, torch.inference_mode():
        batches = ready.batches["train"]

        def run() -> None:
            ready.forward.refresh()
            for batch, _ in batches:
                ready.forward(batch)

        run()
        own, peak = 0.0, 0.0
        for _ in range(repetitions):
            own = max(own, operations / seconds(run))
            peak = max(peak, *(count / seconds(task) for count, task in singles))
        kind = ready.forward.name
    return {
        "forward": kind,
        "share": round(own / peak, 3),
        "gigaflops": round(own / 1e9, 1),
        "peak_gigaflops": round(peak / 1e9, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=int, default=256)
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--output", type=Path, default=Path(__file__).with_suffix(".json"))
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    report = {
        "what": "operations a second of a forward pass / of the best single 3x3 convolution, by processor time",
        "aim": AIM,
        "threads": options.threads,
        "images": options.images,
        **describe(),
        "results": {},
    }
    for name, network in networks().items():
        report["results"][name] = {
            precision: measure(network, precision, options.images, options.repetitions)
            for precision in DTYPES
        }
        print(name, report["results"][name], file=sys.stderr)
    options.output.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
