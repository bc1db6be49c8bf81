"""What the tests of runs share: one thread, and the modules beside them that they import."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from lossatlas.runs.store.store import Run

sys.path.insert(0, str(Path(__file__).parent))  # the processes that tests start inherit it


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def one_step(tmp_path: Path, write_cifar: Callable[..., Path]) -> Callable[..., Run]:
    """Function that takes the first step of a job of an experiment's file ("sharpness/paper"), on 50 images."""
    from paper import composed

    from lossatlas.runs.ensure import ensure

    data = write_cifar(tmp_path / "data", each=1)
    tiny = [f"paths.data={data}", f"paths.runs={tmp_path / 'runs'}", "data.batch_size=50", "epochs=1"]
    plainly = ["logger=none", "trainer=cpu", "study.snapshot_epochs=[0]"]

    def run(choice: str, *overrides: str) -> Run:
        finished = ensure(composed(choice, *tiny, *plainly, *overrides))
        manifest = finished.manifest()
        assert manifest is not None
        assert (manifest.status, manifest.steps) == ("finished", 1)
        return finished

    return run
