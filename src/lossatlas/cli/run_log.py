"""The log of a run: for whoever wants to know more, and never a reason for the run to end."""

import logging
import os
import sys
from io import TextIOWrapper


class RunLog(logging.FileHandler):
    """Appends a job's messages to a file, if it can: not in a store that is read-only, nor on a full disk.

    The file is opened at the first message. It is not opened through a link, which in a folder from elsewhere may lead
    out of it.
    """

    def __init__(self, filename: str) -> None:
        super().__init__(filename, delay=True, encoding="utf-8")

    def _open(self) -> TextIOWrapper:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
        return os.fdopen(os.open(self.baseFilename, flags, 0o666), "a", encoding=self.encoding)

    def emit(self, record: logging.LogRecord) -> None:  # noqa: D102
        try:
            super().emit(record)
        except OSError:  # it cannot be opened
            return

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: D102, N802
        if not isinstance(sys.exc_info()[1], OSError):
            super().handleError(record)
