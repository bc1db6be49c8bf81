"""Listing a large store and finding a run in it.

    every record    all manifests and configurations read by PyYAML's own loader, as where there is no index
    no index        the same by libyaml, which is what `lossatlas runs` does the first time; it then writes the index
    index           `lossatlas runs`, from the arguments to the printed table
    filter          `lossatlas runs model=mlp optimizer=sgd`
    find            the run that a beginning of its fingerprint names, as run=3f0c

All in one process, by turns, in processor time, which other processes disturb less; every way lists the same runs,
which the script checks. The first two are taken once. Peak memory is that of a fresh process that lists with the
index, and of one that only imports the same. Results: `listing.json`.

    python benchmarks/listing.py [--runs 5000] [--repetitions 5]
"""

import argparse
import io
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import yaml
from machine import describe

from lossatlas.cli.runs import main as runs_command
from lossatlas.runs.composition.compose import compose_job
from lossatlas.runs.store import index, store
from lossatlas.runs.store.fingerprint import fingerprint
from lossatlas.runs.store.lookup import find_run
from lossatlas.runs.store.manifest import new_manifest
from lossatlas.runs.store.store import Store

AIMS = {"index": 3.0, "find": 0.1}  # seconds of processor time for 5,000 runs
ARMS = [(model, optimizer) for model in ("mlp", "resnet20_narrow") for optimizer in ("sgd", "adam")]


def make_store(root: Path, runs: int) -> Store:
    """A store of the records of a sweep over models, optimizers and seeds."""
    made = Store(root)
    jobs = [
        compose_job([f"model={model}", f"optimizer={optimizer}", "logger=none"]) for model, optimizer in ARMS
    ]
    texts = [yaml.safe_dump(job.config, sort_keys=False) for job in jobs]
    manifest = new_manifest("", 1, seed=0, experiment="sweep", overrides=[])
    manifest.status, manifest.epochs, manifest.metrics = "finished", 30, {"test_error": 0.0123}
    for number in range(runs):
        job, text = jobs[number % len(jobs)], texts[number % len(jobs)]
        seed = number // len(jobs)
        run = made.run(fingerprint({**job.config, "seed": seed}))
        run.folder.mkdir(parents=True)
        run.config_path.write_text(text.replace("\nseed: 0\n", f"\nseed: {seed}\n"), encoding="utf-8")
        overrides = [*job.overrides, f"seed={seed}"]
        run.write_manifest(replace(manifest, fingerprint=run.fingerprint, seed=seed, overrides=overrides))
    return made


def listed(root: Path, *filters: str) -> str:
    out = io.StringIO()
    with redirect_stdout(out):
        runs_command([*filters, "--store", str(root)])
    return out.getvalue()


def without_index(root: Path, loader: Any) -> list[str]:
    """Fingerprints of all runs, each record of which is read."""
    before, store._YAML_LOADER = store._YAML_LOADER, loader
    (root / index.INDEX).unlink(missing_ok=True)
    try:
        return [entry.run.fingerprint for entry in index.list_runs(Store(root))]
    finally:
        store._YAML_LOADER = before


def seconds(work: Callable[[], Any]) -> tuple[float, Any]:
    started = time.process_time()
    result = work()
    return time.process_time() - started, result


def peak_memory(statement: str, folder: Path) -> float:
    """Largest memory of a fresh process, in MB."""
    code = (
        "import contextlib, io, resource\nfrom lossatlas.cli.runs import main\n"
        f"with contextlib.redirect_stdout(io.StringIO()):\n    {statement}\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, check=True, capture_output=True, text=True
    )
    return float(done.stdout)


def measure(root: Path, repetitions: int) -> dict[str, Any]:
    """Seconds of each way; those that read all records come once, before the others."""
    time.sleep(2.5)  # so that the records are old enough to be kept in the index
    names = without_index(root, yaml.CSafeLoader)
    name = names[len(names) // 2]
    ways: dict[str, Callable[[], Any]] = {
        "index": lambda: listed(root),
        "filter": lambda: listed(root, "model=mlp", "optimizer=sgd"),
        "find": lambda: find_run(Store(root), name[:10]).fingerprint,
    }
    expected = {"index": len(names) + 1, "filter": len(names) // len(ARMS) + 1}
    found: dict[str, list[float]] = {way: [] for way in ("every record", "no index", *ways)}
    for way, loader in (("every record", yaml.SafeLoader), ("no index", yaml.CSafeLoader)):
        spent, again = seconds(partial(without_index, root, loader))
        assert again == names
        found[way].append(spent)
    for _ in range(repetitions):
        for way, work in ways.items():
            spent, result = seconds(work)
            assert result == name if way == "find" else len(result.splitlines()) == expected[way]
            found[way].append(spent)
    return {
        way: {"seconds": statistics.median(times), "range": [min(times), max(times)]}
        for way, times in found.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=5000)
    parser.add_argument("--repetitions", type=int, default=5)
    options = parser.parse_args()
    report = describe() | {"runs": options.runs, "repetitions": options.repetitions}
    with tempfile.TemporaryDirectory() as name:
        root = make_store(Path(name) / "runs", options.runs).root
        found = measure(root, options.repetitions)
        memory = {
            "index": peak_memory("main([])", root.parent),
            "imports": peak_memory("pass", root.parent),
        }
    for way, result in found.items():
        result["of index"] = result["seconds"] / found["index"]["seconds"]
        result["aim"] = AIMS.get(way)
    report |= {"ways": found, "peak memory, MB": memory}
    path = Path(__file__).with_suffix(".json")
    path.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    print(path.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
