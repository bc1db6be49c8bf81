"""The experiment tracker of a job: opened with the run's configuration, closed whatever happens."""

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from hydra.utils import instantiate
from pytorch_lightning.loggers import Logger

from lossatlas.runs.store import Run


@contextmanager
def logging_to(config: Mapping[str, Any], run: Run, *, job_type: str) -> Iterator[Logger | None]:
    """Open the logger that ``config["logger"]`` names, or None for ``logger=none``.

    A choice with the keys ``job_type`` and ``id`` (W&B) gets a record of its own for each kind of job on a run.
    """
    node = dict(config["logger"])
    if not node:
        yield None
        return
    if "job_type" in node:
        node |= {"job_type": job_type, "id": f"{run.fingerprint}-{job_type}"}
    run.folder.mkdir(parents=True, exist_ok=True)
    os.environ.setdefault("WANDB_SILENT", "true")
    logger: Logger = instantiate(node)
    logger.log_hyperparams(dict(config))
    status = "failed"
    try:
        yield logger
        status = "success"
    finally:
        logger.finalize(status)
        if "wandb" in sys.modules:  # otherwise the jobs of a multirun would merge into one W&B run
            sys.modules["wandb"].finish()
