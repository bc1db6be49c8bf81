"""The experiment trackers of a job: opened with the job's configuration, closed whatever happens."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from pytorch_lightning.loggers import CSVLogger, Logger

from lossatlas.files import naming
from lossatlas.runs.build import make
from lossatlas.runs.composition.signatures import find_target


def tracker_nodes(config: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The loggers that a plain configuration names, by name; none for ``logger=none``.

    A choice of somebody's own need not say where it stands: then it is the only one, and stands under "logger" itself.

    >>> csv = {"_target_": "pytorch_lightning.loggers.CSVLogger"}
    >>> list(tracker_nodes({"logger": {"csv": csv, "wandb": None}})), list(tracker_nodes({"logger": csv}))
    (['csv'], ['logger'])
    """
    loggers = config["logger"] or {}
    if "_target_" in loggers:
        return {"logger": loggers}
    return {name: node for name, node in loggers.items() if node is not None}


@contextmanager
def logging_to(
    config: Mapping[str, Any], *, subject: str, folder: Path, job_type: str
) -> Iterator[list[Logger]]:
    """Open the loggers that ``config["logger"]`` names, writing into ``folder``; none for ``logger=none``.

    A choice with the keys ``job_type``, ``id`` and ``name`` (W&B) gets a record of its own for each kind of job on
    a ``subject``: a run's fingerprint, or an experiment.
    """
    loggers: list[Logger] = []
    status = "failed"
    try:
        for node in tracker_nodes(config).values():
            if job_type != "train" and _has_rows_alone(node):
                continue
            # W&B writes from a process that may stand in another folder.
            set_here = {"save_dir": str(folder.resolve())}
            if "job_type" in node:
                set_here |= {
                    "job_type": job_type,
                    "id": f"{subject}-{job_type}",
                    "name": f"{subject} {job_type}",
                }
            folder.mkdir(parents=True, exist_ok=True)
            loggers.append(make({**node, **set_here}))
            loggers[-1].log_hyperparams(dict(config))
        with naming(folder) if loggers else nullcontext():  # which loggers do not, where they cannot write
            yield loggers
        status = "success"
    finally:
        for logger in loggers:
            logger.finalize(status)
        if "wandb" in sys.modules:  # otherwise the jobs of a multirun would merge into one W&B run
            sys.modules["wandb"].finish()


def _has_rows_alone(node: Mapping[str, Any]) -> bool:
    """Whether it has no place for pictures, and would begin its table anew: that of the run's training would go."""
    target = find_target(node["_target_"])
    return isinstance(target, type) and issubclass(target, CSVLogger)
