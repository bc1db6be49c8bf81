"""``ensure``: the run of a configuration, loaded if it is finished, resumed or trained if it is not."""

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lossatlas import interruption
from lossatlas.runs.fingerprint import RESULTS_VERSION, fingerprint
from lossatlas.runs.loggers import logging_to
from lossatlas.runs.manifest import Manifest, new_manifest
from lossatlas.runs.store import Run, Store
from lossatlas.runs.train import RunFailed, train

log = logging.getLogger(__name__)


def ensure(
    config: Mapping[str, Any],
    *,
    overrides: Sequence[str] = (),
    stages: int = 1,
    say: Callable[[str], None] = log.info,
) -> Run:
    """Return the finished run of ``config``, a resolved plain configuration, trained or resumed if need be.

    Processes that ask for the same run at the same time train it once. ``overrides`` are recorded, ``say`` is
    told what the user should know, and training is the first of the ``stages`` phases of the job.

    `RunFailed` if the training failed, now or earlier; `Interrupted` if the process was asked to stop;
    `StoreError` if the run's folder cannot be used.
    """
    run = Store(config["paths"]["runs"]).run(fingerprint(config))
    if run.is_finished():
        return run
    with run.lock(say), interruption.deferred():
        if run.is_finished():
            return run
        run.remove_leftovers()
        run.set_damage_aside(say)
        manifest = run.manifest() or _new(run.fingerprint, config, overrides)
        if manifest.status == "failed":
            reason = (manifest.failure or {}).get("message", "")
            raise RunFailed(
                f"run {run.fingerprint} failed before: {reason}; remove {run.folder} to try again"
            )
        run.write_config(dict(config))
        with logging_to(config, subject=run.fingerprint, folder=run.folder, job_type="train") as logger:
            train(run, config, manifest, logger=logger, stages=stages, say=say)
            if logger is not None:
                logger.log_metrics(manifest.metrics, step=manifest.steps)
    return run


def _new(fingerprint: str, config: Mapping[str, Any], overrides: Sequence[str]) -> Manifest:
    return new_manifest(
        fingerprint,
        RESULTS_VERSION,
        seed=config["seed"],
        experiment=config["experiment"]["name"],
        overrides=list(overrides),
    )
