"""An experiment's ``claims.py`` and ``figures.py``, loaded from its folder, wherever that lies."""

import ast
import importlib
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from importlib.machinery import ModuleSpec
from importlib.util import module_from_spec
from pathlib import Path
from typing import Any

from lossatlas.experiments.values import missing

_TOLD = (  # and no interruption
    ArithmeticError,
    AssertionError,
    AttributeError,
    ImportError,
    LookupError,
    NameError,
    RuntimeError,
    TypeError,
    ValueError,
)


def function_of(folder: Path, module: str) -> Callable[..., Any]:
    """The function ``module`` of ``folder/module.py``, read anew.

    Parameters
    ----------
    folder : Path
        Of the experiment.
    module : str
        "claims" or "figures".

    Returns
    -------
    Callable
        Function of the experiment's `Values`.

    Raises
    ------
    ValueError
        For a file that is not there or has no such function; with file and line for one that fails.
    """
    file = folder / f"{module}.py"
    if not file.is_file():
        raise ValueError(f"{folder.name} has no {file.name}")
    with told_with_line(folder):
        loaded = importlib.import_module(f"{_package_of(folder)}.{module}")
    if not callable(function := getattr(loaded, module, None)):
        raise ValueError(f"{folder.name}/{file.name} has no function {module}(v)")
    return function


def _package_of(folder: Path) -> str:
    """Name of a new package for a folder: `from .helpers import f` works, folders of one name do not meet."""
    name = f"lossatlas_experiment_{folder.name}_{sha256(str(folder.resolve()).encode()).hexdigest()[:8]}"
    for known in [known for known in sys.modules if known == name or known.startswith(f"{name}.")]:
        del sys.modules[known]
    importlib.invalidate_caches()
    spec = ModuleSpec(name, None, is_package=True)
    spec.submodule_search_locations = [str(folder.resolve())]
    sys.modules[name] = module_from_spec(spec)
    return name


@contextmanager
def told_with_line(folder: Path) -> Iterator[None]:
    """Turn what the folder's Python raises into a ValueError that begins with file and line.

    Parameters
    ----------
    folder : Path
        Of the experiment.

    Raises
    ------
    ValueError
        For what Python of the folder raises; what is raised elsewhere, and an interruption, is passed on.
    """
    try:
        yield
    except SyntaxError as error:
        raise ValueError(f"{_place(folder, error.filename, error.lineno)}: {error.msg}") from error
    except _TOLD as error:
        for frame in reversed(traceback.extract_tb(error.__traceback__)):
            if Path(frame.filename).parent == folder.resolve():
                what = str(error) if type(error) is ValueError else f"{type(error).__name__}: {error}"
                raise ValueError(f"{_place(folder, frame.filename, frame.lineno)}: {what}") from error
        raise


def _place(folder: Path, file: str | None, line: int | None) -> str:
    return f"{folder.name}/{Path(file or '').name}, line {line}"


def check_values(folder: Path, values: dict[str, Any]) -> None:
    """Raise ValueError if one of the folder's Python files takes ``v.NAME`` that is none of ``values``.

    Nothing is run: what a measure takes is found before anything is trained.

    Parameters
    ----------
    folder : Path
        Of the experiment.
    values : dict of str to Any
        ``experiment.values``.

    Raises
    ------
    ValueError
        With file and line.
    """
    for file, tree in _trees(folder).items():
        for node in ast.walk(tree):
            if (
                isinstance(node, ast.Attribute)
                and isinstance(node.value, ast.Name)
                and node.value.id == "v"
                and node.attr not in values
            ):
                raise ValueError(f"{_place(folder, file, node.lineno)}: {missing(node.attr, values)}")


def content_of(folder: Path) -> dict[str, str]:
    """What each of the folder's Python files says, whatever its comments and its layout.

    Parameters
    ----------
    folder : Path
        Of the experiment.

    Returns
    -------
    dict of str to str
        Name of the file -> its syntax tree as text.

    Raises
    ------
    ValueError
        With file and line for what is no Python.
    """
    return {file: ast.dump(tree) for file, tree in _trees(folder).items()}


def _trees(folder: Path) -> dict[str, ast.Module]:
    with told_with_line(folder):
        return {
            file.name: ast.parse(file.read_text(encoding="utf-8"), file.name)
            for file in sorted(folder.glob("*.py"))
        }
