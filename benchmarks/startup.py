"""Seconds from a typed command to what it does first.

    help          `lossatlas --help`, to its end
    first step    `lossatlas train logger=none epochs=1`, and the same with the default logger (W&B, offline), in an
                  empty store: until the first training step is done, when the run's progress file appears
    imports       of `lossatlas train`: the modules' own times, added up, by `python -X importtime`, which itself slows
                  them a little; and for comparison those of `import torch` and `import pytorch_lightning` alone
    reproduce     `lossatlas reproduce sharpness`, typed once more when everything is there (tiny settings)

Each is taken several times, by turns. Results: `startup.json`.

    python benchmarks/startup.py [--repetitions 5]
"""

import argparse
import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from machine import describe

COMMAND = [sys.executable, "-m", "lossatlas.cli.main"]
AIMS = {"help": 1.0, "first step": 8.0, "imports": 4.0}  # seconds
TINY = (
    *("logger=none", "epochs=1", "seed=0,1", "model.width=2"),
    *("landscape.line.points=5", "landscape.line.directions=1", "landscape.surface.points=3"),
    *("landscape.interpolation.points=5", "landscape.sharpness.iterations=1"),
)
REPRODUCE = [*COMMAND, "reproduce", "sharpness", *TINY]


def seconds_to_end(command: Sequence[str], folder: Path) -> float:
    started = time.perf_counter()
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return time.perf_counter() - started


def seconds_to_first_step(overrides: Sequence[str], folder: Path) -> float:
    """Time from the command to the first file that says how far a run is, to within some milliseconds."""
    command = [*COMMAND, "train", "epochs=1", *overrides]
    started = time.perf_counter()
    with subprocess.Popen(
        command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        while not any(folder.glob("runs/*/progress.json")):
            if process.poll() is not None:
                raise RuntimeError(f"lossatlas train ended with {process.returncode} before its first step")
            time.sleep(0.005)
        return time.perf_counter() - started  # taken here, given when the process has ended


def imports_by_package(command: Sequence[str], folder: Path) -> dict[str, float]:
    """Seconds that importing the modules of each package takes, without those that they import in turn."""
    importtime = [command[0], "-X", "importtime", *command[1:]]
    finished = subprocess.run(importtime, cwd=folder, check=True, capture_output=True, text=True)
    seconds: defaultdict[str, float] = defaultdict(float)
    for package, microseconds in _import_times(finished.stderr):
        seconds[package] += microseconds / 1e6
    return dict(sorted(seconds.items(), key=lambda item: -item[1]))


def _import_times(text: str) -> Iterator[tuple[str, int]]:
    """Package and microseconds of each line ``import time: self [us] | cumulative | imported package``."""
    for own, module in re.findall(r"^import time: +(\d+) \| +\d+ \| +(\S+)$", text, re.MULTILINE):
        yield module.partition(".")[0], int(own)


def measure(repetitions: int) -> dict[str, Any]:
    times: defaultdict[str, list[float]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as name:
        reproduced = Path(name)
        for _ in range(2):  # trains, surveys and draws; then answers
            seconds_to_end(REPRODUCE, reproduced)
        for turn in range(repetitions + 1):
            one = _one_turn(reproduced)
            if turn:  # the first is for warming the disk's cache
                for what, seconds in one.items():
                    times[what].append(seconds)
        packages = imports_by_package([*COMMAND, "train", "epochs=1", "logger=none", "seed=9"], reproduced)
    return {
        "seconds": {what: _spread(values) for what, values in times.items()},
        "imports_by_package": {
            package: round(seconds, 3) for package, seconds in packages.items() if seconds > 0.02
        },
    }


def _one_turn(reproduced: Path) -> dict[str, float]:
    with (
        tempfile.TemporaryDirectory() as a,
        tempfile.TemporaryDirectory() as b,
        tempfile.TemporaryDirectory() as c,
    ):
        train = [*COMMAND, "train", "epochs=1", "logger=none"]
        return {
            "help": seconds_to_end([*COMMAND, "--help"], reproduced),
            "first step": seconds_to_first_step(["logger=none"], Path(a)),
            "first step, W&B": seconds_to_first_step([], Path(b)),
            "imports": sum(imports_by_package(train, Path(c)).values()),
            "import torch": seconds_to_end([sys.executable, "-c", "import torch"], reproduced),
            "import pytorch_lightning": seconds_to_end(
                [sys.executable, "-c", "import pytorch_lightning"], reproduced
            ),
            "reproduce": seconds_to_end(REPRODUCE, reproduced),
        }


def _spread(values: Sequence[float]) -> dict[str, Any]:
    return {
        "median": round(statistics.median(values), 2),
        "range": [round(min(values), 2), round(max(values), 2)],
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--output", type=Path, default=Path(__file__).with_suffix(".json"))
    options = parser.parse_args()
    report = {
        "what": "seconds from a command to what it does first, median and range over alternated repetitions",
        "repetitions": options.repetitions,
        "aims_in_seconds": AIMS,
        **describe(),
        **measure(options.repetitions),
    }
    for what, seconds in report["seconds"].items():
        print(f"{what:24} {seconds['median']:6.2f} s  {seconds['range']}")
    options.output.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
