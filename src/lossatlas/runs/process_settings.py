"""Process-wide settings that training and surveys change, restored after them."""

import logging
import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch


@contextmanager
def settings_restored() -> Iterator[None]:
    """Leave the process's settings after the block as they were before it.

    Lightning's trainer chooses deterministic algorithms and cuDNN's for good, with a variable of the environment for
    cuBLAS; loggers and several devices set further ones. PyTorch's, NumPy's and Python's own random numbers go on
    after the block as if nothing had been drawn in it.

    >>> with settings_restored():
    ...     torch.use_deterministic_algorithms(True)
    >>> torch.are_deterministic_algorithms_enabled()
    False
    """
    cudnn, debugging = torch.backends.cudnn, torch.utils.deterministic
    flags: list[tuple[Any, str]] = [
        (cudnn, "benchmark"),
        (cudnn, "deterministic"),
        (debugging, "fill_uninitialized_memory"),
    ]
    before = [getattr(place, name) for place, name in flags]
    deterministic = torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    numpys, pythons = np.random.get_state(), random.getstate()  # noqa: NPY002
    # Where CUDA has not begun nobody has drawn, and asking for the state of its generators would begin it.
    devices = range(torch.cuda.device_count()) if torch.cuda.is_initialized() else ()
    try:
        with environment_restored(), torch.random.fork_rng(devices):
            yield
    finally:
        np.random.set_state(numpys)  # noqa: NPY002 (that of data sets that draw from it)
        random.setstate(pythons)
        torch.use_deterministic_algorithms(deterministic, warn_only=warn_only)
        for (place, name), value in zip(flags, before, strict=True):
            setattr(place, name, value)


@contextmanager
def lightning_warns_only() -> Iterator[None]:
    """Hold back Lightning's notices in the block; its warnings pass."""
    loggers = [logging.getLogger(name) for name in ("pytorch_lightning", "lightning_fabric")]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)


@contextmanager
def environment_restored() -> Iterator[None]:
    """Leave the variables of the environment as they were."""
    before = dict(os.environ)
    try:
        yield
    finally:
        for name in os.environ.keys() - before.keys():
            del os.environ[name]
        os.environ.update(before)
