"""A finished run as the studies see it that start from it, or train between it and others."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor


@dataclass(frozen=True)
class TrainedNetwork:
    """What a finished run has trained.

    ``training_state`` reads the checkpoint that it ended with, which holds its optimizer's momentum; it raises
    ValueError, in one line, if that is gone. Before anything is trained, studies are made with networks that are only
    initialised, and have no such state.
    """

    name: str  # for messages
    state: Mapping[str, Tensor]  # parameters and buffers
    seed: int
    training_state: Callable[[], Mapping[str, Any]]
    epochs: int  # that it was trained for
