"""The journal of a survey: finished points, kept as they come; with several ranks one each, merged into the first."""

import json
import os
import re
import time
import zlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

_SYNC_SECONDS = 1.0  # a killed process loses no finished point, a power cut at most those of the last second


class Journal:
    """Append-only file of JSON lines: a header that says which survey this is, then a line a finished point.

    Opened again with the same header it holds the points that were finished; floats, NaN and infinities included,
    come back to the last bit. Each line ends with its own checksum: one that a kill or a full disk left torn, or in
    which a bit has changed since, is dropped, with anything after it. The content of a file with another header, which
    belongs to another survey or was written by a version without checksums, is moved to ``<name>.stale``, and a new
    journal begun.

    Parameters
    ----------
    path : str or Path
        The file; its folder is made if need be.
    header : mapping
        Settings that tell this survey from others, kept as JSON.

    Attributes
    ----------
    finished : dict
        Values measured at each finished point, by its index.

    Raises
    ------
    BlockingIOError
        While another has it open, save on file systems that have no locks.
    OSError
        Naming the file, if it cannot be written; what was appended before stays.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "line.journal"
    >>> with Journal(path, {"survey": "line"}) as journal:
    ...     journal.append(3, [0.1, float("inf")])
    >>> with Journal(path, {"survey": "line"}) as journal:
    ...     journal.finished
    {3: [0.1, inf]}
    """

    def __init__(self, path: str | Path, header: Mapping[str, Any]) -> None:
        self.path = Path(path)
        self.finished: dict[int, list[float]] = {}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._file = self.path.open("a+b", buffering=0)
        self._synced = time.monotonic()
        try:
            self._lock()
            self._open(_title(header))
        except BaseException:
            self._file.close()
            raise

    def append(self, index: int, values: Sequence[float]) -> None:
        """Keep the ``values`` measured at point ``index``; they are with the operating system on return."""
        self._write(_line({"index": index, "values": list(values)}))
        self.finished[index] = list(values)
        if time.monotonic() - self._synced > _SYNC_SECONDS:
            self._sync()

    def close(self) -> None:
        """Have everything written to the disk, and close the file."""
        if not self._file.closed:
            try:
                self._sync()
            finally:
                self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with suppress(*([] if error is None else [OSError])):  # what went wrong first is what the user hears
            self.close()

    def _lock(self) -> None:
        """Keep other processes out until the file is closed; the system lets go of it if this one dies."""
        if fcntl is None:
            return
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            message = "this journal is being written by another process or survey"
            raise BlockingIOError(error.errno, message, str(self.path)) from error
        except OSError:  # a file system without locks
            return

    def _open(self, title: bytes) -> None:
        content = self.path.read_bytes()
        if content.startswith(title):
            self.finished, end = _points(content)
            self._file.truncate(end)
            return
        if not title.startswith(content):  # else empty, or torn within the header
            _set_aside(content, self.path.with_name(self.path.name + ".stale"))
        self._file.truncate(0)
        self._write(title)

    def _write(self, line: bytes) -> None:
        """Append a whole line or none: what a full disk took of it is cut off again."""
        end = self._file.seek(0, os.SEEK_END)
        rest = line
        try:
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError as error:
            with suppress(OSError):
                self._file.truncate(end)
            raise _named(error, self.path) from error

    def _sync(self) -> None:
        try:
            os.fsync(self._file.fileno())
        except OSError as error:  # where quotas are checked late, the disk may turn out to be full only now
            raise _named(error, self.path) from error
        self._synced = time.monotonic()


def finished_points(path: Path, header: Mapping[str, Any]) -> dict[int, list[float]]:
    """Points that the journal ``path`` holds under ``header``; none if it is absent or another survey's.

    >>> finished_points(Path("nowhere.journal"), {})
    {}
    """
    content = path.read_bytes() if path.exists() else b""
    return _points(content)[0] if content.startswith(_title(header)) else {}


def is_of(path: Path, header: Mapping[str, Any]) -> bool:
    """Whether the journal ``path`` has this ``header``, be it torn."""
    content, title = path.read_bytes(), _title(header)
    return content.startswith(title) or title.startswith(content)


def first_difference(header: Mapping[str, Any], other: Mapping[str, Any]) -> str | None:
    """Key under which two headers first differ, None if they are the same; NaN is the same as NaN.

    >>> first_difference({"seed": 1, "loss": float("nan")}, {"seed": 2, "loss": float("nan")})
    'seed'
    """
    keys = dict.fromkeys([*header, *other])
    return next((key for key in keys if _line({key: header.get(key)}) != _line({key: other.get(key)})), None)


def _set_aside(content: bytes, path: Path) -> None:
    """Write a copy, so that the journal, which is locked, stays the same file."""
    try:
        path.write_bytes(content)
    except OSError as error:
        raise _named(error, path) from error


def _named(error: OSError, path: Path) -> OSError:
    return OSError(error.errno, error.strerror, str(path))


def _title(header: Mapping[str, Any]) -> bytes:
    return _line({"journal": 2, **header})  # 1: without checksums


def _points(content: bytes) -> tuple[dict[int, list[float]], int]:
    """Points of a journal up to the first torn line, and the length of what is whole."""
    title, *lines = content.splitlines(keepends=True)
    points: dict[int, list[float]] = {}
    end = len(title)
    for line in lines:
        point = _point(line)
        if point is None:
            break
        points[point[0]] = point[1]
        end += len(line)
    return points, end


def _line(value: Mapping[str, Any]) -> bytes:
    """A line of JSON, of which the last value is the CRC-32 of what stands before it."""
    body = json.dumps(value)[:-1].encode()
    return body + _end(body)


def _end(body: bytes) -> bytes:
    return b', "crc32": "%08x"}\n' % zlib.crc32(body)


_END = len(_end(b""))


def _point(line: bytes) -> tuple[int, list[float]] | None:
    if line[-_END:] != _end(line[:-_END]):
        return None
    try:
        point = json.loads(line)
        return int(point["index"]), [float(value) for value in point["values"]]
    except (ValueError, TypeError, KeyError):
        return None


def shard(journal: Path, rank: int) -> Path:
    """Where ``rank`` keeps its points: in ``journal`` itself, or beside it.

    >>> shard(Path("line.journal"), 0).name, shard(Path("line.journal"), 2).name
    ('line.journal', 'line.journal.rank2')
    """
    return journal if rank == 0 else journal.with_name(f"{journal.name}.rank{rank}")


def shards(journal: Path) -> list[Path]:
    """Files that ranks > 0 keep beside ``journal``, in this launch or an earlier one with more ranks."""
    named = re.compile(re.escape(journal.name) + r"\.rank\d+")
    return sorted(path for path in journal.parent.glob("*.rank*") if named.fullmatch(path.name))


def finished_points_of_all(journal: Path, header: Mapping[str, Any]) -> dict[int, list[float]]:
    """Points that ``journal`` and its shards hold under ``header``; those of another survey are left alone.

    >>> finished_points_of_all(Path("nowhere/line.journal"), {})
    {}
    """
    points: dict[int, list[float]] = {}
    for path in (*shards(journal), journal):
        points |= finished_points(path, header)
    return points


def merge_shards(journal: Path, header: Mapping[str, Any], rows: Mapping[int, Sequence[float]]) -> None:
    """Put those of ``rows`` into ``journal`` that only its shards have, and remove them."""
    left = [path for path in shards(journal) if is_of(path, header)]
    if not left:
        return
    with Journal(journal, header) as merged:
        for index in sorted(rows.keys() - merged.finished.keys()):
            merged.append(index, rows[index])
    for path in left:
        path.unlink()
