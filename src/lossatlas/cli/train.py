"""``lossatlas train``: the Hydra app that runs one job or a sweep of them.

Help and tab completion end here: what imports torch is imported where jobs are run.
"""

import argparse
import io
import re
from contextlib import redirect_stdout

from hydra._internal.hydra import Hydra

from lossatlas.cli.arguments import Parser
from lossatlas.cli.completion import complete
from lossatlas.cli.console import composing
from lossatlas.experiments.sweeps import compose_sweeps
from lossatlas.runs.composition.compose import compose_config, start_hydra
from lossatlas.runs.composition.job import Job
from lossatlas.runs.composition.overrides import Overrides, tell_former_names
from lossatlas.runs.composition.search_path import CONFIG_NAME


def main(arguments: list[str]) -> int:
    """Run ``lossatlas train`` with Hydra's arguments."""
    parser = command_parser()
    options = parser.parse_intermixed_args(arguments)
    if options.shell_completion:
        complete(options.overrides, options.config_dir)
        return 0
    tell_former_names(options.overrides)
    options.overrides = list(Overrides(options.overrides).expanded())
    hydra = start_hydra(options.config_dir)
    if options.help or options.hydra_help or options.cfg or options.info:
        _show(hydra, options, parser)
        return 0
    with composing():
        sweeps = compose_sweeps(options.overrides, multirun=options.multirun)
    jobs = [job for sweep in sweeps for job in sweep.jobs]
    if options.dry_run:
        from lossatlas.cli.dry_run import show_plan

        show_plan(jobs)
        return 0
    from lossatlas.cli.errors import JobsFailed
    from lossatlas.cli.launch import run_sweeps
    from lossatlas.cli.progress import print_outcomes

    try:
        run_sweeps(sweeps, multirun=options.multirun)
    except JobsFailed:
        print_outcomes(jobs)
        raise
    print_outcomes(jobs)
    if len(jobs) == 1 and jobs[0].config["landscape"]:
        _show_landscapes(jobs[0])
    return 0


def _show_landscapes(job: Job) -> None:
    """Draw and print the landscapes of the only job, as ``lossatlas landscape`` does; a sweep has many."""
    from lossatlas.cli.surveyed import show_surveyed
    from lossatlas.experiments.collect import locate
    from lossatlas.runs.composition.sweep import other_job_among

    (cell,) = locate([job], {}, other_job_among([job]))
    found = {name: cell.load(name) for name in cell.landscapes}
    paths = {name: cell.landscapes.get(name) for name in job.config["landscape"]}
    there = {name: dataset for name, dataset in found.items() if dataset is not None}
    show_surveyed(there, paths, job.config)


def command_parser() -> Parser:
    """Parser of those of Hydra's options that are of use here, spelled as Hydra spells them."""
    parser = Parser(
        "lossatlas train",
        usage="lossatlas train [-m] [--dry-run] [KEY=VALUE ...]   (lossatlas train --help says more)",
        add_help=False,
        allow_abbrev=False,
    )
    parser.add_argument("overrides", nargs="*", metavar="KEY=VALUE", help="what differs from the defaults")
    flags = {
        "--help -h": "groups, choices and examples",
        "--hydra-help": "Hydra's own help",
        "--multirun -m": "a job for each combination of the values that are separated by commas",
        "--run -r": "one job, as without it",
        "--dry-run": "check the jobs, say which are there and what the others take; compute nothing",
        "--resolve": "with --cfg: put values in the places of interpolations",
        "--shell-completion -sc": "install=SHELL, uninstall=SHELL",
    }
    for names, text in flags.items():
        parser.add_argument(*names.split(), action="store_true", help=text)
    parser.add_argument(
        "--cfg", "-c", choices=["job", "hydra", "all"], help="show the configuration and exit"
    )
    parser.add_argument("--package", "-p", help="with --cfg: this part of it")
    parser.add_argument("--config-dir", "-cd", help="a folder of configuration choices of your own")
    parts = ["all", "config", "defaults", "defaults-tree", "plugins", "searchpath"]
    parser.add_argument("--info", "-i", const="all", nargs="?", choices=parts, help="how Hydra composes it")
    return parser


def _show(hydra: Hydra, options: argparse.Namespace, parser: argparse.ArgumentParser) -> None:
    """Let Hydra show help, a configuration, or how it was composed."""
    if options.help:
        _show_help(hydra, options, parser)
    elif options.hydra_help:
        hydra.hydra_help(CONFIG_NAME, parser, options)
    elif options.cfg:
        compose_config(options.overrides)  # whose errors say more than Hydra's
        hydra.show_cfg(CONFIG_NAME, options.overrides, options.cfg, options.package, options.resolve)
    else:
        hydra.show_info(options.info, CONFIG_NAME, options.overrides)


def _show_help(hydra: Hydra, options: argparse.Namespace, parser: argparse.ArgumentParser) -> None:
    """Show Hydra's help, with experiments by the names that are typed in place of the files of their folders."""
    shown = io.StringIO()
    with redirect_stdout(shown):
        hydra.app_help(CONFIG_NAME, parser, options)
    folders = r"(^experiment/.*\n)+"
    names = dict.fromkeys(re.findall(r"^experiment/([^/:]+)", shown.getvalue(), re.MULTILINE))
    print(re.sub(folders, f"experiment: {', '.join(names)}\n", shown.getvalue(), flags=re.MULTILINE), end="")
