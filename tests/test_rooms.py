"""The floors of the house: a file imports from rooms below its own and from its own, never from one above."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import lossatlas

SOURCE = Path(lossatlas.__file__).parent
FLOORS = [
    # From the top down. A name is that of a folder or of one file; what is not named goes with its folder. Rooms of
    # one floor do not know each other.
    ["__main__"],
    ["cli"],
    ["atlas"],
    ["experiments", "comparison"],
    ["experiments.cost"],
    ["experiments.collect"],
    ["runs"],
    ["runs.composition"],
    ["runs.store"],
    ["studies"],
    ["studies.elastic_band"],
    ["studies.classifier"],
    ["studies.study"],
    ["studies.trained_network", "studies.stepping", "studies.regularization"],
    ["callbacks"],
    ["loggers", "export"],
    ["figures"],
    ["figures.experiments", "figures.landscapes"],
    ["figures.panels"],
    ["figures.layout"],
    ["figures.style"],
    ["claims"],
    ["measures"],
    ["landscape"],
    ["landscape.connectivity"],
    [
        "landscape.slices",
        "landscape.curvature",
        "landscape.flatness",
        "landscape.signals",
        "landscape.ensembles",
    ],
    ["landscape.alignment"],
    ["landscape.measuring"],
    ["landscape.forward", "landscape.sampling", "landscape.survey"],
    ["landscape.mapping"],
    ["landscape.shapes"],
    ["landscape.directions"],
    ["landscape.problem", "landscape.engine"],
    ["toy"],
    ["optim", "data", "models"],
    ["optim.distancing"],
    ["optim.schedules"],
    [""],  # files of the ground
]
FLOOR = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}


def room_of(module: str) -> str:
    """The longest name of `FLOORS` that holds the module, by its name below the package."""
    parts = module.split(".")
    return next(name for end in range(len(parts), -1, -1) if (name := ".".join(parts[:end])) in FLOOR)


@cache
def imports() -> frozenset[tuple[str, str]]:
    """Pairs of a module and one that it imports, wherever in it, by their names below the package."""
    return frozenset(pair for file in SOURCE.rglob("*.py") for pair in _imports(file))


def _imports(file: Path) -> Iterator[tuple[str, str]]:
    module = ".".join(file.relative_to(SOURCE).with_suffix("").parts).removesuffix("__init__").rstrip(".")
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "lossatlas":
            for alias in node.names:
                name = f"{node.module}.{alias.name}".removeprefix("lossatlas.")
                path = SOURCE / Path(*name.split("."))
                yield (
                    module,
                    name if path.is_dir() or path.with_suffix(".py").exists() else name.rpartition(".")[0],
                )


def test_imports_run_down() -> None:
    wrong = [
        f"{importer} imports {imported}, which lies above it"
        for importer, imported in sorted(imports())
        if room_of(importer) != room_of(imported) and FLOOR[room_of(importer)] >= FLOOR[room_of(imported)]
    ]
    assert not wrong, "\n".join(wrong)


def test_no_file_is_imported_by_what_it_imports() -> None:
    """Not by way of others either; an import inside a function, which is made when it is called, counts."""
    below: dict[str, set[str]] = {}
    for importer, imported in imports():
        if importer != imported:
            below.setdefault(importer, set()).add(imported)

    def circle(module: str, path: tuple[str, ...], done: set[str]) -> tuple[str, ...] | None:
        if module in path:
            return (*path[path.index(module) :], module)
        if module in done:
            return None
        for imported in sorted(below.get(module, ())):
            if found := circle(imported, (*path, module), done):
                return found
        done.add(module)
        return None

    done: set[str] = set()
    assert [found for module in sorted(below) if (found := circle(module, (), done))] == []


def test_every_room_has_a_floor_and_every_floor_its_rooms() -> None:
    folders = {".".join(path.parent.relative_to(SOURCE).parts) for path in SOURCE.rglob("*.py")}
    assert folders - FLOOR.keys() == set()
    missing = [name for name in FLOOR if not (SOURCE / Path(*name.split("."))).exists()]
    assert [
        name for name in missing if not (SOURCE / Path(*name.split("."))).with_suffix(".py").exists()
    ] == []
