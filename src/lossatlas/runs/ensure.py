"""``ensure``: the run of a configuration, loaded if it is finished, resumed or trained if it is not."""

import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from lossatlas import interruption
from lossatlas.runs.build import build
from lossatlas.runs.fingerprint import RESULTS_VERSION, fingerprint
from lossatlas.runs.loggers import logging_to
from lossatlas.runs.manifest import Manifest, new_manifest
from lossatlas.runs.prerequisites import prerequisites
from lossatlas.runs.store import Run, Store, StoreError
from lossatlas.runs.train import RunFailed, train
from lossatlas.studies import TrainedNetwork
from lossatlas.studies.checkpoint_io import WholeCheckpointIO

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

    The runs that the study names are had first, in the same way.

    `RunFailed` if the training failed, now or earlier; `Interrupted` if the process was asked to stop;
    `StoreError` if the run's folder cannot be used.
    """
    run = Store(config["paths"]["runs"]).run(fingerprint(config))
    if run.is_finished():
        return run
    for named in prerequisites(config):
        ensure(named.config, overrides=named.overrides, say=say)
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
            study = build(config, partial(_trained, config))
            train(run, config, study, manifest, logger=logger, stages=stages, say=say)
            if logger is not None:
                logger.log_metrics(manifest.metrics, step=manifest.steps)
    return run


def _trained(config: Mapping[str, Any], named: Mapping[str, Any]) -> TrainedNetwork:
    """What the run ``named`` in the study of ``config``, which is finished, has trained."""
    run = Store(config["paths"]["runs"]).run(fingerprint(named))
    return TrainedNetwork(
        f"run {run.fingerprint}", run.state(), named["seed"], partial(_training_state, run), named["epochs"]
    )


def _training_state(run: Run) -> Mapping[str, Any]:
    try:
        return WholeCheckpointIO().load_checkpoint(run.checkpoint_path)
    except Exception as error:  # whatever torch.load makes of foreign bytes
        reason = "missing" if isinstance(error, FileNotFoundError) else "damaged"
        raise StoreError(
            f"{run.checkpoint_path}: {reason}; remove {run.folder} to have the run trained again"
        ) from error


def _new(fingerprint: str, config: Mapping[str, Any], overrides: Sequence[str]) -> Manifest:
    return new_manifest(
        fingerprint,
        RESULTS_VERSION,
        seed=config["seed"],
        experiment=config["experiment"]["name"],
        overrides=list(overrides),
    )
