"""``lossatlas reproduce``: an experiment's sweep, its figures and its verdicts, in one command.

Help, and the complaint about a misspelt name, end here: what imports torch is imported where it is used.
"""

import argparse
import time
from collections.abc import Sequence

from lossatlas.runs.compose import experiments, start_hydra
from lossatlas.runs.suggest import nearest
from lossatlas.runs.sweeps import compose_sweeps


def main(arguments: list[str]) -> int:
    """Run ``lossatlas reproduce EXPERIMENT [scale=paper] [KEY=VALUE ...] [--no-train] [--publish]``."""
    options = _parse(arguments)
    if options.experiment not in experiments():
        raise ValueError(
            f"{options.experiment}: no such experiment; {nearest(options.experiment, experiments())}"
        )
    started = time.monotonic()
    from lossatlas.cli.errors import JobsFailed
    from lossatlas.cli.job import other_job_among
    from lossatlas.cli.launch import run_sweeps
    from lossatlas.cli.reproduction import Reproduction, check_landscapes, definition
    from lossatlas.runs.collect import locate

    start_hydra(options.config_dir)
    sweeps = compose_sweeps([f"experiment={options.experiment}", *options.overrides])
    jobs = [job for sweep in sweeps for job in sweep.jobs]
    config = jobs[0].config
    axes = config["experiment"]["axes"]
    surveyed = {name for job in jobs for name in job.config["landscape"]}
    check_landscapes(definition(options.experiment, config["experiment"]), surveyed)
    cells = locate(jobs, axes, other_job_among(jobs))
    if not options.no_train and any(cell.missing for cell in cells):
        try:
            run_sweeps(sweeps)
        except JobsFailed as error:
            raise JobsFailed(f"{error}; --no-train draws what is there") from error
        cells = locate(jobs, axes, other_job_among(jobs))
    planned = {axis: [v for s in sweeps for v in s.planned.get(key, [])] for axis, key in axes.items()}
    reproduction = Reproduction(options.experiment, options.overrides, config, cells, planned)
    if options.no_train or not reproduction.is_current():
        reproduction.make()
    if options.publish:
        reproduction.publish()
    reproduction.show(seconds=time.monotonic() - started)
    return 0


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        "lossatlas reproduce",
        description="Train an experiment's sweep, survey its landscapes, draw its figures and judge its claims. "
        "What is there already is not computed again.",
        epilog=f"experiments: {', '.join(experiments())}",
    )
    parser.add_argument("experiment", metavar="EXPERIMENT", help="a folder of experiments/")
    parser.add_argument(
        "overrides", nargs="*", metavar="KEY=VALUE", help="scale=paper, logger=none, seed=0,1, ..."
    )
    parser.add_argument(
        "--no-train", action="store_true", help="draw and judge anew from what the store holds"
    )
    parser.add_argument(
        "--publish", action="store_true", help="copy figure and verdict into the experiment's own folder"
    )
    parser.add_argument(
        "--config-dir", metavar="FOLDER", help="a folder of configuration choices of your own"
    )
    return parser.parse_intermixed_args(list(arguments))
