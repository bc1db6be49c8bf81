"""Progress of a run: a small file that its process rewrites about once a second and anybody may read."""

import json
from dataclasses import asdict, dataclass

from lossatlas.files import replacing
from lossatlas.runs.store.store import Run, StoreError


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
    """Replace the run's progress file."""
    with replacing(run.progress_path, sync=False) as temporary:
        temporary.write_text(json.dumps(asdict(progress)), encoding="utf-8")


def read_progress(run: Run) -> Progress | None:
    """Read the run's progress file; None if there is none that can be read."""
    try:
        return Progress(**json.loads(run.progress_path.read_bytes()))
    except (OSError, ValueError, TypeError):
        return None


def status_of(run: Run) -> str:
    """Status of a run: as its manifest has it, or "absent", "damaged", or "interrupted" where its process has died."""
    try:
        manifest = run.manifest()
    except StoreError:
        return "damaged"
    if manifest is None:
        return "absent"
    return "interrupted" if manifest.status == "running" and not run.is_locked() else manifest.status
