"""``lossatlas reproduce``: an experiment's sweeps, its figures and its verdicts, in one command.

Help, the list, and the complaint about a misspelt name end here: what imports torch is imported where it is used.
"""

import argparse
import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lossatlas.cli.answered import asked_in, keep, show, states
from lossatlas.cli.arguments import Parser
from lossatlas.cli.console import composing
from lossatlas.experiments.catalogue import catalogue, experiment_folder, experiments
from lossatlas.experiments.papers import all_shown, asked_for
from lossatlas.experiments.sweeps import Sweep, compose_sweeps
from lossatlas.runs.composition.compose import start_hydra
from lossatlas.runs.composition.job import Job
from lossatlas.runs.composition.overrides import Overrides
from lossatlas.words import counted

if TYPE_CHECKING:
    from lossatlas.experiments.collect import Cell
    from lossatlas.experiments.reproduction import Reproduction


def main(arguments: list[str]) -> int:
    """Run ``lossatlas reproduce EXPERIMENT [scale=paper] [KEY=VALUE ...] [--no-train] [--publish]``.

    In place of its name stands what it shows of a paper: ``lossatlas reproduce li2018 figure 7``.

    ``--list`` and ``--estimate`` compute nothing.
    """
    options = _parse(arguments)
    options.arguments, options.asked_in = arguments, asked_in(arguments)
    started = time.monotonic()
    start_hydra(options.config_dir, options.overrides)
    named = _experiments_named(options.experiment)
    if options.list:
        return _list(options, named)
    if len(named) != 1:
        raise ValueError(f"{options.experiment}: shown by {', '.join(named)}; type the one that you mean")
    (options.experiment,) = named
    with composing():
        sweeps = compose_sweeps([f"experiment={options.experiment}", *options.overrides])
    jobs = [job for sweep in sweeps for job in sweep.jobs]
    return _estimate(options, jobs) if options.estimate else _reproduce(options, sweeps, jobs, started)


def _reproduce(
    options: argparse.Namespace, sweeps: Sequence[Sweep], jobs: Sequence[Job], started: float
) -> int:
    from lossatlas.cli.errors import JobsFailed
    from lossatlas.cli.launch import run_sweeps
    from lossatlas.experiments.collect import locate
    from lossatlas.experiments.cost.measured import Stopwatch
    from lossatlas.experiments.definition import check_definition, definition, reference_of
    from lossatlas.experiments.reproduction import Reproduction
    from lossatlas.runs.composition.sweep import other_job_among

    stopwatch = Stopwatch(started)
    config = jobs[0].config
    axes = config["experiment"]["axes"]
    surveyed = {name for job in jobs for name in job.config["landscape"]}
    check_definition(definition(options.experiment, config["experiment"]), surveyed)
    planned = _planned(sweeps, jobs, axes)
    # Read now, so that it is told before training.
    reference_of(options.experiment, config["experiment"], planned)
    other_job = other_job_among(jobs)
    before = cells = locate(jobs, axes, other_job)
    files = states(_files_of(cells))  # before they are read
    # Asked of all: what is missing is told as it was at first.
    incomplete = [cell for cell in cells if cell.missing]
    may_diverge = config["experiment"].get("may_diverge", False)
    if not (may_diverge and _have_diverged(incomplete)) and incomplete and not options.no_train:
        try:
            run_sweeps(sweeps)
        except JobsFailed as error:
            if not (may_diverge and _have_diverged(locate(jobs, axes, other_job))):
                raise JobsFailed(f"{error}; --no-train draws what is there") from error
        cells = locate(jobs, axes, other_job)
        files = states(_files_of(cells))
    reproduction = Reproduction(options.experiment, options.overrides, config, cells, planned)
    if options.no_train or not reproduction.is_current():
        with_gaps = options.no_train and not options.publish  # what is published is whole
        for line in reproduction.make(lambda: stopwatch.record(before, cells), with_gaps=with_gaps):
            print(f"left out: {line}")
    if options.publish:
        reproduction.publish()
    elif not any(cell.missing for cell in cells):
        runs = Path(config["paths"]["runs"])
        keep(
            options.arguments,
            options.asked_in,
            results=reproduction.folder,
            runs=runs,
            files=files,
        )
    _show(reproduction, started=started)
    return 0


def _planned(sweeps: Sequence[Sweep], jobs: Sequence[Job], axes: Mapping[str, str]) -> dict[str, list[Any]]:
    """Values of each axis that the experiment is about: of seeds those that are asked for, since none is in want."""
    seeds = {job.config["seed"] for job in jobs}
    planned = {axis: [v for s in sweeps for v in s.planned.get(key, [])] for axis, key in axes.items()}
    return {
        axis: [v for v in values if v in seeds] if axes[axis] == "seed" else values
        for axis, values in planned.items()
    }


