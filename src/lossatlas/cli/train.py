"""``lossatlas train``: the Hydra app that runs one job or a sweep of them.

Help and tab completion end here: what imports torch is imported where jobs are run.
"""

import argparse
import io
import os
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout, suppress

from hydra import main as hydra_main
from hydra._internal.utils import get_args_parser
from hydra.core.global_hydra import GlobalHydra
from omegaconf import DictConfig

from lossatlas.cli.completion import complete
from lossatlas.cli.console import composing
from lossatlas.experiments.sweeps import compose_sweeps
from lossatlas.runs.composition.compose import compose_config, start_hydra
from lossatlas.runs.composition.overrides import Overrides
from lossatlas.runs.composition.search_path import CONFIG_NAME, config_folder


def main(arguments: list[str]) -> int:
    """Run ``lossatlas train`` with Hydra's arguments."""
    options = _parse(arguments)
    if options.shell_completion:
        complete(options.overrides, show)
        return 0
    overrides = Overrides(options.overrides).expanded()
    start_hydra(options.config_dir)
    if options.help or options.hydra_help or options.cfg or options.info:
        if options.cfg:
            compose_config(overrides)  # whose errors say more than Hydra's
        shown = [*(a for a in arguments if a not in options.overrides), *overrides]
        (_show_help if options.help else show)(shown)
        return 0
    with composing():
        sweeps = compose_sweeps(overrides, multirun=options.multirun)
    jobs = [job for sweep in sweeps for job in sweep.jobs]
    from lossatlas.cli.errors import JobsFailed
    from lossatlas.cli.launch import run_sweeps
    from lossatlas.cli.progress import print_outcomes

    try:
        run_sweeps(sweeps, multirun=options.multirun)
    except JobsFailed:
        print_outcomes(jobs)
        raise
    print_outcomes(jobs)
    return 0


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = get_args_parser()
    parser.prog = "lossatlas train"
    parser.usage = "lossatlas train [-m] [KEY=VALUE ...]   (lossatlas train --help says more)"
    options = parser.parse_intermixed_args(list(arguments))
    for name in ("config_name", "config_path", "experimental_rerun"):
        if getattr(options, name) is not None:
            option = f"--{name.replace('_', '-')}"
            parser.error(f"{option} is not supported; --config-dir adds a folder of choices of your own")
    return options


def show(arguments: Sequence[str]) -> None:
    """Let Hydra show help, a configuration or completions; it takes its arguments from ``sys.argv``."""
    GlobalHydra.instance().clear()
    with _argv(["lossatlas", *arguments]), _errors_passed_through():
        hydra_main(str(config_folder()), CONFIG_NAME, version_base="1.3")(_only_shown)()


def _show_help(arguments: Sequence[str]) -> None:
    """Let Hydra show its help, with experiments by the names that are typed in place of the files of their folders."""
    shown = io.StringIO()
    with redirect_stdout(shown), suppress(SystemExit):  # with which Hydra ends, as if all were done
        show(arguments)
    folders = r"(^experiment/.*\n)+"
    names = dict.fromkeys(re.findall(r"^experiment/([^/:]+)", shown.getvalue(), re.MULTILINE))
    print(re.sub(folders, f"experiment: {', '.join(names)}\n", shown.getvalue(), flags=re.MULTILINE), end="")


def _only_shown(config: DictConfig) -> None:
    raise AssertionError("Hydra was to show something, not to run a job")


@contextmanager
def _argv(arguments: list[str]) -> Iterator[None]:
    before = sys.argv
    sys.argv = arguments
    try:
        yield
    finally:
        sys.argv = before


@contextmanager
def _errors_passed_through() -> Iterator[None]:
    """Have Hydra raise its errors in the block instead of printing them itself."""
    before = os.environ.get("HYDRA_FULL_ERROR")
    os.environ["HYDRA_FULL_ERROR"] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ["HYDRA_FULL_ERROR"]
        else:
            os.environ["HYDRA_FULL_ERROR"] = before
