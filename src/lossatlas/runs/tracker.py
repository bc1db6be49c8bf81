"""The experiment trackers of a job: opened with the job's configuration, closed whatever happens."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from pytorch_lightning.loggers import CSVLogger, Logger

from lossatlas.files import naming
from lossatlas.runs.build import make
from lossatlas.runs.composition.signatures import find_target
from lossatlas.runs.tracked_as import known_of, name_of


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
    config: Mapping[str, Any],
    *,
    subject: str,
    folder: Path,
    job_type: str,
    overrides: Sequence[str] | None = None,
) -> Iterator[list[Logger]]:
    """Open the loggers that ``config["logger"]`` names, writing into ``folder``; none for ``logger=none``.

    A choice with the keys ``job_type``, ``id`` and ``name`` (W&B) has one record of a run, however often it is opened:
    its ``subject`` is the run's fingerprint, and ``overrides`` those that it was launched with. Without these the
    subject, such as an experiment, has one for each kind of job.
    """
    known = {} if overrides is None else known_of(config, overrides)
    loggers: list[Logger] = []
    status = "failed"
    try:
        for node in tracker_nodes(config).values():
            if job_type != "train" and _has_rows_alone(node):
                continue
            # W&B writes from a process that may stand in another folder.
            set_here = {"save_dir": str(folder.resolve())}
            if "job_type" in node:
                set_here |= _identity(config, node, subject, job_type, overrides)
            folder.mkdir(parents=True, exist_ok=True)
            loggers.append(make({**node, **set_here}))
            loggers[-1].log_hyperparams({**config, **known})
        with naming(folder) if loggers else nullcontext():  # which loggers do not, where they cannot write
            yield loggers
        status = "success"
    finally:
        for logger in loggers:
            logger.finalize(status)
        if "wandb" in sys.modules:  # otherwise the jobs of a multirun would merge into one W&B run
            sys.modules["wandb"].finish()


def final(metrics: Mapping[str, float]) -> dict[str, float]:
    """Metrics of the trained network, under names that no epoch's have: those of the last step's weights are others.

    >>> final({"train_loss": 0.1})
    {'final/train_loss': 0.1}
    """
    return {f"final/{name}": value for name, value in metrics.items()}


def _identity(
    config: Mapping[str, Any],
    node: Mapping[str, Any],
    subject: str,
    job_type: str,
    overrides: Sequence[str] | None,
) -> dict[str, Any]:
    """What W&B knows a record by."""
    if overrides is None:
        return {"job_type": job_type, "id": f"{subject}-{job_type}", "name": f"{subject} {job_type}"}
    sweep = config["experiment"]["name"] or node.get("group")
    tags = list(dict.fromkeys([*(node.get("tags") or []), *([sweep] if sweep else [])]))
    return {"job_type": "train", "id": subject, "name": name_of(config, overrides), "tags": tags}


def _has_rows_alone(node: Mapping[str, Any]) -> bool:
    """Whether it has no place for pictures, and would begin its table anew: that of the run's training would go."""
    target = find_target(node["_target_"])
    return isinstance(target, type) and issubclass(target, CSVLogger)
