"""Which runs and landscapes the experiments mean: of each experiment and scale one digest, held to fingerprints.json.

Run as a script it composes the experiments that it is given, or all, and prints that file anew, which takes some ten
minutes: `python tests/conf/test_experiment_fingerprints.py [NAME ...] > tests/conf/fingerprints.json`.
A digest changes only where an experiment is meant to compute something else; stored runs of it are then not found.
"""

import hashlib
import json
import sys
from pathlib import Path

import pytest

from lossatlas.experiments.catalogue import experiments
from lossatlas.experiments.collect import locate
from lossatlas.experiments.sweeps import compose_sweeps
from lossatlas.runs.composition.sweep import other_job_among
from lossatlas.runs.store.fingerprint import fingerprint

SCALES = ("digits", "paper")
SMALL = [("width", "digits"), ("snapshot_diversity", "digits")]
PINNED: dict[str, dict[str, str]] = json.loads(Path(__file__).with_name("fingerprints.json").read_bytes())


def pin(name: str, scale: str) -> str:
    """Digest of the fingerprints of an experiment's jobs, and of the file names of their landscapes."""
    sweeps = compose_sweeps([f"experiment={name}", f"scale={scale}", "logger=none"])
    jobs = [job for sweep in sweeps for job in sweep.jobs]
    cells = locate(jobs, {}, other_job_among(jobs))
    lines = {fingerprint(job.config) for job in jobs}
    lines |= {f"{cell.run.fingerprint} {path.name}" for cell in cells for path in cell.landscapes.values()}
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()[:16]


def test_every_experiment_is_pinned_at_both_scales() -> None:
    assert {name: sorted(scales) for name, scales in PINNED.items()} == {
        name: sorted(SCALES) for name in experiments()
    }


@pytest.mark.parametrize(("name", "scale"), SMALL)
def test_small_experiments_mean_the_runs_that_they_meant(name: str, scale: str) -> None:
    assert pin(name, scale) == PINNED[name][scale]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "scale"), [(name, scale) for name in experiments() for scale in SCALES])
def test_every_experiment_means_the_runs_that_it_meant(name: str, scale: str) -> None:
    assert pin(name, scale) == PINNED[name][scale]


if __name__ == "__main__":
    chosen = sys.argv[1:] or experiments()
    pinned = PINNED | {name: {scale: pin(name, scale) for scale in SCALES} for name in chosen}
    print(json.dumps(pinned, indent=2, sort_keys=True))
