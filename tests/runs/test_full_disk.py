"""A landscape whose file no longer fits on the disk."""

import resource
from pathlib import Path

import pytest
import xarray as xr
from small_runs import small, trained

from lossatlas.landscape.mapping.journal import Journal
from lossatlas.runs.surveyor import Surveyor


def test_a_landscape_that_does_not_fit_on_the_disk_leaves_no_half_file_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files above a size are refused, as on a full disk, while its file is written; the journal is complete then."""
    landscape = ("landscape=line", "landscape.line.directions=2", "landscape.line.points=5")
    config = small(tmp_path, *landscape)
    run = trained(config)
    run.landscapes.mkdir(exist_ok=True)

    def survey() -> xr.Dataset:
        return Surveyor(run, config, lambda overrides: run).survey_all()["line"]

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (6000, before[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            survey()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    (journal,) = run.landscapes.iterdir()
    assert journal.read_bytes().count(b"\n") == 1 + 2 * 5
    monkeypatch.setattr(Journal, "append", lambda *_: pytest.fail("measured again"))
    resumed = survey()
    monkeypatch.undo()
    (path,) = run.landscapes.glob("*.nc")
    path.unlink()
    assert survey().identical(resumed)
