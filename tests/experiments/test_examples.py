"""The examples in the docstrings of experiments' Python."""

import doctest
from pathlib import Path

import pytest
from python_of import loaded

HERE = Path(__file__).parents[2] / "experiments"
WITH_EXAMPLES = sorted(file for file in HERE.glob("*/*.py") if ">>>" in file.read_text(encoding="utf-8"))


def test_some_files_have_examples() -> None:
    assert HERE / "optimizers" / "claims.py" in WITH_EXAMPLES


@pytest.mark.parametrize(
    "file", [pytest.param(file, id=f"{file.parent.name}/{file.stem}") for file in WITH_EXAMPLES]
)
def test_examples_are_right(file: Path) -> None:
    # Loaded here: doctest passes over what is of a module that was read anew since.
    failed, tried = doctest.testmod(loaded(file.parent.name, file.stem))
    assert (failed, tried > 0) == (0, True)
