"""``lossatlas landscape``: survey a run that is there, or a network of the user's own.

Help ends here: what imports torch is imported where it is used.
"""

import argparse
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lossatlas.cli.arguments import Parser
from lossatlas.cli.errors import JobsFailed, exit_status, traceback_wanted
from lossatlas.interruption import Interrupted
from lossatlas.runs.composition.compose import start_hydra
from lossatlas.runs.composition.job import ConfigError
from lossatlas.runs.composition.overrides import Overrides
from lossatlas.runs.composition.search_path import config_folder

if TYPE_CHECKING:
    import xarray as xr

    from lossatlas.runs.subjects import Subject
    from lossatlas.runs.surveyor import Surveyor

EXAMPLES = """examples:
  lossatlas landscape run=3f0c landscape=surface engine=bfloat16
  lossatlas landscape run=runs/3f0c2a91b7d64e58/snapshots/epoch-0010.safetensors landscape=[line,trace]
  lossatlas landscape run=3f0c landscape=interpolation 'landscape.interpolation.other.run="91ab"'
  lossatlas landscape model._target_=theirs.Net +model.width=8 ckpt=weights.pt data=digits landscape=surface
  lossatlas landscape run=3f0c landscape=surface trainer.devices=4
"""


def main(arguments: list[str]) -> int:
    """Run ``lossatlas landscape run=RUN|ckpt=FILE landscape=CHOICE [KEY=VALUE ...]``."""
    options = _parse(arguments)
    typed = Overrides(options.overrides)
    named = {key: _values(key, typed) for key in ("run", "ckpt", "ckpt_key")}
    overrides = typed.without(*named)
    _check_named(named["run"], named["ckpt"], overrides)
    places: list[str | None] = [*named["ckpt_key"]] or [None]
    start_hydra(options.config_dir)
    from lossatlas.runs.subjects import subject_of_file, subject_of_run

    with _said_by_the_first():
        subjects = [subject_of_run(text, overrides, place) for text in named["run"] for place in places]
        subjects += [subject_of_file(text, overrides, place) for text in named["ckpt"] for place in places]
        for subject in subjects:
            survey(subject, arguments)
    return 0


def command_parser() -> Parser:
    """Parser of the command's arguments."""
    parser = Parser(
        "lossatlas landscape",
        usage="lossatlas landscape run=RUN landscape=CHOICE [KEY=VALUE ...]\n"
        "       lossatlas landscape model._target_=MODULE.CLASS ckpt=FILE data=CHOICE landscape=CHOICE [KEY=VALUE ...]",
        description="Survey the loss around the weights of a run that is there, or of a network of your own. "
        "What is there already is not computed again; what was interrupted goes on.",
        epilog=f"landscapes: {', '.join(_choices())}\n\n{EXAMPLES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "overrides",
        nargs="*",
        metavar="KEY=VALUE",
        help="run=FINGERPRINT (or its beginning, the folder, a file of weights in it; several: run=A,B), "
        "ckpt=FILE (.safetensors, .pt, .ckpt), ckpt_key=PLACE (of the network in a file that holds several), "
        "landscape=CHOICE or [CHOICE,CHOICE], "
        "and overrides of landscape, engine, trainer.devices, logger, runtime, paths",
    )
    parser.add_argument(
        "--config-dir", metavar="FOLDER", help="a folder of configuration choices of your own"
    )
    return parser


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    return command_parser().parse_intermixed_args(list(arguments))


def _choices() -> list[str]:
    return sorted(path.stem for path in (config_folder() / "landscape").glob("*.yaml") if path.stem != "none")


def _values(key: str, overrides: Overrides) -> list[str]:
    """What is given as ``key=A,B``; names of files are taken as they are typed."""
    given = [text for _, text in overrides.section(key).items()]
    return [value for text in given for value in text.strip("[]").split(",") if value]


