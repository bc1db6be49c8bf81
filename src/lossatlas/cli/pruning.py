"""``lossatlas runs prune``: remove runs, or only the training state that finished ones no longer need."""

import sys
from collections.abc import Sequence

from lossatlas.cli.arguments import Parser
from lossatlas.cli.filters import selected
from lossatlas.cli.run_columns import Entry, in_bytes
from lossatlas.runs.store.index import Listed, list_runs
from lossatlas.runs.store.store import Store
from lossatlas.words import counted


def main(arguments: list[str]) -> int:
    """Run ``lossatlas runs prune FILTER ... [--checkpoints] [--yes] [--store FOLDER]``."""
    parser = command_parser()
    options = parser.parse_intermixed_args(arguments)
    if not options.filters and not options.checkpoints:
        parser.error("which runs? Filters say so, as in status=failed")
    runs = list_runs(Store(options.store))
    going = selected(runs, options.filters)
    if options.checkpoints:
        going = [
            entry for entry in going if entry.status == "finished" and entry.run.checkpoint_path.exists()
        ]
    going = _without_needed(going, runs, all_stay=options.checkpoints)
    what = "checkpoint" if options.checkpoints else "run"
    if not going:
        print(f"no {what}s to remove in {options.store}/")
        return 0
    sizes = [_size(entry, options.checkpoints) for entry in going]
    if not options.yes:
        for entry, size in zip(going, sizes, strict=True):
            print(f"{entry.run.fingerprint}  {entry.status:<11}  {in_bytes(size)}")
        print(f"{counted(len(going), what)}, {in_bytes(sum(sizes))}; --yes removes them")
        return 0
    from lossatlas.runs.store.upkeep import remove, remove_checkpoint

    act = remove_checkpoint if options.checkpoints else remove
    gone = [size for entry, size in zip(going, sizes, strict=True) if act(entry.run, _say)]
    print(f"{counted(len(gone), what)} removed, {in_bytes(sum(gone))}")
    return 0


def command_parser() -> Parser:
    """Parser of the command's arguments."""
    parser = Parser(
        "lossatlas runs prune",
        description="Remove the runs that pass all filters. Shows which these are; --yes removes them. What other runs "
        "start from, and what a process works on, is kept.",
    )
    parser.add_argument(
        "filters",
        nargs="*",
        metavar="FILTER",
        help="as lossatlas runs has them: status=failed, 'age>90d', model=mlp",
    )
    parser.add_argument(
        "--checkpoints",
        action="store_true",
        help="only checkpoint.ckpt of finished runs, which no result needs; runs cannot branch from these then",
    )
    parser.add_argument("--yes", action="store_true", help="remove them")
    parser.add_argument("--store", default="runs", help="folder of the runs (default: runs)")
    return parser


def _without_needed(going: Sequence[Listed], runs: Sequence[Listed], *, all_stay: bool) -> list[Listed]:
    """Those of ``going`` that no run which stays names; says which others are kept."""
    from lossatlas.runs.store.upkeep import named_by

    left = {entry.run.fingerprint: entry for entry in going}
    while True:  # what those that are kept started from is kept too
        needed = named_by((one for one in runs if all_stay or one.run.fingerprint not in left), left)
        if not needed:
            return list(left.values())
        for name, others in needed.items():
            del left[name]
            _say(
                f"{name}: kept, {counted(len(others), 'run')} that stay started from it: {', '.join(others[:3])}"
            )


def _size(entry: Listed, checkpoint: bool) -> int:
    return entry.run.checkpoint_path.stat().st_size if checkpoint else Entry(entry).size


def _say(message: str) -> None:
    print(message, file=sys.stderr)