def _have_diverged(cells: Sequence["Cell"]) -> bool:
    """Whether all of them that are not complete left float range in training, as they would again."""
    return all(cell.has_diverged for cell in cells if cell.missing)


def _show(reproduction: "Reproduction", *, started: float) -> None:
    """Print the verdicts, what is not complete, and where everything lies."""
    unfinished = [cell for cell in reproduction.cells if cell.missing]
    diverged = sum(cell.has_diverged for cell in unfinished)
    are = "is" if len(unfinished) == 1 else "are"
    remark = (
        f"[yellow]{len(unfinished)} of {counted(len(reproduction.cells), 'run')} {are} not complete"
        f"{f', {diverged} diverged' if diverged else ''}: see lossatlas runs"
    )
    runs = Path(reproduction.config["paths"]["runs"])
    show(reproduction.folder, runs, started=started, remarks=[remark] if unfinished else [])


def _files_of(cells: Sequence["Cell"]) -> Iterator[Path]:
    """Files of the store that an answer is made of: all of the runs', and their landscapes."""
    for cell in cells:
        yield from sorted(path for path in cell.run.folder.glob("*") if path.is_file())
        yield from cell.landscapes.values()


def _experiments_named(text: str | None) -> list[str]:
    """The experiment of that name, or those that show what it says of a paper; all without a word.

    ValueError, with the nearest, if there is none.
    """
    if text is None or text in experiments():
        return experiments() if text is None else [text]
    shown = asked_for(text, all_shown(catalogue()))
    if not shown:
        experiment_folder(text)  # which says what there is
    return list(dict.fromkeys(one.experiment.name for one in shown))


def _list(options: argparse.Namespace, named: Sequence[str]) -> int:
    from lossatlas.cli.listing import show_list
    from lossatlas.experiments.catalogue import listed

    results = Path(str(Overrides(options.overrides).value("paths.results", "results")))
    if options.publish:
        from lossatlas.experiments.publishing import write_pages

        for name in experiments():
            write_pages(name)
    show_list([listed(name, results) for name in named], results)
    return 0


def _estimate(options: argparse.Namespace, jobs: Sequence[Job]) -> int:
    from lossatlas.cli.estimating import estimated, show_estimate

    cost = estimated(jobs, options.throughput)
    show_estimate(cost)
    if options.publish:
        from lossatlas.experiments.publishing import write_cost, write_pages

        scale = jobs[0].config["experiment"]["scale"]
        print(f"written to {write_cost(options.experiment, scale, cost.to_json())}")
        write_pages(options.experiment)
    return 0


def _is_a_word(argument: str) -> bool:
    """Whether it is no override.

    >>> [_is_a_word(argument) for argument in ("figure", "7", "seed=0", "~landscape")]
    [True, True, False, False]
    """
    return "=" not in argument and not argument.startswith(("~", "+"))


def command_parser() -> Parser:
    """Parser of the command's arguments."""
    parser = Parser(
        "lossatlas reproduce",
        description="Train an experiment's sweeps, survey their landscapes, draw its figures and judge its claims. "
        "What is there already is not computed again.",
        epilog=f"experiments: {', '.join(experiments())}",
    )
    parser.add_argument(
        "experiment",
        nargs="?",
        metavar="EXPERIMENT",
        help="a folder of experiments/, or what it shows of a paper: li2018 figure 7",
    )
    parser.add_argument(
        "overrides", nargs="*", metavar="KEY=VALUE", help="scale=paper, logger=none, seed=0,1, ..."
    )
    parser.add_argument("--list", action="store_true", help="what there is, what it costs, what came of it")
    parser.add_argument(
        "--no-train", action="store_true", help="draw and judge anew from what the store holds"
    )
    parser.add_argument(
        "--publish",
        action="store_true",
        help="copy figure, verdict and cost into the experiment's own folder, and write its page",
    )
    parser.add_argument(
        "--estimate", action="store_true", help="count the operations that it takes; compute nothing"
    )
    parser.add_argument(
        "--throughput", type=float, metavar="TFLOPS", help="1e12 operations a second that --estimate assumes"
    )
    parser.add_argument(
        "--config-dir", metavar="FOLDER", help="a folder of configuration choices of your own"
    )
    return parser


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = command_parser()
    options = parser.parse_intermixed_args(list(arguments))
    words = list(takewhile(_is_a_word, options.overrides))
    if options.experiment is not None and words:  # "li2018 figure 7", typed without quotes
        options.experiment = " ".join([options.experiment, *words])
        options.overrides = options.overrides[len(words) :]
    if options.experiment is None and not options.list:
        parser.error("which EXPERIMENT? --list shows them")
    return options
