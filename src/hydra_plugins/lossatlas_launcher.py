"""Hydra launcher that runs the jobs of a sweep side by side in processes of their own, one a core or GPU.

Hydra's joblib launcher does nearly the same, but its workers are killed by Ctrl-C before they can write a
checkpoint, one that dies takes the others with it, and it cannot give each a GPU of its own. Hydra imports this
module at every start: nothing heavy may be imported at its top.
"""

import io
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.connection import wait as wait_for
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any

import cloudpickle  # type: ignore[import-untyped]
from hydra.core.hydra_config import HydraConfig
from hydra.core.singleton import Singleton
from hydra.core.utils import JobReturn, JobStatus, configure_log, run_job, setup_globals
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, open_dict

_THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
GRACE_SECONDS = 60  # that a worker has for its checkpoint when its parent has died
_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)

_SpawnedJob = tuple[int, list[str]]
"""Number of a job, and its overrides."""


class ProcessLauncher(Launcher):
    """Runs ``jobs`` jobs at a time, each in a process with ``threads`` threads and, where there are any, one GPU.

    Neither a failed job nor a process that dies stops the others. On SIGINT or SIGTERM no further job starts, and
    those that run are asked to write a checkpoint; a second Ctrl-C kills them.
    """

    def __init__(self, jobs: int | None = None, threads: int | None = None) -> None:
        for name, value in {"jobs": jobs, "threads": threads}.items():
            if value is not None and (not isinstance(value, int) or value < 1):
                raise ValueError(f"hydra.launcher.{name} must be a whole number >= 1, or null; got {value}")
        self.jobs = jobs
        self.threads = threads
        self.config: DictConfig | None = None
        self.hydra_context: HydraContext | None = None
        self.task_function: TaskFunction | None = None

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Take what Hydra gives every launcher."""
        self.hydra_context, self.task_function, self.config = hydra_context, task_function, config

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Run all jobs; the results are in their order.

        KeyboardInterrupt after a request to stop; ChildProcessError, when the other jobs have ended, if a worker died.
        """
        assert self.config is not None
        setup_globals()
        configure_log(self.config.hydra.hydra_logging, self.config.hydra.verbose)
        Path(str(self.config.hydra.sweep.dir)).mkdir(parents=True, exist_ok=True)
        gpus = _visible_gpus()
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        size = min(self.jobs or len(gpus) or cores, len(job_overrides))
        places = [gpus[i % len(gpus)] if gpus else None for i in range(size)]
        # Hydra's state holds resolvers, which are functions that only cloudpickle carries.
        state = cloudpickle.dumps(
            (self.hydra_context, self.config, self.task_function, Singleton.get_state())
        )
        jobs = [(initial_job_idx + i, list(overrides)) for i, overrides in enumerate(job_overrides)]
        with _environment(dict.fromkeys(_THREAD_VARIABLES, str(self.threads or max(1, cores // size)))):
            return _Pool(places, state).run(jobs)


# In the parent


@dataclass(eq=False)
class _Worker:
    process: SpawnProcess
    connection: Connection
    place: str | None  # its GPU
    job: _SpawnedJob | None = None
    asked_to_stop: bool = False

    def ask_to_stop(self) -> None:
        if not self.asked_to_stop:
            self.process.terminate()
        self.asked_to_stop = True


class _Pool:
    """Workers, each of which runs one job after another."""

    def __init__(self, places: Sequence[str | None], state: bytes) -> None:
        self._context = multiprocessing.get_context("spawn")
        self._free = list(places)  # those without a worker
        self._state = state
        self._workers: list[_Worker] = []
        self._returns: dict[int, JobReturn] = {}
        self._lost: list[tuple[_SpawnedJob, str]] = []  # jobs whose worker died, and how
        self._stopping = False

    def run(self, jobs: Sequence[_SpawnedJob]) -> list[JobReturn]:
        """Run ``jobs``; see `ProcessLauncher.launch`."""
        waiting = deque(jobs)
        try:
            with self._stop_signals_taken():
                while waiting or any(worker.job is not None for worker in self._workers):
                    if self._stopping:
                        waiting.clear()
                        for worker in self._workers:
                            worker.ask_to_stop()
                    self._hand_out(waiting)
                    self._listen()
        finally:
            for worker in self._workers:
                worker.connection.close()  # which ends a worker that has nothing to do
                if worker.job is not None:
                    worker.ask_to_stop()
            for worker in self._workers:
                worker.process.join()
        if self._stopping:
            raise KeyboardInterrupt
        if self._lost:
            raise ChildProcessError(_losses(self._lost, jobs))
        return [self._returns[number] for number, _ in jobs]

    def _hand_out(self, waiting: deque[_SpawnedJob]) -> None:
        """Give the next jobs to workers that have none, starting workers in places that have none."""
        idle = [worker for worker in self._workers if worker.job is None]
        while waiting and (idle or self._free):
            worker = idle.pop() if idle else self._start(self._free.pop(0))
            worker.job = waiting.popleft()
            with suppress(OSError):  # a worker that has just died is found out when it is listened to
                worker.connection.send(worker.job)

    def _start(self, place: str | None) -> _Worker:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=_work, args=(theirs, place, self._state))
        with _stop_signals_held():
            process.start()
            worker = _Worker(process, ours, place)
            self._workers.append(worker)
        theirs.close()
        return worker

    def _listen(self) -> None:
        """Take what workers say, for at most a moment: a request to stop is then honoured."""
        ready = wait_for([worker.connection for worker in self._workers], timeout=0.1)
        for worker in [worker for worker in self._workers if worker.connection in ready]:
            try:
                self._take(worker, *worker.connection.recv())
            except (EOFError, OSError):
                self._bury(worker)

    def _take(self, worker: _Worker, kind: str, content: Any) -> None:
        if kind == "line":
            print(content, file=sys.stderr, flush=True)
            return
        assert worker.job is not None
        if kind == "return":
            self._returns[worker.job[0]] = cloudpickle.loads(content)
        elif not self._stopping:
            self._lost.append((worker.job, "was asked to stop"))
        worker.job = None

    def _bury(self, worker: _Worker) -> None:
        """Take a dead worker from the list; its job is lost, its place is free."""
        worker.process.join()
        worker.connection.close()
        self._workers.remove(worker)
        self._free.append(worker.place)
        if worker.job is not None and not self._stopping:
            self._lost.append((worker.job, _how_it_ended(worker.process.exitcode)))

    @contextmanager
    def _stop_signals_taken(self) -> Iterator[None]:
        """Take SIGINT and SIGTERM as requests to stop, and pass them on to the workers."""
        before = {signum: signal.signal(signum, self._request_stop) for signum in _STOP_SIGNALS}
        try:
            yield
        finally:
            for signum, handler in before.items():
                signal.signal(signum, handler)

    def _request_stop(self, signum: int, _frame: Any) -> None:
        if self._stopping and signum == signal.SIGINT:
            for worker in self._workers:
                worker.process.kill()
            raise KeyboardInterrupt
        self._stopping = True


def _how_it_ended(exit_code: int | None) -> str:
    if exit_code == -signal.SIGKILL:
        return "was killed, perhaps because memory ran out"
    if exit_code is not None and exit_code < 0:
        return f"died of {signal.Signals(-exit_code).name}"
    return f"ended with status {exit_code}"


def _losses(lost: Sequence[tuple[_SpawnedJob, str]], jobs: Sequence[_SpawnedJob]) -> str:
    """One line on the jobs whose worker died."""
    common = set.intersection(*(set(overrides) for _, overrides in jobs)) if len(jobs) > 1 else set()
    (_, overrides), how = lost[0]
    name = " ".join(override for override in overrides if override not in common)
    others = f", and {len(lost) - 1} more" if len(lost) > 1 else ""
    return f"the process of {name} {how}{others}; what was finished is kept, and the same command goes on from there"


@contextmanager
def _stop_signals_held() -> Iterator[None]:
    """Hold SIGINT and SIGTERM back in the block, and in the processes started there until they have handlers."""
    resource_tracker.ensure_running()  # whose start, with that of the first process, would let them through
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _STOP_SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _environment(variables: dict[str, str]) -> Iterator[None]:
    """Set environment variables for the processes started in the block; what the user has set stays."""
    added = {name: value for name, value in variables.items() if name not in os.environ}
    os.environ.update(added)
    try:
        yield
    finally:
        for name in added:
            del os.environ[name]


def _visible_gpus() -> list[str]:
    """Names, as for CUDA_VISIBLE_DEVICES, of the GPUs that this process may use."""
    if "CUDA_VISIBLE_DEVICES" in os.environ:
        return [name for name in os.environ["CUDA_VISIBLE_DEVICES"].split(",") if name and name != "-1"]
    import torch

    return [str(index) for index in range(torch.cuda.device_count())]


# In the worker


class _Parent:
    """The worker's end of the connection. A parent that has died hears nothing, which is no error of the job's."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._sending = threading.Lock()

    def jobs(self) -> Iterator[_SpawnedJob]:
        """Jobs as they come, until the parent has no more or is gone."""
        with suppress(EOFError, OSError):
            while True:
                yield self._connection.recv()

    def tell(self, kind: str, content: Any) -> None:
        with self._sending, suppress(OSError):
            self._connection.send((kind, content))


class _Relay(io.TextIOBase):
    """Standard output and error of a worker: hands each line to the parent, whose progress display it would tear."""

    encoding = "utf-8"

    def __init__(self, parent: _Parent) -> None:
        self._parent = parent
        self._line = ""

    def write(self, text: str) -> int:
        *lines, self._line = (self._line + text).split("\n")
        for line in lines:
            self._parent.tell("line", line)
        return len(text)


def _work(connection: Connection, place: str | None, state: bytes) -> None:
    """Run the jobs that come over ``connection``, until one was interrupted or there are no more."""
    from lossatlas import interruption

    interruption.install()
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOP_SIGNALS)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    parent = _Parent(connection)
    sys.stdout = sys.stderr = _Relay(parent)
    if place is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = place
    context, config, task_function, singletons = cloudpickle.loads(state)
    setup_globals()
    Singleton.set_state(singletons)
    for number, overrides in parent.jobs():
        try:
            parent.tell(
                "return", cloudpickle.dumps(_run_job(number, overrides, context, config, task_function))
            )
        except KeyboardInterrupt:
            parent.tell("interrupted", None)
            return


def _run_job(
    number: int,
    overrides: list[str],
    hydra_context: HydraContext,
    config: DictConfig,
    task_function: TaskFunction,
) -> JobReturn:
    try:
        job_config = hydra_context.config_loader.load_sweep_config(config, overrides)
        with open_dict(job_config):
            job_config.hydra.job.id = str(number)
            job_config.hydra.job.num = number
        HydraConfig.instance().set_config(job_config)
        return run_job(
            hydra_context=hydra_context,
            task_function=task_function,
            config=job_config,
            job_dir_key="hydra.sweep.dir",
            job_subdir_key="hydra.sweep.subdir",
        )
    except Exception as error:  # Hydra's own, around the job
        return JobReturn(overrides=overrides, status=JobStatus.FAILED, _return_value=error)


def _end_with_parent() -> None:
    """When the parent is gone, have the job write its checkpoint, after which `_Parent.jobs` ends."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait_for([parent.sentinel])
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE_SECONDS)
    os._exit(1)
