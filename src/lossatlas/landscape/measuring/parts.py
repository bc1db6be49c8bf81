"""A survey that is made several times, of networks one after the other: its parts' journals, progress and datasets."""

from collections.abc import Sequence
from pathlib import Path

import xarray as xr

from lossatlas.landscape.mapping.map_points import Progress


def part_of_journal(journal: str | Path | None, name: str, number: int) -> Path | None:
    """The journal of a part, beside that of the whole.

    >>> part_of_journal("twins.journal", "factor", 3)
    PosixPath('twins.journal.factor3')
    """
    return None if journal is None else Path(journal).with_name(f"{Path(journal).name}.{name}{number}")


def part_of_progress(progress: Progress | None, number: int, parts: int) -> Progress | None:
    """Progress callback that counts the points of all parts, of which each is taken to have as many as this one.

    >>> part_of_progress(lambda done, total: print(done, "of", total), 2, 4)(5, 10)
    25 of 40
    """
    return None if progress is None else lambda done, total: progress(number * total + done, parts * total)


def concatenated(datasets: Sequence[xr.Dataset], along: xr.Variable, what: str) -> xr.Dataset:
    """The ``datasets`` of one survey along a first dimension, without attributes that differ.

    The attribute ``not_finite`` is their sum, and "of" names the survey. ValueError where their axes differ; ``what``
    says in it whose they are.

    >>> parts = [xr.Dataset({"loss": ("x", [1.0])}, {"x": [0.0]}, {"survey": "line", "digest": k}) for k in "ab"]
    >>> both = concatenated(parts, xr.Variable("factor", [1.0, 2.0]), "twins")
    >>> both.loss.dims, both.attrs
    (('factor', 'x'), {'survey': 'line', 'of': 'line'})
    """
    of = datasets[0].attrs["survey"]
    try:
        dataset = xr.concat(
            list(datasets), along, data_vars="all", join="exact", combine_attrs="drop_conflicts"
        )
    except ValueError as error:
        raise ValueError(
            f"{what} have no {of} in common, since its axes differ between them: {error}"
        ) from error
    if "not_finite" in datasets[0].attrs:
        dataset.attrs["not_finite"] = sum(each.attrs["not_finite"] for each in datasets)
    return dataset.assign_attrs(of=of)
