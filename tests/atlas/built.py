"""The site that is read by the tests: what it was made from."""

from dataclasses import dataclass
from pathlib import Path

ODD = "<blink>low & high</blink>"
"""A name that is HTML, and stays text."""

NAME = "distance_cost"
"""A published experiment of few claims and pictures."""


@dataclass(frozen=True)
class Built:
    """A site, and the runs of its store."""

    folder: Path
    runs: tuple[str, ...]  # fingerprints
