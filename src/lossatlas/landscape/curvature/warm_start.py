"""Warm starts along a chain of points, kept so that a kill loses none of them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from lossatlas.files import replacing


@dataclass(frozen=True, eq=False)
class WarmStart:
    """Warm start: a finished point of a chain, from which the next one begins."""

    place: int  # in the chain
    values: list[float]  # what was measured there
    vectors: Tensor  # (k, n), for the next point to begin with; (0, n) if it is to begin anew


class WarmStarts:
    """Warm starts of all chains: each one's last finished point, in memory and, with a ``journal``, in files beside it.

    They are written before the journal hears of the point. A survey that was killed thus goes on with the
    vectors that it had; where the file of a chain is ahead of the journal by a point, it has the values too. A
    file that is damaged, or that was written under another ``header``, does not count.

    >>> starts = WarmStarts(None, {})
    >>> starts.keep(3, WarmStart(0, [1.5], torch.zeros(0, 2)))
    >>> starts.last(3).values, starts.last(4)
    ([1.5], None)
    """

    def __init__(self, journal: str | Path | None, header: Mapping[str, Any]) -> None:
        self._journal = None if journal is None else Path(journal)
        self._survey = sha256(json.dumps(header).encode()).hexdigest()
        self._latest: tuple[int, WarmStart] | None = None

    def keep(self, chain: int, start: WarmStart) -> None:
        """Let ``start`` be the last point of ``chain``."""
        self._latest = (chain, start)
        if self._journal is None:
            return
        described = {"survey": self._survey, "place": str(start.place), "values": json.dumps(start.values)}
        described["sha256"] = _checksum(described, start.vectors)
        with replacing(self._path(chain), sync=False) as temporary:
            save_file({"vectors": start.vectors.contiguous()}, temporary, described)

    def last(self, chain: int, device: torch.device | None = None) -> WarmStart | None:
        """The last finished point of ``chain``, with its vectors on ``device``; None if there is none."""
        if self._latest is not None and self._latest[0] == chain:
            return self._latest[1]
        if self._journal is None or not self._path(chain).exists():
            return None
        try:
            with safe_open(self._path(chain), "pt") as file:
                described, vectors = file.metadata(), file.get_tensor("vectors")
        except SafetensorError:
            return None
        if not described or described.get("survey") != self._survey:
            return None
        if described.pop("sha256", None) != _checksum(described, vectors):
            return None
        # In memory of its own, which is aligned as a new tensor's: sums over it then round in the same way.
        return WarmStart(int(described["place"]), json.loads(described["values"]), vectors.clone().to(device))

    def clear(self, chains: Sequence[int]) -> None:
        """Remove the files of ``chains``."""
        if self._journal is not None:
            for chain in chains:
                self._path(chain).unlink(missing_ok=True)

    def _path(self, chain: int) -> Path:
        assert self._journal is not None
        return self._journal.with_name(f"{self._journal.name}.chain{chain}")


def _checksum(described: Mapping[str, str], vectors: Tensor) -> str:
    told = json.dumps([*sorted(described.items()), str(vectors.dtype), list(vectors.shape)]).encode()
    return sha256(
        told + vectors.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes()
    ).hexdigest()
