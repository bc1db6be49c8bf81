"""``lossatlas train``: the Hydra app that runs one job or a sweep of them."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from hydra import main as hydra_main
from hydra._internal.utils import get_args_parser
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from lossatlas.runs.compose import CONFIG_NAME, config_folder, expand_experiment
from lossatlas.runs.fingerprint import register_resolver


def main(arguments: list[str]) -> int:
    """Run ``lossatlas train`` with Hydra's arguments."""
    register_resolver()
    options = get_args_parser().parse_args(arguments)
    shows_only = options.help or options.hydra_help or options.cfg or options.info or options.shell_completion
    rewritten = [a for a in arguments if a not in options.overrides] + expand_experiment(options.overrides)
    if shows_only:
        _launch(rewritten)
        return 0
    return run_jobs(options.overrides, multirun=options.multirun, arguments=rewritten)


def run_jobs(overrides: Sequence[str], *, multirun: bool, arguments: Sequence[str]) -> int:
    """Check all jobs that the overrides mean, then let Hydra launch them, showing their progress."""
    from lossatlas.cli.progress import watching
    from lossatlas.runs.check import check_jobs
    from lossatlas.runs.compose import compose_jobs

    jobs = compose_jobs(overrides, multirun=multirun)
    check_jobs(jobs)
    with watching(jobs) as watch:
        _launch(arguments)
    watch.summary()
    return 0


def _launch(arguments: Sequence[str]) -> None:
    with _argv(arguments):
        hydra_main(str(config_folder()), CONFIG_NAME, version_base="1.3")(hydra_job)()


def hydra_job(config: DictConfig) -> str:
    """Run one job, in whatever process Hydra's launcher has put it; return the run's fingerprint."""
    from lossatlas.cli.job import perform
    from lossatlas.runs.compose import Job, plain

    register_resolver()
    return perform(Job(tuple(HydraConfig.get().overrides.task), plain(config))).fingerprint


@contextmanager
def _argv(arguments: Sequence[str]) -> Iterator[None]:
    """Hydra reads its arguments from ``sys.argv``."""
    before = sys.argv
    sys.argv = ["lossatlas train", *arguments]
    try:
        yield
    finally:
        sys.argv = before
