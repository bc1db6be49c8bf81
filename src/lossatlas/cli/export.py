"""``lossatlas export``: landscapes in the formats of other programs.

Help ends here: what imports xarray is imported where files are written. torch is not needed at all.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lossatlas.cli.arguments import Parser

if TYPE_CHECKING:
    import xarray as xr

FORMATS = ("hdf5", "vtk", "csv")
_PURPOSE = """
  hdf5  the layout of Li et al. 2018, for their plot_1D.py, plot_2D.py and h52vtp.py (.h5)
  vtk   surfaces as meshes, for ParaView (.vtu; .vtk with --output)
  csv   tables, one row a point (.csv)
"""


def main(arguments: list[str]) -> int:
    """Run ``lossatlas export LANDSCAPE ... --to FORMAT [--output PATH] [--store FOLDER]``."""
    options = _parse(arguments)
    found = list(_landscapes(options.landscapes, Path(options.store)))
    targets = _targets([path for path, _ in found], options.to, options.output)
    left_out = []
    for (path, is_named), target in zip(found, targets, strict=True):
        if not _export(path, target, _given(options), must=is_named):
            left_out.append(path)
    if left_out:
        names = ", ".join(path.name.rpartition("-")[0] or path.name for path in left_out)
        print(f"left out, for which there is no place in {targets[0].suffix}: {names}", file=sys.stderr)
    if len(left_out) == len(found):
        raise ValueError(f"{', '.join(options.landscapes)}: no landscape that could be exported")
    return 0


def command_parser() -> Parser:
    """Parser of the command's arguments."""
    parser = Parser(
        "lossatlas export",
        description="Write landscapes in the formats of other programs.",
        epilog=f"formats:{_PURPOSE}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "landscapes",
        nargs="+",
        metavar="LANDSCAPE",
        help="a landscape's .nc file, or a surface file of Li et al. (.h5); or a folder, or the fingerprint of a run, "
        "for all landscapes in it",
    )
    parser.add_argument("--to", choices=FORMATS, help="format (default: by the ending of --output)")
    parser.add_argument(
        "--output",
        metavar="PATH",
        help="the file to write, or a folder for several (default: beside each landscape)",
    )
    parser.add_argument("--store", default="runs", help="folder of the runs (default: runs)")
    parser.add_argument("--split", help="vtk: whose loss is the height (default: train)")
    parser.add_argument(
        "--ceiling",
        type=float,
        help="vtk: largest loss as a height (default: 10, or above the lowest loss; inf: none)",
    )
    parser.add_argument("--log", action="store_true", help="vtk: heights are ln(loss + 0.1)")
    return parser


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = command_parser()
    options = parser.parse_intermixed_args(list(arguments))
    if options.to is None and options.output is None:
        parser.error(f"--to is missing: one of {', '.join(FORMATS)}")
    return options


def _given(options: argparse.Namespace) -> dict[str, Any]:
    """Options of the format, those that were typed."""
    of_format = {name: getattr(options, name) for name in ("split", "ceiling", "log")}
    return {name: value for name, value in of_format.items() if value not in (None, False)}


def _landscapes(given: Sequence[str], store: Path) -> Iterator[tuple[Path, bool]]:
    """Files of the landscapes, and whether each was named itself."""
    for text in given:
        path = Path(text)
        if path.is_file():
            yield path, True
            continue
        folder = path if path.is_dir() else _run(text, store)
        files = sorted(folder.glob("*.nc")) or sorted((folder / "landscapes").glob("*.nc"))
        if not files:
            raise ValueError(f"{text}: no landscape there")
        yield from ((file, False) for file in files)


def _run(text: str, store: Path) -> Path:
    """Folder of the run of which the fingerprint begins with ``text``."""
    found = sorted(path for path in store.glob(f"{text}*") if path.is_dir()) if text.isalnum() else []
    if len(found) > 1:
        raise ValueError(f"{text}: {len(found)} runs in {store}/ begin with it")
    if not found:
        raise ValueError(f"{text}: no such file, nor a run in {store}/")
    return found[0]


def _targets(paths: Sequence[Path], to: str | None, output: str | None) -> list[Path]:
    """The files that are written for the landscapes at ``paths``."""
    from lossatlas.export import ENDINGS, WRITERS

    place = Path(output or "")
    if place.suffix in WRITERS:
        if len(paths) > 1:
            raise ValueError(f"{output}: one file for several landscapes; --output takes a folder for them")
        if to is not None and WRITERS[ENDINGS[to]] is not WRITERS[place.suffix]:
            raise ValueError(f"{output}: its ending is not one of --to {to}")
        return [place]
    if to is None:
        raise ValueError(f"{output}: a folder says no format; --to is missing, one of {', '.join(FORMATS)}")
    named = [path.with_suffix(ENDINGS[to]) for path in paths]
    if output is None:
        return named
    clash = len({path.name for path in named}) < len(named)  # landscapes of one kind of several runs
    return [
        place / (f"{path.resolve().parents[1].name}-{path.name}" if clash else path.name) for path in named
    ]


def _export(path: Path, target: Path, options: dict[str, Any], *, must: bool) -> bool:
    """Write one landscape and print where; False if its format has no place for it, unless it ``must``."""
    from lossatlas.export import NoPlaceError, write
    from lossatlas.runs.store.manifest import StoreError

    try:
        files = write(_opened(path, must), target, **options)
    except NoPlaceError as error:
        if must:
            raise ValueError(f"{path}: {error}") from error
        return False
    except StoreError:
        raise
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    for file in files:
        print(file)
    return True


def _opened(path: Path, is_named: bool) -> "xr.Dataset":
    """The landscape of a file; of one that was found in a run's folder only if it is of that run."""
    from lossatlas.runs.store.landscape_files import open_landscape

    if path.suffix in (".h5", ".hdf5"):
        from lossatlas.export import from_hdf5

        return from_hdf5(path)
    run = path.resolve().parents[1]
    in_a_run = (
        not is_named and path.resolve().parent.name == "landscapes" and (run / "manifest.json").exists()
    )
    return open_landscape(path, run.name if in_a_run else None)
