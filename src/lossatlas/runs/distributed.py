"""Several processes on one survey: started here, or by torchrun or Slurm, and joined by Lightning Fabric."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from lightning_fabric import Fabric
from lightning_fabric.plugins.environments import SLURMEnvironment, TorchElasticEnvironment
from lightning_fabric.strategies import DDPStrategy
from lightning_fabric.utilities.exceptions import MisconfigurationException

from lossatlas.hardware import threads_limited
from lossatlas.landscape.mapping.ranks import ranks
from lossatlas.runs.process_settings import environment_restored, lightning_warns_only
from lossatlas.runs.trainer_settings import is_one_device

_RENDEZVOUS = timedelta(minutes=5)  # in which all processes must have started
GRACE_SECONDS = 60  # that the other processes have to end

Stop = Callable[[], None]


def is_external() -> bool:
    """Whether somebody else, such as torchrun or Slurm, has started this process as one of several."""
    started = "LOCAL_RANK" in os.environ or TorchElasticEnvironment.detect()
    return started or (SLURMEnvironment.detect() and int(os.environ.get("SLURM_NTASKS", "1")) > 1)


def is_first() -> bool:
    """Whether this is the process that writes and prints, as far as its environment says."""
    names = ("RANK", "SLURM_PROCID", "LOCAL_RANK") if is_external() else ()
    return all(os.environ.get(name, "0") == "0" for name in names)


@contextmanager
def process_group(
    trainer: Mapping[str, Any], command: Sequence[str], *, quiet: bool = True
) -> Iterator[Stop]:
    """Have a process for each device that ``trainer`` names share the surveys in the block; yield what stops them.

    ``command`` are the arguments of ``python -m lossatlas`` for the other processes, which are started unless
    somebody else has started them, and have ended when the block has. ValueError for a wrong number of devices.
    """
    devices, nodes = _devices(trainer)
    if devices * nodes == 1:
        yield lambda: None
        return
    with (
        threads_limited(torch.get_num_threads()),
        environment_restored(),
        lightning_warns_only(),
        _others(devices * nodes, command, quiet=quiet) as others,
    ):
        strategy = DDPStrategy(timeout=_RENDEZVOUS)
        _join(accelerator=trainer["accelerator"], strategy=strategy, devices=devices, num_nodes=nodes)
        ranks().gather(None)  # from here on a process that dies is noticed at once

        def stop() -> None:
            for process in others:
                process.terminate()

        yield stop
        _part()


@contextmanager
def _others(size: int, command: Sequence[str], *, quiet: bool) -> Iterator[list[subprocess.Popen[bytes]]]:
    """The other processes, started unless somebody else has; left together, they end by themselves or are killed."""
    others = [] if is_external() else _started(size, command, quiet=quiet)
    try:
        yield others
    finally:
        with suppress(RuntimeError):  # that of a process that has died
            if dist.is_initialized():
                dist.destroy_process_group()
        for process in others:
            try:
                process.wait(GRACE_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _join(**options: Any) -> None:
    """Meet the other processes. ValueError for devices that are not there, ChildProcessError if they do not come."""
    try:
        Fabric(**options).launch()
    except MisconfigurationException as error:
        raise ValueError(f"trainer: {str(error).splitlines()[0]}") from error
    except dist.DistError as error:
        raise ChildProcessError(f"the processes of the survey did not come together: {error}") from error


def _part() -> None:
    """Have the first process, through which the others speak, leave last: else one of them could hear it die."""
    store, among = dist.distributed_c10d._get_default_store(), ranks()
    if among.rank == 0:
        with suppress(dist.DistError):  # of a process that has ended otherwise
            store.wait(
                [f"left/{rank}" for rank in range(1, among.world_size)], timedelta(seconds=GRACE_SECONDS)
            )
    else:
        store.set(f"left/{among.rank}", "")


def _devices(trainer: Mapping[str, Any]) -> tuple[int, int]:
    """Number of processes on this machine, and of machines."""
    if TorchElasticEnvironment.detect():
        here = int(os.environ["LOCAL_WORLD_SIZE"])
        return here, int(os.environ["WORLD_SIZE"]) // here
    devices, nodes = trainer["devices"], trainer.get("num_nodes", 1)
    if is_one_device(devices):
        devices = 1
    if devices in ("auto", -1):
        on_gpus = trainer["accelerator"] != "cpu"
        return max(torch.cuda.device_count(), 1) if on_gpus else 1, nodes
    if type(devices) is not int or devices < 1:
        raise ValueError(f"trainer.devices={devices}: expected a whole number >= 1, or auto")
    if nodes > 1 and not is_external():
        raise ValueError(
            f"trainer.num_nodes={nodes}: torchrun or Slurm must start the processes of several machines"
        )
    return devices, nodes


def _started(size: int, command: Sequence[str], *, quiet: bool) -> list[subprocess.Popen[bytes]]:
    """Become rank 0 of ``size`` processes and start the others."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": str(size)}
    os.environ |= {"NODE_RANK": "0", "LOCAL_RANK": "0"}
    out = subprocess.DEVNULL if quiet else None
    return [
        subprocess.Popen(
            [sys.executable, "-m", "lossatlas", *command],
            env={**os.environ, "LOCAL_RANK": str(rank)},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
        )
        for rank in range(1, size)
    ]
