"""Folders in which nothing can be written, also by root."""

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="root loses its rights by Linux's capabilities")

CAPABILITIES = 0x20080522  # version 3 of Linux's header
OVERRIDES = (1, 2)  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH


@contextmanager
def without_rights_of_root() -> Iterator[None]:
    """Permissions hold for the tests' user even if that is root, who else may write wherever it likes (Linux)."""
    libc = ctypes.CDLL(None, use_errno=True)
    header, found = (ctypes.c_uint32 * 2)(CAPABILITIES, 0), (ctypes.c_uint32 * 6)()
    assert libc.capget(header, found) == 0
    fewer = (ctypes.c_uint32 * 6)(*found)
    fewer[0] &= ~sum(1 << number for number in OVERRIDES)  # of those in effect
    assert libc.capset(header, fewer) == 0
    try:
        yield
    finally:
        assert libc.capset(header, found) == 0


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Nothing below ``folder`` can be written to."""
    places = [folder, *folder.rglob("*")]
    for place in places:
        place.chmod(place.stat().st_mode & ~0o222)
    try:
        with without_rights_of_root():
            with pytest.raises(PermissionError):
                (folder / "new").touch()
            yield
    finally:
        for place in places:
            place.chmod(place.stat().st_mode | 0o200)
