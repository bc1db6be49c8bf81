"""What the tests of experiments share: one thread, the modules beside them that they import, and first steps."""

import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

from lossatlas.runs.store.store import Run

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "cli"))  # what the tests of commands type with


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folder in which commands are typed: empty."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def one_step(
    tmp_path: Path, write_cifar: Callable[..., Path], write_cifar100: Callable[..., Path]
) -> Callable[..., Run]:
    """Function that takes the first step of the first job at scale paper that has what is asked for, on 50 images."""
    from composed import jobs_of

    from lossatlas.runs.composition.compose import compose_job
    from lossatlas.runs.ensure import ensure

    tiny = [
        f"paths.data={tmp_path / 'data'}",
        f"paths.runs={tmp_path / 'runs'}",
        "data.batch_size=50",
        "epochs=1",
    ]
    plainly = ["logger=none", "trainer=cpu", "study.snapshot_epochs=[0]", "landscape=none"]

    def run(experiment: str, having: Mapping[Any, Any], *overrides: str, steps: int = 1) -> Run:
        job = jobs_of(experiment, having)[0]
        if not (tmp_path / "data").exists():
            write = write_cifar100 if job.config["data"]["_target_"].endswith("100") else write_cifar
            write(tmp_path / "data", each=1)
        whole = ["data.validation=0"] if job.config["data"].get("validation") else []  # all 50 to train on
        config = compose_job([*job.overrides, *tiny, *whole, *plainly, *overrides]).config
        finished = ensure(config)
        manifest = finished.manifest()
        assert manifest is not None
        assert (manifest.status, manifest.steps) == ("finished", steps)
        return finished

    return run
