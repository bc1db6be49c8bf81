"""Which datasets a measure reads, and what it returns when it is given them."""

import inspect
from collections.abc import Callable, Mapping

import numpy as np
import xarray as xr

from lossatlas.measures.bounds import bounded, with_bounds
from lossatlas.measures.level_sets import Extent
from lossatlas.measures.selection import name_of, named, require, select, units_of

Datasets = Mapping[str, xr.Dataset]
"""Name of a landscape, or "history", "summary", "reference" -> it, over all networks of the sweep."""

Measure = Callable[..., xr.DataArray]
"""Function of datasets, whose arguments are called after them, to one array over the sweep's dimensions."""

_VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


def reads(measure: Measure) -> tuple[str, ...]:
    """Names of the datasets that ``measure`` reads: those of its arguments that have no default.

    Parameters
    ----------
    measure : Measure
        Function of datasets, whose arguments are called after them.

    Returns
    -------
    tuple of str
        In the order of its arguments.

    Examples
    --------
    >>> reads(lambda summary: summary["test_error"])
    ('summary',)
    """
    parameters = inspect.signature(measure).parameters.values()
    return tuple(p.name for p in parameters if p.default is p.empty and p.kind not in _VARIADIC)


def measured(measure: Measure, datasets: Datasets) -> xr.DataArray:
    """What ``measure`` gives for the ``datasets`` that it reads, with ``long_name`` and ``units``.

    Parameters
    ----------
    measure : Measure
        Function of datasets, whose arguments are called after them, to one array.
    datasets : mapping of str to Dataset
        Name of a landscape, or "history", "summary", "reference" -> it, over all networks of the sweep.

    Returns
    -------
    DataArray
        Where a value is only a lower bound, because a level set reaches the end of what was surveyed, its coordinate
        ``open`` is true; see `bounds`.

    Raises
    ------
    ValueError
        For a dataset that is not there. What the measure itself raises is passed on.

    Examples
    --------
    >>> summary = xr.Dataset({"test_error": ("seed", [0.25, 0.125])})
    >>> measured(lambda summary: 100 * summary["test_error"], {"summary": summary}).values
    array([25. , 12.5])
    """
    names = reads(measure)
    for name in names:
        if name not in datasets:
            raise ValueError(f"no landscape {name!r}; there are {sorted(datasets)}")

    def compute() -> xr.DataArray:
        # Attributes go in arithmetic, whatever version of xarray: 100 * x has not the units of x.
        with xr.set_options(keep_attrs=False):
            return measure(**{name: datasets[name] for name in names})

    values = with_bounds(compute)
    return named(values, name_of(values), units_of(values))


def on(dataset: str, measure: Measure) -> Measure:
    """The same ``measure`` of another dataset, such as "reference", a paper's printed curves.

    Parameters
    ----------
    dataset : str
        Name of the dataset to read in place of the measure's own.
    measure : Measure
        Function of one dataset.

    Returns
    -------
    Measure
        Function of an argument called ``dataset``.

    Examples
    --------
    >>> reads(on("reference", lambda history: history["squared_distance_0"]))
    ('reference',)
    """

    def of_other(**datasets: xr.Dataset) -> xr.DataArray:
        return measure(datasets[dataset])

    kind = inspect.Parameter.KEYWORD_ONLY
    of_other.__signature__ = inspect.Signature([inspect.Parameter(dataset, kind)])  # type: ignore[attr-defined]
    return of_other


def variable_of(dataset: xr.Dataset, variable: str, *dims: str, split: str | None = None) -> xr.DataArray:
    """A variable, which must have ``dims``; at ``split``, where it tells splits apart.

    ValueError for a variable, a dimension or a split that is not there.
    """
    if variable not in dataset:
        raise ValueError(f"no {variable!r} in the dataset; it has {sorted(map(str, dataset))}")
    values = dataset[variable]
    if split is not None and "split" in values.dims:
        values = select(values, {"split": split})
    for dim in dims:
        require(values, dim)
    return values


def centre_of(values: xr.DataArray, dim: str) -> int:
    """Index of the point at 0 along ``dim``, where the network is. ValueError if it was not surveyed."""
    at = values[dim].values
    centre = int(abs(at).argmin())
    if abs(at[centre]) > 1e-9:
        raise ValueError(
            f"the {values.name} at {dim} = 0 is needed; the nearest surveyed point is {at[centre]:g}"
        )
    return centre


def number(function: Callable[..., float], values: xr.DataArray, *dims: str) -> xr.DataArray:
    """Apply ``function`` of a plain array over ``dims``, to one number for each network."""
    return xr.apply_ufunc(
        function, values, input_core_dims=[dims], vectorize=True, output_dtypes=[float], keep_attrs=False
    )


def extent(function: Callable[..., Extent], values: xr.DataArray, *dims: str) -> xr.DataArray:
    """Apply ``function`` over ``dims`` to one size for each network; those that are open are lower bounds."""
    sizes, is_open = xr.apply_ufunc(
        function,
        values,
        input_core_dims=[dims],
        output_core_dims=[[], []],
        vectorize=True,
        output_dtypes=[float, bool],
    )
    return bounded(sizes, is_open)


def span(points: np.ndarray) -> str:
    """Range of the surveyed points, for a message."""
    return f"[{points.min():g}, {points.max():g}]"
