"""Landscapes sent to the trackers of a job: to the record of the run that they lie around."""

from collections.abc import Mapping
from typing import Any

import xarray as xr

from lossatlas.runs.store.manifest import Manifest
from lossatlas.runs.store.store import Run
from lossatlas.runs.tracker import final, logging_to


def log_landscapes_of(
    run: Run, config: Mapping[str, Any], datasets: Mapping[str, xr.Dataset], weights: str = ""
) -> None:
    """Send landscapes to the loggers that ``config`` names.

    They join what training has sent under the run's fingerprint. Those around other weights than its final ones have a
    record of their own, which ``weights`` names.

    Parameters
    ----------
    run : Run
        In whose folder they are kept.
    config : mapping
        Resolved configuration of the job.
    datasets : mapping of str to xr.Dataset
        Landscapes by name.
    weights : str, default ""
        Which weights they lie around; "": the run's final ones.
    """
    from lossatlas.loggers.pictures import (
        log_landscapes,  # matplotlib and plotly, only where they are used
    )

    manifest = None if weights else run.manifest()
    trained = manifest if manifest is not None and manifest.status == "finished" else None
    subject, step = f"{run.fingerprint}{weights}", 0
    if trained is not None:
        step = _after(run, trained, len(datasets))
    with logging_to(
        config,
        subject=subject,
        folder=run.folder,
        job_type="landscape",
        overrides=None if trained is None else trained.overrides,
    ) as loggers:
        for logger in loggers:
            if trained is not None and hasattr(logger, "log_past"):
                logger.log_past(_rows(run), final(trained.metrics))
            log_landscapes(logger, datasets, step)


def _after(run: Run, trained: Manifest, added: int) -> int:
    """A step after those of training, and after those of the landscapes that were logged before."""
    there = len(list(run.landscapes.glob("*.nc")))
    return trained.steps + 1 + max(there - added, 0)


def _rows(run: Run) -> list[dict[str, float]]:
    """Rows of the history, each with what was measured then."""
    table = run.history().reset_index()
    rows = [row.dropna().to_dict() for _, row in table.iterrows()]
    return [{str(name): float(value) for name, value in row.items()} for row in rows]
