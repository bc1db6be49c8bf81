"""What to call the state of a run."""

from lossatlas.runs.store import Run, StoreError


def status_of(run: Run) -> str:
    """Status of a run: as its manifest has it, or "absent", "damaged", or "interrupted" where its process has died."""
    try:
        manifest = run.manifest()
    except StoreError:
        return "damaged"
    if manifest is None:
        return "absent"
    return "interrupted" if manifest.status == "running" and not run.is_locked() else manifest.status
