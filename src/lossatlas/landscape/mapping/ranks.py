"""Distributed mapping: each process measures a share of the points, and all get the whole."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import TypeVar

import torch.distributed as dist

T = TypeVar("T")

_alone: ContextVar[bool] = ContextVar("alone", default=False)
_PATIENCE = timedelta(
    days=365
)  # a share may take long; a process that has died is noticed at once nevertheless
_POLL_SECONDS = 0.01


class RankFailedError(RuntimeError):
    """Another process on the same survey has failed; what was finished is in the journals."""


@dataclass(frozen=True)
class Ranks:
    """The processes of torch.distributed, as torchrun, Slurm or Lightning Fabric start them.

    >>> Ranks(0, 1).gather("mine")
    ['mine']
    >>> list(Ranks(1, 3).share([10, 11, 12, 13, 14]))
    [11, 14]
    """

    rank: int  # of this process
    world_size: int  # number of processes

    def share(self, items: list[T]) -> list[T]:
        """Those of ``items`` that are this process's to do."""
        return items[self.rank :: self.world_size]

    def gather(self, mine: T) -> list[T]:
        """What each process gives, by rank; all processes have to call this.

        It waits for the last of them however long that takes. `RankFailedError` if one has died.
        """
        if self.world_size == 1:
            return [mine]
        everybody: list[T | None] = [None] * self.world_size
        try:
            group = _gathering(dist.group.WORLD)
            _meet(group)
            dist.all_gather_object(everybody, mine, group=group)
        except RuntimeError as error:
            raise RankFailedError(f"a process of the {self.world_size} has died: {error}") from error
        return everybody  # type: ignore[return-value]

    def attempt(self, action: Callable[[], T]) -> list[T]:
        """What ``action`` returns in each process, by rank; all processes have to call this.

        A failure is raised as it is where it happened, and elsewhere as `RankFailedError`, in either case once
        every process is done with its own ``action``.

        >>> Ranks(0, 1).attempt(lambda: 7)
        [7]
        """
        if self.world_size == 1:
            return [action()]
        result: T | None = None
        failure: BaseException | None = None
        try:
            result = action()
        except BaseException as error:
            failure = error
        try:
            outcomes = self.gather((result, failure and f"{type(failure).__name__}: {failure}"))
        finally:
            if failure is not None:
                raise failure
        for rank, (_, message) in enumerate(outcomes):
            if message:
                raise RankFailedError(f"rank {rank} failed: {message}")
        return [theirs for theirs, _ in outcomes]  # type: ignore[misc]


def ranks() -> Ranks:
    """The processes that share the surveys of this one: those of torch.distributed where it is initialised.

    >>> ranks()
    Ranks(rank=0, world_size=1)
    """
    if _alone.get() or not (dist.is_available() and dist.is_initialized()):
        return Ranks(0, 1)
    return Ranks(dist.get_rank(), dist.get_world_size())


@contextmanager
def alone() -> Iterator[None]:
    """Have this process do the surveys in the block by itself, whatever torch.distributed says.

    Without it a survey that not all ranks ask for would wait for the others for ever.

    >>> with alone():
    ...     ranks().world_size
    1
    """
    token = _alone.set(True)
    try:
        yield
    finally:
        _alone.reset(token)


@lru_cache(maxsize=1)
def _gathering(world: dist.ProcessGroup) -> dist.ProcessGroup:
    """All processes of ``world`` again, in a group that waits long and, unlike NCCL, needs no GPU memory."""
    if dist.get_backend(world) == "gloo":
        _meet(world)  # notices one that has died already, for which making a group would wait
    return dist.new_group(backend="gloo", timeout=_PATIENCE)  # type: ignore[return-value]


def _meet(group: dist.ProcessGroup) -> None:
    """Return when all processes have come here; unlike torch's own waiting, Ctrl-C interrupts it."""
    work = dist.barrier(group=group, async_op=True)
    while not work.is_completed():
        time.sleep(_POLL_SECONDS)
    work.wait()
