"""``lossatlas atlas``: a static site of the experiments and of a store's runs."""

from pathlib import Path

from lossatlas.cli.arguments import Parser
from lossatlas.runs.composition.compose import start_hydra
from lossatlas.runs.composition.overrides import Overrides


def main(arguments: list[str]) -> int:
    """Run ``lossatlas atlas [EXPERIMENT ...] [paths.runs=STORE] [paths.results=FOLDER] [--output FOLDER]``."""
    parser = Parser(
        "lossatlas atlas",
        description="Write a static site, to be read without a network: the experiments with their pictures, claims "
        "and source, the runs of a store with surfaces to turn, the handbook and the API reference.",
        epilog="It needs pip install 'lossatlas[atlas]'.",
    )
    parser.add_argument(
        "words",
        nargs="*",
        metavar="EXPERIMENT or KEY=VALUE",
        help="experiments that it shows, all by default; paths.runs=STORE: whose runs (default: runs, if it is there); "
        "paths.results=FOLDER: whose verdicts come before the published ones (default: results)",
    )
    parser.add_argument(
        "--output", default="atlas", metavar="FOLDER", help="where it is written (default: atlas)"
    )
    parser.add_argument(
        "--config-dir", metavar="FOLDER", help="a folder of configuration choices of your own"
    )
    options = parser.parse_intermixed_args(arguments)
    overrides = [word for word in options.words if "=" in word]
    _check_keys(overrides)
    start_hydra(options.config_dir, overrides)
    from lossatlas.atlas import build
    from lossatlas.experiments.catalogue import experiments, listed
    from lossatlas.runs.store.store import Store

    typed = Overrides(overrides)
    runs, results = (Path(str(typed.value(f"paths.{name}", name))) for name in ("runs", "results"))
    if typed.value("paths.runs", None) is not None and not runs.is_dir():
        raise ValueError(f"paths.runs={runs}: no such folder")
    named = [word for word in options.words if "=" not in word] or experiments()
    shown = [listed(name, results) for name in sorted(set(named))]
    index = build(Path(options.output), shown, results=results, store=Store(runs) if runs.is_dir() else None)
    print(f"open {index}")
    return 0


def _check_keys(overrides: list[str]) -> None:
    """Raise ValueError for an override that is none of the two that the atlas knows."""
    from lossatlas.choices import nearest

    known = ("paths.runs", "paths.results")
    for word in overrides:
        if (key := word.partition("=")[0]) not in known:
            raise ValueError(f"{key}: the atlas takes no such key; {nearest(key, known)}")
