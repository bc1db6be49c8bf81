"""The finished points of a survey, kept as they come, so that an interrupted survey goes on from them."""

import json
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

_SYNC_SECONDS = 1.0  # a killed process loses no finished point, a power cut at most those of the last second


class Journal:
    """Append-only file of JSON lines: a header that says which survey this is, then a line a finished point.

    Opened again with the same header it holds the points that were finished; floats, NaN and infinities
    included, come back to the last bit. A line that a kill or a full disk left torn is dropped, with anything
    after it. A file with another header belongs to another survey: it is renamed to ``<name>.stale`` and a
    new one begun.

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
        title = _title(header)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        content = self.path.read_bytes() if self.path.exists() else b""
        self._file = self._resume(content) if content.startswith(title) else self._begin(title, content)
        self._synced = time.monotonic()

    def append(self, index: int, values: Sequence[float]) -> None:
        """Keep the ``values`` measured at point ``index``; they are with the operating system on return."""
        self._file.write(_line({"index": index, "values": list(values)}))
        self._file.flush()
        self.finished[index] = list(values)
        if time.monotonic() - self._synced > _SYNC_SECONDS:
            self._sync()

    def close(self) -> None:
        """Have everything written to the disk, and close the file."""
        if not self._file.closed:
            self._sync()
            self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _begin(self, title: bytes, content: bytes) -> BinaryIO:
        if not title.startswith(content):  # else empty, or torn within the header
            self.path.replace(self.path.with_name(self.path.name + ".stale"))
        file = self.path.open("wb")
        file.write(title)
        file.flush()
        return file

    def _resume(self, content: bytes) -> BinaryIO:
        self.finished, end = _points(content)
        file = self.path.open("r+b")
        file.truncate(end)
        file.seek(end)
        return file

    def _sync(self) -> None:
        os.fsync(self._file.fileno())
        self._synced = time.monotonic()


def finished_points(path: Path, header: Mapping[str, Any]) -> dict[int, list[float]]:
    """Points that the journal ``path`` holds under ``header``; none if it is absent or another survey's.

    >>> finished_points(Path("nowhere.journal"), {})
    {}
    """
    content = path.read_bytes() if path.exists() else b""
    return _points(content)[0] if content.startswith(_title(header)) else {}


def _title(header: Mapping[str, Any]) -> bytes:
    return _line({"journal": 1, **header})


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
    return (json.dumps(value) + "\n").encode()


def _point(line: bytes) -> tuple[int, list[float]] | None:
    if not line.endswith(b"\n"):
        return None
    try:
        point = json.loads(line)
        return int(point["index"]), [float(value) for value in point["values"]]
    except (ValueError, TypeError, KeyError):
        return None
