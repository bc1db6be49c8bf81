"""Runs jobs on several ranks, and quickly: torch is imported once, and each rank is a fork of this process.

A request is a line of JSON on the standard input, with the arguments of `launch`; so is the answer on the output.
"""

import json
import os
import resource
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from lightning_fabric import Fabric

from lossatlas.landscape import (
    Engine,
    Problem,
    adversarial,
    convexity,
    dropout_ensemble,
    eigenvalues,
    feature_rank,
    gradient_noise,
    jacobian,
    level_sets,
    line,
    lipschitz,
    sam_sharpness,
    sharpness,
    signal_propagation,
    spectrum,
    surface,
    trace,
)
from lossatlas.landscape.mapping.map_points import map_points

SECONDS = 60


def launch(
    job: str,
    world_size: int,
    options: Sequence[dict[str, Any]] = ({},),
    backend: str = "gloo",
    **common: Any,
) -> list[Any]:
    """What each rank gives: its result, its error as text, or the signal that ended it, negative.

    ``options`` are those of each rank, beside the ``common`` ones; the last is for all further ranks too.
    """
    with tempfile.TemporaryDirectory() as folder:
        pids = []
        for rank in range(world_size):
            own = {**common, **options[min(rank, len(options) - 1)]}
            if not (pid := os.fork()):
                _run(job, backend, rank, world_size, Path(folder), own)
            pids.append(pid)
        codes = _wait(pids)
        results = [Path(folder, str(rank)) for rank in range(world_size)]
        return [
            json.loads(result.read_text()) if code == 0 else code
            for result, code in zip(results, codes, strict=True)
        ]


def _run(job: str, backend: str, rank: int, world_size: int, folder: Path, options: dict[str, Any]) -> None:
    """Be a rank, to the end of this process."""
    try:
        if world_size > 1:
            dist.init_process_group(
                backend, init_method=f"file://{folder}/store", rank=rank, world_size=world_size
            )
        try:
            result = JOBS[job](**options)
        except Exception as error:
            result = f"{type(error).__name__}: {error}"
        Path(folder, str(rank)).write_text(json.dumps(result))
        os._exit(0)
    except BaseException:
        traceback.print_exc()
        os._exit(1)


def _wait(pids: list[int]) -> list[int]:
    """Exit codes; a rank that takes too long is killed, which its code shows."""
    deadline = time.monotonic() + SECONDS
    codes: dict[int, int] = {}
    while len(codes) < len(pids):
        for pid in set(pids) - codes.keys():
            done, status = os.waitpid(pid, os.WNOHANG)
            if done:
                codes[pid] = os.waitstatus_to_exitcode(status)
            elif time.monotonic() > deadline:
                os.kill(pid, signal.SIGABRT)
        time.sleep(0.005)
    return [codes[pid] for pid in pids]


def _progress(die: int = -1, fail: int = -1, pause: float = 0.0) -> Callable[[int, int], None]:
    """Progress callback that ends this rank, or raises, when it hears of so many finished points."""

    def progress(done: int, total: int) -> None:
        time.sleep(pause)
        if done == die:
            os.kill(os.getpid(), signal.SIGKILL)
        if done == fail:
            raise RuntimeError(f"stopped after {done}")

    return progress


def plain(
    total: int,
    journal: str | None = None,
    header: dict[str, Any] | None = None,
    measured: str | None = None,
    file_size: int | None = None,
    indices: list[int] | None = None,
    chain: int = 1,
    **progress: Any,
) -> Any:
    """A map of plain functions, which notes in the file ``measured`` what was measured."""

    def measure(index: int) -> list[float]:
        if measured is not None:
            with open(measured, "a") as file:
                file.write(f"{index} {os.getpid()}\n")
        if file_size is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (file_size, resource.RLIM_INFINITY))
        return [index / 7, 2.0**-index]

    try:
        rows = map_points(
            total,
            measure,
            indices=indices,
            chain=chain,
            journal=journal,
            header=header,
            progress=_progress(**progress),
        )
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    return rows.tolist()


def twice(total: int, journal: str, anew: bool = False, **first: Any) -> list[Any]:
    """Two maps, of which the ``first`` may fail; with ``anew`` the ranks are initialised again between them."""
    results: list[Any] = []
    for progress in (first, {}):
        try:
            results.append(plain(total, journal, **progress))
        except RuntimeError as error:
            results.append(f"{type(error).__name__}: {error}")
        if anew and progress is first:
            rank, world_size = dist.get_rank(), dist.get_world_size()
            dist.destroy_process_group()
            dist.init_process_group(
                "gloo", init_method=f"file://{journal}.store", rank=rank, world_size=world_size
            )
    return results


