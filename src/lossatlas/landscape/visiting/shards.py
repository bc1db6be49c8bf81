"""The journals of the ranks that share a survey: one each, merged into the first when all points are there."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lossatlas.landscape.visiting.journal import Journal, finished_points, is_of


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
