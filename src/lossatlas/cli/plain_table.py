"""Tables of many rows as text: what `rich` draws, where thousands of rows would take it seconds."""

import textwrap
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import zip_longest

from rich.cells import cell_len

_NARROWEST = 8  # columns of the terminal that one of the table keeps, however little room there is


def table_lines(
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    width: int,
    gap: int,
    folded: Collection[int],
    most: Mapping[int, int],
) -> Iterator[str]:
    r"""Lines of a table that is at most ``width`` wide: a row's cells are side by side, ``gap`` blanks apart.

    Columns are as wide as what they hold, or as ``most`` says; where that is too much, cells of the columns ``folded``
    are broken, at blanks where they have any, and the row takes several lines. Nothing is cut off.

    >>> rows = [["3f0c", "lr=0.1 seed=1"]]
    >>> print("\n".join(table_lines(["run", "what differs"], rows, width=16, gap=2, folded=[1], most={})))
          what
    run   differs
    3f0c  lr=0.1
          seed=1
    """
    table = [header, *rows]
    widths = [max(map(_length, column)) for column in zip(*table, strict=True)]
    widths = [min(w, most.get(k, w)) for k, w in enumerate(widths)]
    room = width - gap * (len(widths) - 1) - sum(w for k, w in enumerate(widths) if k not in folded)
    for k, share in _shares({k: widths[k] for k in folded}, room).items():
        widths[k] = share
    for row in table:
        cells = [_broken(cell, widths[k]) for k, cell in enumerate(row)]
        if row is header:  # names stand right above what they name
            cells = [[""] * (max(map(len, cells)) - len(cell)) + cell for cell in cells]
        for line in [row] if all(len(cell) == 1 for cell in cells) else zip_longest(*cells, fillvalue=""):
            yield (" " * gap).join(_filled(text, w) for text, w in zip(line, widths, strict=True)).rstrip()


def _shares(wanted: dict[int, int], room: int) -> dict[int, int]:
    """Widths for columns that share ``room``: those that want less than an equal part have it, others what is left.

    >>> _shares({1: 5, 2: 40}, 30), _shares({1: 40, 2: 40}, 30), _shares({1: 5, 2: 6}, 30)
    ({1: 5, 2: 25}, {1: 15, 2: 15}, {1: 5, 2: 6})
    """
    shares: dict[int, int] = {}
    for k, width in sorted(wanted.items(), key=lambda item: item[1]):
        shares[k] = min(width, max(room // (len(wanted) - len(shares)), _NARROWEST))
        room -= shares[k]
    return shares


def _length(text: str) -> int:
    return len(text) if text.isascii() else cell_len(text)


def _broken(text: str, width: int) -> list[str]:
    return [text] if _length(text) <= width else textwrap.wrap(text, width, break_on_hyphens=False)


def _filled(text: str, width: int) -> str:
    return text + " " * (width - _length(text))
