import subprocess
import sys
from pathlib import Path

import pytest
import xarray as xr

from lossatlas.cli.export import FORMATS
from lossatlas.export import ENDINGS, WRITERS, write


def test_every_format_has_an_ending_and_every_ending_writes(surface: xr.Dataset, tmp_path: Path) -> None:
    assert tuple(ENDINGS) == FORMATS  # as the command names them
    assert set(ENDINGS.values()) <= set(WRITERS)
    for ending in WRITERS:
        (path,) = write(surface, tmp_path / f"surface{ending}")
        assert path.stat().st_size > 200


def test_an_unknown_ending_is_named(surface: xr.Dataset) -> None:
    with pytest.raises(ValueError, match=r"a\.obj: no format for '\.obj', expected one of \.h5, .*\.csv"):
        write(surface, "a.obj")


def test_an_option_of_another_format_is_named(surface: xr.Dataset, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no option 'log' for \.csv, which takes none"):
        write(surface, tmp_path / "a.csv", log=True)
    with pytest.raises(ValueError, match=r"no option 'zmax' for \.vtu, which takes split, ceiling, log"):
        write(surface, tmp_path / "a.vtu", zmax=1)


def test_nothing_of_it_needs_torch() -> None:
    code = "import sys, lossatlas.export, lossatlas.figures; print({'torch', 'hydra', 'wandb'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