def dead_on_arrival(**options: Any) -> Any:
    """A map to which one rank does not come. It dies once the other is ready, not while that still joins it."""
    ready = Path(f"{options['journal']}.ready")
    if dist.get_rank() == 1:
        while not ready.exists():
            time.sleep(0.005)
        os.kill(os.getpid(), signal.SIGKILL)
    ready.touch()
    return plain(**options)


def survey(
    kind: str, journal: str | None = None, seed: int = 0, data_seed: int = 0, **progress: Any
) -> dict[str, Any]:
    """A survey of a small network, as a dictionary."""
    torch.manual_seed(seed)
    model = torch.nn.Sequential(torch.nn.Linear(32, 8), torch.nn.ReLU(), torch.nn.Linear(8, 3))
    inputs = torch.randn(20, 32, generator=torch.Generator().manual_seed(data_seed))
    problem = Problem(model, torch.nn.functional.cross_entropy, {"train": (inputs, torch.arange(20) % 3)})
    dataset = SURVEYS[kind](problem, journal=journal, progress=_progress(**progress))
    return dataset.to_dict()


def wrapped(kind: str, how: str = "") -> dict[str, Any]:
    """The values of a survey of a network with batch norm, wrapped ``how`` by what trains it on several ranks."""
    torch.manual_seed(0)
    model = torch.nn.Sequential(
        torch.nn.Linear(32, 8), torch.nn.BatchNorm1d(8), torch.nn.Tanh(), torch.nn.Linear(8, 3)
    )
    model[1].running_var.uniform_(0.5, 2.0)
    if how == "ddp":
        network = torch.nn.parallel.DistributedDataParallel(model)
    elif how == "fabric":
        ranks = {"RANK": dist.get_rank(), "LOCAL_RANK": dist.get_rank(), "WORLD_SIZE": dist.get_world_size()}
        elastic = {"MASTER_ADDR": "localhost", "MASTER_PORT": 1, "GROUP_RANK": 0, "LOCAL_WORLD_SIZE": 2}
        os.environ.update({name: str(value) for name, value in {**ranks, **elastic}.items()})
        os.environ["TORCHELASTIC_RUN_ID"] = "test"
        fabric = Fabric(accelerator="cpu", devices=2, strategy="ddp")
        fabric.launch()
        network = fabric.setup(model)
    else:
        network = model
    inputs = torch.randn(20, 32, generator=torch.Generator().manual_seed(0))
    data = {"train": (inputs, torch.arange(20) % 3)}
    dataset = SURVEYS[kind](Problem(network, torch.nn.functional.cross_entropy, data))
    return {name: variable.values.tolist() for name, variable in dataset.data_vars.items()}


SURVEYS: dict[str, Callable[..., Any]] = {
    "line": lambda problem, **how: line(problem, directions=2, points=5, **how),
    "recomputed line": lambda problem, **how: line(
        problem, directions=1, points=5, engine=Engine(evaluation="recompute"), **how
    ),
    "surface": lambda problem, **how: surface(problem, points=5, **how),
    "adaptive surface": lambda problem, **how: surface(problem, points=21, sampling="adaptive", **how),
    "sharpness": lambda problem, **how: sharpness(problem, epsilons=(1e-3, 5e-4, 1e-4), iterations=3, **how),
    "trace": lambda problem, **how: trace(problem, probes=15, sketch=2, tolerance=None, **how),
    "spectrum": lambda problem, **how: spectrum(problem, probes=3, steps=4, **how),
    "eigenvalues": lambda problem, **how: eigenvalues(problem, largest=2, **how),
    "convexity": lambda problem, **how: convexity(problem, points=4, **how),
    "jacobian": lambda problem, **how: jacobian(problem, examples=5, **how),
    "adversarial": lambda problem, **how: adversarial(problem, steps=2, **how),
    "dropout_ensemble": lambda problem, **how: dropout_ensemble(
        Problem(torch.nn.Sequential(torch.nn.Dropout(0.3), problem.model), problem.loss, problem.data),
        samples=3,
        **how,
    ),
    "signal_propagation": signal_propagation,
    "feature_rank": feature_rank,
    "gradient_noise": lambda problem, **how: gradient_noise(problem, sizes=(1, 4), draws=3, **how),
    "sam_sharpness": lambda problem, **how: sam_sharpness(problem, rhos=(0.1, 0.2, 0.3), **how),
    "lipschitz": lambda problem, **how: lipschitz(problem, rates=(0.1, 0.2, 0.3), **how),
    "level_sets": lambda problem, **how: level_sets(
        problem, directions=2, levels=(0.1,), extent=10.0, angles=4, **how
    ),
}
JOBS: dict[str, Callable[..., Any]] = {
    "plain": plain,
    "twice": twice,
    "dead_on_arrival": dead_on_arrival,
    "survey": survey,
    "wrapped": wrapped,
}


if __name__ == "__main__":
    torch.set_num_threads(1)
    for request in sys.stdin:
        print(json.dumps(launch(**json.loads(request))), flush=True)
