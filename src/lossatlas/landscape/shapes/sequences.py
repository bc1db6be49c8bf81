"""Sequences of points in weight space that are no grid."""

from collections.abc import Mapping, Sequence
from itertools import accumulate

import numpy as np
import pandas as pd
import torch
import xarray as xr

from lossatlas.landscape.shapes.combination import Combination, combination_at
from lossatlas.landscape.shapes.grid import Points, axis
from lossatlas.weight_space import Weights, check_alike, matching


class Networks:
    """Networks of one kind, each a point, along the axis ``name``. ValueError, naming the first difference.

    >>> networks = Networks([{"w": torch.zeros(1)}, {"w": torch.ones(1)}], "snapshot", "number of the snapshot")
    >>> networks.weights_at(1, out := {"w": torch.empty(1)})
    >>> out["w"]
    tensor([1.])
    """

    def __init__(self, states: Sequence[Weights], name: str, meaning: str) -> None:
        for state in states[1:]:
            check_alike(states[0], state, f"a {name}")
        self._states = states
        self.axes: Mapping[str, xr.Variable] = {name: axis(name, np.arange(len(states)), meaning)}

    def __len__(self) -> int:
        return len(self._states)

    def weights_at(self, index: int, out: Weights) -> None:
        """Write the weights of network ``index`` into ``out``."""
        state = self._states[index]
        torch._foreach_copy_(matching(out, state), list(state.values()))


class Concatenated:
    """Several sequences of points, one after the other, along the axis "index".

    All have to write the same tensors, since points are visited in any order.

    >>> networks = Networks([{"w": torch.zeros(1)}, {"w": torch.ones(1)}], "snapshot", "number of the snapshot")
    >>> len(Concatenated([networks, networks]))
    4
    """

    def __init__(self, parts: Sequence[Points]) -> None:
        self._parts = parts
        self._ends = list(accumulate(len(part) for part in parts))
        self.axes: Mapping[str, xr.Variable] = {
            "index": axis("index", np.arange(len(self)), "number of the point")
        }

    def __len__(self) -> int:
        return self._ends[-1]

    def weights_at(self, index: int, out: Weights) -> None:
        """Write the weights of point ``index`` into ``out``."""
        part, within = self._find(index)
        part.weights_at(within, out)

    def combination_at(self, index: int) -> Combination | None:
        """The combination that is point ``index``, if its part knows."""
        part, within = self._find(index)
        return combination_at(part, within)

    def _find(self, index: int) -> tuple[Points, int]:
        """The part that holds point ``index``, and its number there."""
        k = int(np.searchsorted(self._ends, index, side="right"))
        return self._parts[k], index - self._ends[k] + len(self._parts[k])

    def split(self, dataset: xr.Dataset) -> list[xr.Dataset]:
        """Cut ``dataset``, over "index", into a dataset for each part, over the axes of the part."""
        starts = [0, *self._ends]
        return [
            _over_axes(dataset.isel(index=slice(start, start + len(part))), part)
            for start, part in zip(starts, self._parts, strict=False)
        ]


def _over_axes(dataset: xr.Dataset, points: Points) -> xr.Dataset:
    names = list(points.axes)
    order = pd.MultiIndex.from_product([axis.values for axis in points.axes.values()], names=names)
    flat = dataset.drop_vars("index").assign_coords(xr.Coordinates.from_pandas_multiindex(order, "index"))
    folded = flat.unstack("index").assign_coords(dict(points.axes))
    return folded.transpose(*names, ...)
