"""An experiment's Python, loaded from its folder wherever that lies."""

import re
from pathlib import Path

import pytest
import xarray as xr

from lossatlas.experiments import Values
from lossatlas.experiments.python_files import check_values, content_of, function_of, told_with_line
from lossatlas.measures import measured

GOOD = """
from .helpers import half

def claims(v):
    yield half(v.level)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Of a name that is none of a module."""
    made = tmp_path / "my-experiment 2"
    made.mkdir()
    (made / "claims.py").write_text(GOOD)
    (made / "helpers.py").write_text("def half(x):\n    return x / 2\n")
    return made


def test_a_function_is_found_with_what_lies_beside_it(folder: Path) -> None:
    assert list(function_of(folder, "claims")(Values({"level": 3.0}))) == [1.5]


def test_folders_of_one_name_do_not_meet(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "elsewhere" / folder.name
    other.mkdir(parents=True)
    (other / "claims.py").write_text("def claims(v):\n    yield 'other'\n")
    first = function_of(folder, "claims")
    assert list(function_of(other, "claims")(Values({}))) == ["other"]
    assert list(first(Values({"level": 3.0}))) == [1.5]


def test_a_file_that_was_changed_is_read_anew(folder: Path) -> None:
    function_of(folder, "claims")
    (folder / "helpers.py").write_text("def half(x):\n    return 'half'\n")
    assert list(function_of(folder, "claims")(Values({"level": 3.0}))) == ["half"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "my-experiment 2 has no claims.py"),
        ("x = 1\n", "my-experiment 2/claims.py has no function claims(v)"),
        ("x = 1\ndef claims(v:\n", "my-experiment 2/claims.py, line 2: '(' was never closed"),
        (
            "\nimport no_such_module\n",
            "claims.py, line 2: ModuleNotFoundError: No module named 'no_such_module'",
        ),
        (
            "from lossatlas.claims import Trends\n",
            "claims.py, line 1: ImportError: cannot import name 'Trends'",
        ),
        ("from .helpers import half\nhalf('x')\n", "helpers.py, line 2: TypeError: unsupported operand"),
    ],
)
def test_a_broken_file_is_told_with_its_line(folder: Path, text: str | None, message: str) -> None:
    if text is None:
        (folder / "claims.py").unlink()
    else:
        (folder / "claims.py").write_text(text)
    with pytest.raises(ValueError, match=re.escape(message)):
        function_of(folder, "claims")


def test_what_a_measure_does_not_find_is_told_with_its_line(folder: Path) -> None:
    (folder / "claims.py").write_text("def claims(v):\n    return [lambda summary: summary['tset_error']]\n")
    (measure,) = function_of(folder, "claims")(Values({}))
    summary = xr.Dataset({"test_error": ("seed", [0.5])})
    with (
        pytest.raises(ValueError, match=r"claims\.py, line 2: KeyError: .*tset_error"),
        told_with_line(folder),
    ):
        measured(measure, {"summary": summary})


def test_what_others_raise_comes_through_as_it_was_raised(folder: Path) -> None:
    with pytest.raises(KeyError), told_with_line(folder):
        raise KeyError("x")


def test_values_are_checked_without_running_anything(folder: Path) -> None:
    check_values(folder, {"level": 1})
    (folder / "figures.py").write_text("1 / 0\n\ndef figures(v):\n    return {'figure': lambda: v.levle}\n")
    with pytest.raises(
        ValueError, match=r"figures\.py, line 4: experiment\.values has no 'levle'; did you mean level\?"
    ):
        check_values(folder, {"level": 1})
    with pytest.raises(
        ValueError, match=r"claims\.py, line 5: experiment\.values has no 'level'; there are none"
    ):
        check_values(folder, {})


def test_the_content_is_that_of_all_files_whatever_their_comments(folder: Path) -> None:
    before = content_of(folder)
    assert before.keys() == {"claims.py", "helpers.py"}
    (folder / "claims.py").write_text(f"# told\n{GOOD}   # more\n")
    assert content_of(folder) == before
    (folder / "helpers.py").write_text("def half(x):\n    return x / 3\n")
    assert content_of(folder) != before


def test_nothing_heavy_is_imported_with_the_types() -> None:
    import subprocess
    import sys

    code = (
        "import sys, lossatlas.experiments; "
        "print({'torch', 'hydra', 'xarray', 'matplotlib', 'omegaconf'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
