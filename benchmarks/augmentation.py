"""Time of an augmentation of a batch that draws for each image, against torchvision's v2 transforms and kornia.

torchvision's draw once for a whole batch; for each image they are called in a loop over images. kornia's draw for each
image of a batch. It is no dependency: without it, its column is left out (`pip install --no-deps kornia kornia_rs`,
anywhere on the path, is enough). Processor time of one thread, by turns, on batches of 128 images of 3 x 32 x 32. A
step of ResNet-20 on such a batch stands beside. Results: `augmentation.json`.

    python benchmarks/augmentation.py [--images 128] [--repetitions 30]
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from machine import describe
from torch import Tensor
from torchvision.transforms import v2

from lossatlas.data import CutMix, Cutout, Mixup, RandomCrop, RandomHorizontalFlip
from lossatlas.models import ResNet

CLASSES = 10
OURS = {
    "crop": RandomCrop(padding=4),
    "flip": RandomHorizontalFlip(),
    "cutout": Cutout(size=16),
    "mixup": Mixup(classes=CLASSES),
    "CutMix": CutMix(classes=CLASSES),
}
THEIRS: dict[str, Callable[..., Any]] = {
    "crop": v2.RandomCrop(32, padding=4),
    "flip": v2.RandomHorizontalFlip(),
    "cutout": v2.RandomErasing(p=1.0, scale=(0.25, 0.25), ratio=(1.0, 1.0)),
    "mixup": v2.MixUp(num_classes=CLASSES),
    "CutMix": v2.CutMix(num_classes=CLASSES),
}
MIXING = ("mixup", "CutMix")  # which need a batch


def kornias() -> dict[str, Callable[..., object]]:
    """What kornia has, by our names; nothing, and a line on it, where it is not installed."""
    try:
        from kornia import augmentation
    except ImportError:
        print(
            "kornia is not installed, and left out: pip install --no-deps kornia kornia_rs", file=sys.stderr
        )
        return {}
    with_targets = {"data_keys": ["input", "class"]}
    mixup, cutmix = (
        augmentation.RandomMixUpV2(**with_targets),
        augmentation.RandomCutMixV2(**with_targets),
    )
    crop, flip = augmentation.RandomCrop((32, 32), padding=4), augmentation.RandomHorizontalFlip()
    cutout = augmentation.RandomErasing(scale=(0.25, 0.25), ratio=(1.0, 1.0), p=1.0)
    return {
        "crop": lambda images, _: crop(images),
        "flip": lambda images, _: flip(images),
        "cutout": lambda images, _: cutout(images),
        "mixup": mixup,
        "CutMix": cutmix,
    }


def ways(
    name: str, images: Tensor, targets: Tensor, others: dict[str, Callable[..., object]]
) -> dict[str, Callable[[], object]]:
    """What augments the batch, by turns."""
    generator, theirs = torch.Generator().manual_seed(0), THEIRS[name]
    found: dict[str, Callable[[], object]] = {"ours": lambda: OURS[name](images, targets, generator)}
    if name in MIXING:
        found["torchvision, once a batch"] = lambda: theirs(images, targets)
    else:
        found["torchvision, once a batch"] = lambda: theirs(images)
        found["torchvision, image by image"] = lambda: torch.stack([theirs(image) for image in images])
    if name in others:
        found["kornia"] = lambda: others[name](images, targets)
    return found


def medians(tasks: dict[str, Callable[[], object]], repetitions: int) -> dict[str, float]:
    """Median processor time of each task in milliseconds, by turns."""
    times: dict[str, list[float]] = {name: [] for name in tasks}
    for _ in range(repetitions + 1):
        for name, task in tasks.items():
            begun = time.process_time()
            task()
            times[name].append(1000 * (time.process_time() - begun))
    return {name: round(statistics.median(values[1:]), 3) for name, values in times.items()}


def step(images: Tensor, targets: Tensor) -> Callable[[], object]:
    """Forward and backward pass of ResNet-20."""
    network = ResNet(20, input_shape=(3, 32, 32), classes=CLASSES)
    return lambda: torch.nn.functional.cross_entropy(network(images), targets).backward()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=int, default=128)
    parser.add_argument("--repetitions", type=int, default=30)
    parser.add_argument("--output", type=Path, default=Path(__file__).with_suffix(".json"))
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    images, targets = torch.randn(options.images, 3, 32, 32), torch.arange(options.images) % CLASSES
    of_step = medians({"step": step(images, targets)}, min(options.repetitions, 5))["step"]
    report: dict[str, Any] = {
        "what": "processor time of an augmentation of a batch, in milliseconds",
        "images": options.images,
        "repetitions": options.repetitions,
        "step_of_resnet20": of_step,
        **describe(),
        "results": {},
    }
    report["versions"]["torchvision"] = version("torchvision")
    if others := kornias():
        report["versions"]["kornia"] = version("kornia")
    for name in OURS:
        report["results"][name] = medians(ways(name, images, targets, others), options.repetitions)
        print(name, report["results"][name], file=sys.stderr)
    options.output.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
