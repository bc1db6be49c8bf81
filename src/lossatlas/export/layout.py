"""What formats ask of a landscape: a loss along one line, or over one plane."""

from collections.abc import Sequence

import xarray as xr

PLANE = ("y", "x")
LINE, PATH = ("alpha",), ("t",)


class NoPlaceError(ValueError):
    """A format has no place for a landscape of that kind."""


def axes(dataset: xr.Dataset, where: str, known: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    """The one of ``known`` that the loss of ``dataset`` is over, beside its splits.

    `NoPlaceError`, naming ``where``, for a landscape without a loss over one of them, or with
    one that runs over a sweep as well.

    >>> axes(xr.Dataset({"loss": (("split", "alpha"), [[1.0]])}), "HDF5", [PLANE, LINE])
    ('alpha',)
    >>> axes(xr.Dataset({"loss": (("seed", "y", "x"), [[[1.0]]])}), "VTK", [PLANE])
    Traceback (most recent call last):
    lossatlas.export.layout.NoPlaceError: no place in VTK for a loss over seed, y, x; expected one over y, x
    """
    dims = [str(dim) for dim in dataset["loss"].dims if dim != "split"] if "loss" in dataset else []
    for names in known:
        if set(dims) == set(names):
            return names
    given = f"a loss over {', '.join(dims)}" if dims else "a landscape without a loss over points"
    expected = " or ".join(", ".join(names) for names in known)
    raise NoPlaceError(f"no place in {where} for {given}; expected one over {expected}")
