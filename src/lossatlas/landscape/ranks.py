"""Several processes on one survey: each measures a share of the points, and all get the whole."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TypeVar

import torch.distributed as dist

T = TypeVar("T")

_alone: ContextVar[bool] = ContextVar("alone", default=False)


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
        """What each process gives, by rank; all processes have to call this. RuntimeError if one has died."""
        if self.world_size == 1:
            return [mine]
        everybody: list[T | None] = [None] * self.world_size
        dist.all_gather_object(everybody, mine)
        return everybody  # type: ignore[return-value]

    def wait(self) -> None:
        """Return when all processes have come here."""
        self.gather(None)


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
