"""What the tests of the commands share: a folder of their own, and the helper module beside them on the path."""

import logging
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from typed import Typed


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folder in which commands are typed: empty."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HYDRA_FULL_ERROR", raising=False)
    return tmp_path


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    """A job configures logging for its whole process."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    for handler in set(root.handlers) - set(handlers):
        handler.close()
    root.handlers, root.level = handlers, level


@pytest.fixture
def typed(folder: Path) -> Iterator[Callable[..., Typed]]:
    """Function that types a command in a process group of its own, of which nothing is left after the test."""
    commands: list[Typed] = []

    def start(*arguments: str, **environment: str) -> Typed:
        commands.append(Typed(folder, *arguments, **environment))
        return commands[-1]

    yield start
    for command in commands:
        command.end()
