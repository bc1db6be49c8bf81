"""Runs asked for in processes of their own, which end where a test wants them to.

The processes are forked from a server that has imported torch and Lightning once, and never trained: a start costs
milliseconds, not seconds.
"""

import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import wraps
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Literal

from lossatlas import interruption
from lossatlas.runs.ensure import ensure
from lossatlas.studies import Study

SERVER = multiprocessing.get_context("forkserver")
SERVER.set_forkserver_preload(["lossatlas.runs.ensure"])
PATIENCE = 60.0  # seconds after which a process that should have ended is taken to hang


@dataclass(frozen=True)
class Signal:
    """The process gets a signal when the study comes to a hook of Lightning's with so many steps done."""

    number: signal.Signals
    step: int
    hook: str = "training_step"

    def arm(self) -> None:
        before_hook(self.hook, self.step, lambda: os.kill(os.getpid(), self.number))


@dataclass(frozen=True)
class Pause:
    """The process waits, with so many steps done, until it is told to go on."""

    step: int
    folder: Path  # of the files by which the two processes tell each other

    def arm(self) -> None:
        before_hook("training_step", self.step, self._wait)

    def _wait(self) -> None:
        (self.folder / "reached").touch()
        wait_for(self.folder / "go-on")

    def wait_until_reached(self) -> None:
        wait_for(self.folder / "reached")

    def end(self) -> None:
        (self.folder / "go-on").touch()


def wait_for(path: Path) -> None:
    end = time.monotonic() + PATIENCE
    while not path.exists():
        assert time.monotonic() < end, f"{path.name} did not come"
        time.sleep(0.01)


@dataclass(frozen=True)
class KillAtRename:
    """The process is killed when a file is about to get its name for the ``nth`` time, or has just got it.

    ``half``: the file is still half-written.
    """

    name: str
    when: Literal["half", "before", "after"]
    nth: int = 1

    def arm(self) -> None:
        replace, seen = os.replace, 0

        def replace_or_die(source: Any, target: Any, **options: Any) -> None:
            nonlocal seen
            seen += Path(target).name == self.name
            if Path(target).name != self.name or seen != self.nth:
                replace(source, target, **options)
                return
            if self.when == "half":
                os.truncate(source, os.path.getsize(source) // 2)
            if self.when == "after":
                replace(source, target, **options)
            os.kill(os.getpid(), signal.SIGKILL)

        os.replace = replace_or_die


Stop = Signal | Pause | KillAtRename


def before_hook(name: str, step: int, act: Callable[[], None]) -> None:
    """Make every study of this process ``act`` before its hook ``name`` when ``step`` steps are done."""
    hook = getattr(Study, name)

    @wraps(hook)
    def acting(study: Study, *arguments: Any) -> Any:
        if study.global_step == step:
            act()
        return hook(study, *arguments)

    setattr(Study, name, acting)


@dataclass
class Outcome:
    """How a process ended: what `ensure` gave or raised, and what it said on the way."""

    exit_code: int | None  # minus the signal that killed it
    weights_sha256: str | None = None
    error: str | None = None  # name of the exception's class
    message: str | None = None
    said: list[str] = field(default_factory=list)


class Process:
    """A process that calls `ensure` for one configuration."""

    def __init__(self, config: dict[str, Any], stop: Stop | None = None) -> None:
        self._received, sent = SERVER.Pipe(duplex=False)
        self._process = SERVER.Process(target=_work, args=(config, stop, sent), daemon=True)
        self._process.start()
        sent.close()

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    def signal(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def next_said(self) -> str:
        """The next thing that the process says."""
        assert self._received.poll(PATIENCE), "the process said nothing"
        kind, text = self._received.recv()
        assert kind == "said", text
        return text

    def outcome(self) -> Outcome:
        """Wait for the process to end."""
        answers = list(self._answers())
        self._process.join(PATIENCE)
        outcome = Outcome(self._process.exitcode)
        for kind, *values in answers:
            if kind == "said":
                outcome.said += values
            elif kind == "returned":
                (outcome.weights_sha256,) = values
            else:
                outcome.error, outcome.message = values
        return outcome

    def _answers(self) -> Iterator[tuple[str, ...]]:
        with suppress(EOFError):
            while self._received.poll(PATIENCE):
                yield self._received.recv()


def _work(config: dict[str, Any], stop: Stop | None, answer: Connection) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)  # the server ignores it
    if stop is not None:
        stop.arm()
    try:
        run = ensure(config, say=lambda text: answer.send(("said", text)))
        manifest = run.manifest()
        assert manifest is not None
        answer.send(("returned", manifest.weights_sha256))
    except (Exception, KeyboardInterrupt, SystemExit) as error:
        answer.send(("raised", type(error).__name__, str(error)))
    assert not interruption.requested(), "a request to stop outlives the call that it was made to"
