"""The experiment tracker of a job: opened with the job's configuration, closed whatever happens."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pytorch_lightning.loggers import Logger

from lossatlas.runs.build import make


@contextmanager
def logging_to(
    config: Mapping[str, Any], *, subject: str, folder: Path, job_type: str
) -> Iterator[Logger | None]:
    """Open the logger that ``config["logger"]`` names, writing into ``folder``; None for ``logger=none``.

    A choice with the keys ``job_type``, ``id`` and ``name`` (W&B) gets a record of its own for each kind of job on
    a ``subject``: a run's fingerprint, or an experiment.
    """
    node = dict(config["logger"])
    if not node:
        yield None
        return
    node["save_dir"] = str(folder.resolve())  # W&B writes from a process that may stand in another folder
    if "job_type" in node:
        node |= {"job_type": job_type, "id": f"{subject}-{job_type}", "name": f"{subject} {job_type}"}
    folder.mkdir(parents=True, exist_ok=True)
    logger: Logger = make(node)
    logger.log_hyperparams(dict(config))
    status = "failed"
    try:
        yield logger
        status = "success"
    finally:
        logger.finalize(status)
        if "wandb" in sys.modules:  # otherwise the jobs of a multirun would merge into one W&B run
            sys.modules["wandb"].finish()
