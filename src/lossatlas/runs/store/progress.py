"""Progress of a run: a small file that its process rewrites about once a second and anybody may read."""

import json
from contextlib import suppress
from dataclasses import asdict, dataclass

from lossatlas.files import replacing
from lossatlas.runs.store.manifest import RecordRefused, StoreError
from lossatlas.runs.store.store import Run


@dataclass(frozen=True)
class Progress:
    """How far the job is that works on a run."""

    phase: str  # "train", or the name of a landscape
    done: int  # steps, or points
    total: int
    epoch: int = 0
    epochs: int = 0
    loss: float | None = None
    stage: int = 0  # this phase is number `stage` of `stages`
    stages: int = 1

    @property
    def fraction(self) -> float:
        """Share of the whole job that is done, in [0, 1], phases counted alike."""
        return (self.stage + self.done / max(self.total, 1)) / self.stages


def write_progress(run: Run, progress: Progress) -> None:
    """Replace the run's progress file, if it can be written: it is for display alone, and a store may be read-only."""
    with suppress(OSError), replacing(run.progress_path, sync=False) as temporary:
        temporary.write_text(json.dumps(asdict(progress)), encoding="utf-8")


def read_progress(run: Run) -> Progress | None:
    """Read the run's progress file; None if there is none that can be read."""
    try:
        return Progress(**json.loads(run.progress_path.read_bytes()))
    except (OSError, ValueError, TypeError):
        return None


def status_of(run: Run) -> str:
    """Status of a run: as its manifest has it, or "absent", or "interrupted" where its process has died.

    "damaged" where the manifest cannot be read, "refused" where it can, but is not to be used.
    """
    try:
        manifest = run.manifest()
        if manifest is None:
            return "absent"
        return "interrupted" if manifest.status == "running" and not run.is_locked() else manifest.status
    except RecordRefused:
        return "refused"
    except StoreError:
        return "damaged"
