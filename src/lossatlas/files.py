"""Files that are either whole or absent: written under a temporary name, then renamed."""

import errno
import hashlib
import json
import os
import re
import tempfile
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from fnmatch import fnmatch
from pathlib import Path
from typing import Any


@contextmanager
def replacing(path: Path, *, sync: bool = True) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; it takes ``path``'s place when the block ends well.

    A process that dies inside the block leaves ``path`` as it was. With ``sync`` the bytes are on the disk
    before the name is, so that a power cut does too. An `OSError` that names no file, as those of a full disk, gets the
    name of ``path``.
    """
    with naming(path):
        yield from _replacing(path, sync)


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Give an error of the system in the block that names no file, or a temporary one, the name of ``path``."""
    try:
        yield
    except Exception as error:
        told = getattr(error, "filename", None)
        if told is not None and not Path(told).name.startswith(f".{path.name}."):
            raise
        number = _no_room(error) or (error.errno if isinstance(error, OSError) else None)
        if number not in (*NO_ROOM, *_CLOSED):  # of the network, say
            raise
        raise OSError(number, os.strerror(number), str(path)) from error


NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""Numbers of the system's errors that say that there is no room for a file: the disk, a quota or a limit is reached."""


_CLOSED = (errno.EACCES, errno.EPERM, errno.EROFS)


def _no_room(error: BaseException) -> int | None:
    """That of `NO_ROOM` which led to ``error``: torch raises another in its place, safetensors writes its number."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.errno in NO_ROOM:
            return cause.errno
        if (told := re.search(r"\(os error (\d+)\)", str(cause))) and int(told[1]) in NO_ROOM:
            return int(told[1])
        cause = cause.__cause__ or cause.__context__
    return None


def _replacing(path: Path, sync: bool) -> Iterator[Path]:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        if sync:
            with temporary.open("rb+") as file:
                os.fsync(file.fileno())
        temporary.chmod(0o666 & ~_umask())  # mkstemp makes files that only their owner can read
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def remove_leftovers(folder: Path, *, keep: Collection[str] = ()) -> None:
    """Remove what processes that died in `replacing` left in ``folder``.

    Files whose names fit a pattern of ``keep`` others may be writing, whose temporary files go when they are a minute
    old. Nobody may be writing another file there.
    """
    for temporary in folder.glob(".*.tmp"):
        name = temporary.name[1:].rsplit(".", 2)[0]  # what `mkstemp` has put in has no points
        shared = any(fnmatch(name, pattern) for pattern in keep)
        with suppress(FileNotFoundError):  # one of `keep` has got its name just now
            if not shared or time.time() - temporary.stat().st_mtime > _WRITTEN_WITHIN:
                temporary.unlink()


_WRITTEN_WITHIN = 60.0  # seconds, in which a small file is surely written


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current


def write_text(path: Path, text: str) -> None:
    """Write ``text`` to ``path``, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Write ``value`` to ``path`` as indented JSON, whole or not at all."""
    write_text(path, json.dumps(value, indent=2) + "\n")


def read_json(path: Path) -> dict[str, Any]:
    """The mapping that a file of JSON holds; an empty one if there is none that can be read."""
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def sha256(path: Path) -> str:
    """SHA-256 of the file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def set_aside(path: Path) -> Path:
    """Rename a damaged file to ``<name>.damaged-<n>``, to be looked at, and return its new path."""
    n = 1
    while (aside := path.with_name(f"{path.name}.damaged-{n}")).exists():
        n += 1
    path.replace(aside)
    return aside
