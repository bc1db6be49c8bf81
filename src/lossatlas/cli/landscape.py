"""``lossatlas landscape``: survey a run that is there, or a network of the user's own.

Help ends here: what imports torch is imported where it is used.
"""

import argparse
from collections.abc import Sequence

from lossatlas.runs.compose import config_folder, start_hydra

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
    named = {key: _values(key, options.overrides) for key in ("run", "ckpt")}
    overrides = [o for o in options.overrides if o.partition("=")[0] not in named]
    _check_named(named["run"], named["ckpt"], overrides)
    start_hydra(options.config_dir)
    from lossatlas.cli.surveying import said_by_the_first, subject_of_file, subject_of_run, survey

    with said_by_the_first():
        subjects = [subject_of_run(text, overrides) for text in named["run"]]
        subjects += [subject_of_file(text, overrides) for text in named["ckpt"]]
        for subject in subjects:
            survey(subject, arguments)
    return 0


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
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
        "ckpt=FILE (.safetensors, .pt, .ckpt), landscape=CHOICE or [CHOICE,CHOICE], "
        "and overrides of landscape, engine, trainer.devices, logger, runtime, paths",
    )
    parser.add_argument(
        "--config-dir", metavar="FOLDER", help="a folder of configuration choices of your own"
    )
    return parser.parse_intermixed_args(list(arguments))


def _choices() -> list[str]:
    return sorted(path.stem for path in (config_folder() / "landscape").glob("*.yaml") if path.stem != "none")


def _values(key: str, overrides: Sequence[str]) -> list[str]:
    """What is given as ``key=A,B``."""
    given = [o.removeprefix(f"{key}=") for o in overrides if o.startswith(f"{key}=")]
    return [value for text in given for value in text.strip("[]").split(",") if value]


def _check_named(runs: Sequence[str], files: Sequence[str], overrides: Sequence[str]) -> None:
    """Raise ValueError unless it is clear what is surveyed."""
    own = any(o.lstrip("+").startswith("model._target_=") for o in overrides)
    if runs and files:
        raise ValueError(f"run={runs[0]} and ckpt={files[0]}: give one or the other")
    if not runs and not files:
        what = "ckpt=FILE, the weights of your network" if own else "run=RUN, as lossatlas runs lists them"
        raise ValueError(f"nothing to survey: type {what}")
    if not any(o.lstrip("+").startswith("landscape") for o in overrides):
        raise ValueError(f"landscape is missing: type landscape=CHOICE, one of {', '.join(_choices())}")
