"""Hydra launcher that runs the jobs of a sweep side by side in a pool of processes, one a core or GPU.

Hydra's joblib launcher does nearly the same, but its workers are killed by Ctrl-C before they can write a checkpoint,
and it cannot give each worker a GPU of its own. Hydra imports this module at every start: nothing heavy may be imported
at its top.
"""

import io
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing.connection import Connection
from multiprocessing.connection import wait as wait_for
from pathlib import Path
from typing import Any

import cloudpickle
from hydra.core.hydra_config import HydraConfig
from hydra.core.singleton import Singleton
from hydra.core.utils import JobReturn, configure_log, run_job, setup_globals
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, open_dict

THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
GRACE_SECONDS = 60  # that a worker has for its checkpoint when its parent has died


class ProcessLauncher(Launcher):
    """Runs ``jobs`` jobs at a time, each in a process with ``threads`` threads and, where there are any, one GPU.

    A failed job does not stop the others. On SIGINT or SIGTERM no further job starts, and those that run are asked to
    write a checkpoint; a second Ctrl-C kills them.
    """

    def __init__(self, jobs: int | None = None, threads: int | None = None) -> None:
        self.jobs = jobs
        self.threads = threads
        self.config: DictConfig | None = None
        self.hydra_context: HydraContext | None = None
        self.task_function: TaskFunction | None = None

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Take what Hydra gives every launcher."""
        self.hydra_context, self.task_function, self.config = hydra_context, task_function, config

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Run all jobs; the results are in their order."""
        assert self.config is not None
        setup_globals()
        configure_log(self.config.hydra.hydra_logging, self.config.hydra.verbose)
        Path(str(self.config.hydra.sweep.dir)).mkdir(parents=True, exist_ok=True)
        devices = _visible_gpus()
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        workers = min(self.jobs or len(devices) or cores, len(job_overrides))
        threads = self.threads or max(1, cores // workers)
        with _environment(dict.fromkeys(THREAD_VARIABLES, str(threads))):
            return self._run_pool(job_overrides, initial_job_idx, workers, devices)

    def _run_pool(
        self, job_overrides: Sequence[Sequence[str]], first: int, workers: int, devices: list[str]
    ) -> list[JobReturn]:
        context = multiprocessing.get_context("spawn")
        slots, pids = context.SimpleQueue(), context.SimpleQueue()
        for slot in range(workers):
            slots.put((slot, devices[slot % len(devices)] if devices else None))
        outputs, inputs = zip(*(context.Pipe(duplex=False) for _ in range(workers)), strict=True)
        pool = ProcessPoolExecutor(workers, context, _start_worker, (slots, pids, inputs))
        with _stopping(pool, pids) as stop:
            state = (self.hydra_context, self.config, self.task_function, Singleton.get_state())
            with _ignoring_interrupts():  # a worker inherits this until it has handlers of its own
                futures = [
                    pool.submit(_run_pickled, cloudpickle.dumps((first + i, list(job), *state)))
                    for i, job in enumerate(job_overrides)
                ]
            for end in inputs:
                end.close()  # the workers have their own
            threading.Thread(target=_print_messages, args=(list(outputs),), daemon=True).start()
            try:
                returns = _collect(futures, stop)
            finally:
                pool.shutdown(wait=True, cancel_futures=True)
        if stop.is_set():
            raise KeyboardInterrupt
        return returns


def _collect(futures: list["Future[bytes]"], stop: threading.Event) -> list[JobReturn]:
    """Wait for all jobs, or for those that run when ``stop`` is set; futures yet to start are then cancelled."""
    while not all(future.done() for future in futures):
        if stop.is_set():
            for future in futures:
                future.cancel()
        time.sleep(0.05)
    return [cloudpickle.loads(future.result()) for future in futures if not future.cancelled()]


def _run_pickled(arguments: bytes) -> bytes:
    """Run a job; Hydra's state holds resolvers, which are functions that only cloudpickle carries."""
    return cloudpickle.dumps(_run_job(*cloudpickle.loads(arguments)))


def _run_job(
    index: int,
    overrides: list[str],
    hydra_context: HydraContext,
    config: DictConfig,
    task_function: TaskFunction,
    singletons: dict[Any, Any],
) -> JobReturn:
    setup_globals()
    Singleton.set_state(singletons)
    job_config = hydra_context.config_loader.load_sweep_config(config, overrides)
    with open_dict(job_config):
        job_config.hydra.job.id = str(index)
        job_config.hydra.job.num = index
    HydraConfig.instance().set_config(job_config)
    return run_job(
        hydra_context=hydra_context,
        task_function=task_function,
        config=job_config,
        job_dir_key="hydra.sweep.dir",
        job_subdir_key="hydra.sweep.subdir",
    )


# In the worker


class _Relay(io.TextIOBase):
    """Standard error of a worker: hands each line to the parent, whose progress display it would tear."""

    def __init__(self, parent: Connection) -> None:
        self._parent = parent
        self._line = ""

    def write(self, text: str) -> int:
        *lines, self._line = (self._line + text).split("\n")
        for line in lines:
            self._parent.send(line)
        return len(text)


def _start_worker(slots: Any, pids: Any, messages: Sequence[Connection]) -> None:
    """Make a fresh process a worker: its GPU, its messages, its signals, and its end when the parent dies."""
    from lossatlas import interruption

    interruption.install()
    pids.put(os.getpid())
    slot, device = slots.get()
    sys.stdout = sys.stderr = _Relay(messages[slot])
    if device is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = device
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait_for([parent.sentinel])
    os.kill(os.getpid(), signal.SIGTERM)  # asks the job for its checkpoint
    time.sleep(GRACE_SECONDS)
    os._exit(1)


# In the parent


def _print_messages(workers: list[Connection]) -> None:
    """Print what workers say, until the last of them is gone."""
    while workers:
        for worker in wait_for(workers):
            try:
                print(worker.recv(), file=sys.stderr)
            except EOFError:
                workers.remove(worker)


@contextmanager
def _stopping(pool: ProcessPoolExecutor, pids: Any) -> Iterator[threading.Event]:
    """Set the yielded event at SIGINT or SIGTERM and pass the request on to the workers."""
    stop = threading.Event()

    def signal_workers(signum: int) -> None:
        while not pids.empty():
            workers.append(pids.get())
        for pid in workers:
            try:
                os.kill(pid, signum)
            except ProcessLookupError:
                continue

    def request(signum: int, _frame: Any) -> None:
        if stop.is_set() and signum == signal.SIGINT:
            signal_workers(signal.SIGKILL)
            raise KeyboardInterrupt
        stop.set()
        signal_workers(signal.SIGTERM)

    workers: list[int] = []
    before = {signum: signal.signal(signum, request) for signum in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)


@contextmanager
def _ignoring_interrupts() -> Iterator[None]:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


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