def _check_named(runs: Sequence[str], files: Sequence[str], overrides: Overrides) -> None:
    """Raise ValueError unless it is clear what is surveyed."""
    if runs and files:
        raise ValueError(f"run={runs[0]} and ckpt={files[0]}: give one or the other")
    if not runs and not files:
        own = "model._target_" in overrides.keys
        what = "ckpt=FILE, the weights of your network" if own else "run=RUN, as lossatlas runs lists them"
        raise ValueError(f"nothing to survey: type {what}")
    if not overrides.section("landscape"):
        raise ValueError(f"landscape is missing: type landscape=CHOICE, one of {', '.join(_choices())}")


def survey(subject: "Subject", arguments: Sequence[str]) -> None:
    """Have the landscapes of ``subject``, draw, log and print them; ``arguments`` are those of the whole command.

    `JobsFailed` if another of several processes has failed, `Interrupted` after a request to stop.
    """
    from lossatlas.landscape.mapping.ranks import RankFailedError
    from lossatlas.runs.check import check_survey
    from lossatlas.runs.distributed import is_external, is_first, process_group
    from lossatlas.runs.ensure import say
    from lossatlas.runs.surveyor import Surveyor
    from lossatlas.runs.trainer_settings import is_one_device

    config, run = subject.job.config, subject.run
    if not config["landscape"]:
        raise ConfigError("landscape is missing: type landscape=CHOICE, such as landscape=surface")
    subject.check_named()
    check_survey(subject.job)
    tell = say if is_first() else lambda message: None
    trainer = config["trainer"]
    if not is_one_device(trainer["devices"]) and not is_external() and _is_there(subject):
        trainer = {**trainer, "devices": 1}
    try:
        with process_group(trainer, ["landscape", *arguments], quiet=not traceback_wanted()) as stop:
            surveyor = Surveyor(
                run,
                config,
                subject.other_run,
                tell,
                weights=subject.weights,
                ckpt_key=subject.ckpt_key,
                on_stop=stop,
            )
            found = _surveyed(surveyor, subject)
    except RankFailedError as error:
        raise JobsFailed(
            f"{error}; finished points are kept, and the same command goes on from there"
        ) from error
    except Interrupted as error:
        raise Interrupted(f"{error}; the same command goes on from there") from error
    if is_first():
        _show(subject, surveyor, found)


def _is_there(subject: "Subject") -> bool:
    """Whether all landscapes have been computed before."""
    from lossatlas.runs.surveyor import Surveyor

    surveyor = Surveyor(
        subject.run, subject.job.config, subject.other_run, weights=subject.weights, ckpt_key=subject.ckpt_key
    )
    paths = [surveyor.path(name, node) for name, node in subject.job.config["landscape"].items()]
    return all(path is None or path.exists() for path in paths)


@contextmanager
def _said_by_the_first() -> Iterator[None]:
    """End quietly where one of several processes fails, save in the first, which says what became of all."""
    from lossatlas.runs.distributed import is_first

    try:
        yield
    except Exception as error:
        if is_first() or traceback_wanted():
            raise
        raise SystemExit(exit_status(error)) from None


def _surveyed(surveyor: "Surveyor", subject: "Subject") -> "Mapping[str, xr.Dataset]":
    from lossatlas.cli.progress import watching
    from lossatlas.runs.distributed import is_first
    from lossatlas.runs.store.progress import Progress, write_progress

    if not is_first():
        return surveyor.survey_all()
    subject.run.folder.mkdir(parents=True, exist_ok=True)
    with watching([subject.job], runs=[("", subject.run)]):
        found = surveyor.survey_all()
    write_progress(subject.run, Progress("done", 1, 1))
    return found


def _show(subject: "Subject", surveyor: "Surveyor", found: "Mapping[str, xr.Dataset]") -> None:
    """Draw, log and print what was found."""
    from lossatlas.cli.surveyed import show_surveyed

    nodes = subject.job.config["landscape"]
    show_surveyed(
        found, {name: surveyor.path(name, node) for name, node in nodes.items()}, subject.job.config
    )
    weights = f"-{subject.weights.stem}" if subject.weights else ""
    weights += f"-{subject.ckpt_key}" if subject.ckpt_key else ""
    surveyor.log_computed(found, weights)
