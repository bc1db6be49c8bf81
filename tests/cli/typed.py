"""Commands as a user types them: in this process, where that is honest, or in processes of their own."""

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lossatlas.cli.main import main

PATIENCE = 120.0  # seconds after which what should have happened is taken to hang

DATA = (
    *("data=synthetic_images", "data.shape=[1,8,8]", "data.classes=4", "data.batch_size=16"),
    *("data.train=64", "data.validation=16", "data.test=32"),
)
QUICK = ("init=default", "epochs=2", "trainer=cpu", "logger=none", "runtime.threads=1")
TINY = (*DATA, "model=mlp", "model.hidden=[8]", *QUICK)  # a run that takes a tenth of a second
SHARPNESS = (  # the experiment with surveys of a few points, one of its two networks, one seed
    *("model=vgg9_narrow", "model.width=2", "epochs=1", "seed=0"),
    *("trainer=cpu", "logger=none", "runtime.threads=1"),
    *("landscape.line.points=3", "landscape.line.directions=1", "landscape.surface.points=3"),
    *("landscape.interpolation.points=5", "landscape.sharpness.iterations=1", "hydra/launcher=basic"),
)
HALF_SHARPNESS = (*SHARPNESS, "optimizer=sgd", "optimizer.weight_decay=0.0")  # two of its eight runs


@dataclass(frozen=True)
class Answer:
    """What a command did as its user sees it."""

    status: int
    out: str
    err: str

    @property
    def complaint(self) -> str:
        """The one line on standard error, without the name of the program."""
        (line,) = self.err.splitlines()
        assert line.startswith("lossatlas: "), line
        return line.removeprefix("lossatlas: ")


def type_here(*arguments: str) -> Answer:
    """Type ``lossatlas`` with ``arguments`` in this process and folder."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            status = main(list(arguments))
        except SystemExit as end:
            status = int(end.code or 0)
    return Answer(status, out.getvalue(), err.getvalue())


class Typed:
    """A command that was typed in a terminal of its own: a process group, which Ctrl-C reaches as a whole."""

    def __init__(self, folder: Path, *arguments: str, **environment: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "lossatlas.cli.main", *arguments],
            cwd=folder,
            env={**os.environ, **environment},
            start_new_session=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the command's process alone."""
        self._process.send_signal(number)

    def send_to_all(self, number: signal.Signals) -> None:
        """Send a signal to the whole group, as the terminal does at Ctrl-C."""
        os.killpg(self.pid, number)

    def workers(self) -> list[int]:
        """Process ids of the jobs' processes, which multiprocessing has started."""
        return [pid for pid, command in self._group().items() if "spawn_main" in command]

    def is_gone(self) -> bool:
        """Whether no process of the group is left."""
        return not self._group()

    def _group(self) -> dict[int, str]:
        listing = subprocess.run(
            ["ps", "-ww", "-eo", "pid,pgid,stat,args"], capture_output=True, text=True, check=True
        )
        rows = [line.split(None, 3) for line in listing.stdout.splitlines()[1:]]
        return {
            int(pid): args for pid, group, stat, args in rows if int(group) == self.pid and stat[0] != "Z"
        }

    def answer(self) -> Answer:
        """Wait for the command to end."""
        out, err = self._process.communicate(timeout=PATIENCE)
        return Answer(self._process.returncode, out, err)

    def wait_until(self, condition: Callable[[], object], what: str) -> None:
        """Wait for something to happen while the command runs."""
        wait_until(condition, what, unless=self._process.poll)

    def end(self) -> None:
        """Leave no process behind, however the test ended."""
        with contextlib.suppress(ProcessLookupError):
            self.send_to_all(signal.SIGKILL)
        self._process.communicate()


def wait_until(
    condition: Callable[[], object], what: str, unless: Callable[[], object] = lambda: None
) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert unless() is None, f"the command ended before {what}"
        assert time.monotonic() < end, f"{what}: it did not come to that"
        time.sleep(0.02)


def manifests(folder: Path) -> list[dict[str, Any]]:
    """Manifests of the store in ``folder``."""
    return [json.loads(path.read_bytes()) for path in folder.glob("runs/*/manifest.json")]


def attempts(folder: Path) -> int:
    """How often a training was begun or resumed, of all runs together."""
    return sum(len(manifest["attempts"]) for manifest in manifests(folder))


def weights(folder: Path) -> dict[int, str]:
    """SHA-256 of the finished weights in ``folder`` by the seed of the run."""
    return _by_seed(folder, "weights_sha256")


def statuses(folder: Path) -> dict[int, str]:
    return _by_seed(folder, "status")


def _by_seed(folder: Path, key: str) -> dict[int, Any]:
    found = manifests(folder)
    by_seed = {manifest["seed"]: manifest[key] for manifest in found}
    assert len(by_seed) == len(found), "two runs have one seed"
    return by_seed


def progress(folder: Path) -> Iterable[dict[str, Any]]:
    """What the runs in ``folder`` last said of how far they are."""
    return [json.loads(path.read_bytes()) for path in folder.glob("runs/*/progress.json")]
