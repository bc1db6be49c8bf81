"""How many threads a computation uses."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def threads_limited(threads: int) -> Iterator[None]:
    """Compute with so many threads inside the block."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)
