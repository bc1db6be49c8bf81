"""``lossatlas train``: the Hydra app that runs one job or a sweep of them."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from hydra import main as hydra_main
from hydra._internal.utils import get_args_parser
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from lossatlas.cli.progress import print_outcomes, watching
from lossatlas.runs.compose import CONFIG_NAME, Job, compose_jobs, config_folder, expand_experiment, plain
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
    jobs = compose_jobs(options.overrides, multirun=options.multirun)
    run_jobs(jobs, rewritten)
    print_outcomes(jobs)
    return 0


def run_jobs(jobs: Sequence[Job], arguments: Sequence[str]) -> None:
    """Check ``jobs``, then let Hydra launch them, which ``arguments`` make it compose again, showing their progress."""
    from lossatlas.runs.check import check_jobs

    check_jobs(jobs)
    with watching(jobs):
        _launch(arguments)


def _launch(arguments: Sequence[str]) -> None:
    GlobalHydra.instance().clear()  # the one that composed the jobs for their check
    with _argv(arguments):
        hydra_main(str(config_folder()), CONFIG_NAME, version_base="1.3")(hydra_job)()


def hydra_job(config: DictConfig) -> str:
    """Run one job, in whatever process Hydra's launcher has put it; return the run's fingerprint."""
    from lossatlas.cli.job import perform

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
