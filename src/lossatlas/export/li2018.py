"""The HDF5 layout of the code of Li et al. 2018 (arXiv:1712.09913): for its scripts, and from them."""

from io import BytesIO
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import xarray as xr
from numpy.typing import NDArray

from lossatlas.export.layout import LINE, PATH, PLANE, axes
from lossatlas.files import replacing

_MISSING = -1.0  # there: a value that was not measured
_EIGENVALUES = {"min_eig": "lambda_min", "max_eig": "lambda_max"}
_PROJECTION = {
    "proj_xcoord": "path_x",
    "proj_ycoord": "path_y",
    "explained_variance_ratio_": "explained_variance_ratio",
}

Entries = dict[str, NDArray[Any]]


def to_hdf5(dataset: xr.Dataset, path: str | Path) -> list[Path]:
    """Write a line, path or surface as plot_1D.py, plot_2D.py and h52vtp.py of Li et al. read it.

    ``xcoordinates`` (n,), for a surface ``ycoordinates`` (m,), and for each split ``<split>_loss`` and
    ``<split>_acc``, the accuracy in percent, or -1 everywhere where no error was measured. NaN and infinite losses
    stay what they are: a -1 would be drawn as a loss. Arrays of a surface are (m, n): rows are y and columns x, as
    their scripts draw them over numpy's meshgrid(x, y). (They allocate them as (n, m), which is why surfaces of
    their own have to be square.)

    A map of eigenvalues also has ``min_eig`` and ``max_eig``; a trajectory ``proj_xcoord``, ``proj_ycoord`` and
    ``explained_variance_ratio_``, so that the one file serves as their surface, direction and projection file. The
    path is that of the nearest points of the plane.

    Several lines become several files, ``<stem>_1.h5`` and so on, as plot_1D.py takes them by their prefix.
    Returns the files. `NoPlaceError` for a landscape that is neither along a line nor over a plane.

    >>> from tempfile import TemporaryDirectory
    >>> line = xr.Dataset(
    ...     {"loss": (("split", "alpha"), [[1.0, 0.0]]), "error": (("split", "alpha"), [[0.75, 0.25]])},
    ...     {"split": ["train"], "alpha": [0.0, 1.0]},
    ... )
    >>> with TemporaryDirectory() as folder, h5py.File(*to_hdf5(line, f"{folder}/line.h5")) as file:
    ...     {name: values[:].tolist() for name, values in file.items()}
    {'train_acc': [25.0, 75.0], 'train_loss': [1.0, 0.0], 'xcoordinates': [0.0, 1.0]}
    """
    path = Path(path)
    parts = _parts(dataset)
    paths = (
        [path] if len(parts) == 1 else [path.with_stem(f"{path.stem}_{n}") for n in range(1, len(parts) + 1)]
    )
    for target, part in zip(paths, parts, strict=True):
        content = BytesIO()  # HDF5 itself brings the process down when the disk is full
        with h5py.File(content, "w") as file:
            for name, values in _entries(part).items():
                file[name] = values
            file.attrs.update(dataset.attrs)
        with replacing(target) as temporary:
            temporary.write_bytes(content.getvalue())
    return paths


def _parts(dataset: xr.Dataset) -> list[xr.Dataset]:
    """One dataset for each line."""
    if "direction" not in dataset.dims:
        return [dataset]
    return [dataset.isel(direction=n) for n in range(dataset.sizes["direction"])]


def _entries(part: xr.Dataset) -> Entries:
    dims = axes(part, "the layout of Li et al.", [PLANE, LINE, PATH])
    entries: Entries = {"xcoordinates": part[dims[-1]].values}
    if len(dims) == 2:
        entries["ycoordinates"] = part[dims[0]].values
    for name, loss, error in _by_split(part):
        entries[f"{name}_loss"] = loss.transpose(*dims).values
        missing = np.full(entries[f"{name}_loss"].shape, _MISSING)
        entries[f"{name}_acc"] = missing if error is None else 100 * (1 - error.transpose(*dims).values)
    return entries | _further(part)


def _by_split(part: xr.Dataset) -> list[tuple[str, xr.DataArray, xr.DataArray | None]]:
    """Name of each split, its loss, and its error if there is one."""
    loss, error = part["loss"], part.get("error")
    if "split" not in loss.dims:
        return [(str(part.attrs.get("split", "train")), loss, error)]
    return [
        (str(split), loss.sel(split=split), None if error is None else error.sel(split=split))
        for split in part["split"].values
    ]


def _further(part: xr.Dataset) -> Entries:
    """What stands in further files there: eigenvalues of a map, and the projected path of a trajectory."""
    return {
        there: part[here].values for there, here in {**_EIGENVALUES, **_PROJECTION}.items() if here in part
    }


def from_hdf5(path: str | Path) -> xr.Dataset:
    """Read a surface file of Li et al., or one that `to_hdf5` wrote, as the dataset of a line or a surface.

    Parameters
    ----------
    path : str or Path
        A file with ``xcoordinates`` (n,), for a surface ``ycoordinates`` (m,), and ``<split>_loss``, in the order of
        numpy's meshgrid(x, y): rows are y, also where their scripts have allocated an oblong surface as (n, m).

    Returns
    -------
    xr.Dataset
        Dimensionless: ``loss`` over (split, y, x) or (split, alpha), and ``error``, a share, where an accuracy was
        measured. Points at which they have not measured are NaN, and the attribute ``not_measured`` counts them. A map
        of eigenvalues has ``lambda_min``, ``lambda_max`` and ``ratio`` over (y, x) too; a projected path ``path_x`` and
        ``path_y`` over (snapshot,) and ``explained_variance_ratio`` over (component,).

    Raises
    ------
    ValueError
        For a file that is none of these.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     with h5py.File(f"{folder}/theirs.h5", "w") as file:
    ...         file["xcoordinates"], file["train_loss"] = [-1.0, 0.0], [2.5, -1.0]
    ...     dataset = from_hdf5(f"{folder}/theirs.h5")
    >>> dataset.loss.sel(split="train").values, dataset.not_measured
    (array([2.5, nan]), 1)
    """
    try:
        with h5py.File(path) as file:
            entries = {
                name: item[()]
                for name, item in file.items()
                if isinstance(item, h5py.Dataset) and item.dtype.kind in "fiu"
            }
            attributes = dict(file.attrs)
    except OSError as error:
        raise ValueError(f"{path}: no surface file ({error})") from error
    try:
        return _read(entries, attributes)
    except ValueError as error:
        raise ValueError(f"{path}: no surface file ({error})") from error


def _read(entries: Entries, attributes: dict[str, Any]) -> xr.Dataset:
    coordinates = _coordinates(entries, str(attributes.get("survey", "")))
    shape = tuple(len(values) for values in coordinates.values())
    splits = [name.removesuffix("_loss") for name in entries if name.endswith("_loss")]
    if not splits:
        raise ValueError("it has no train_loss or test_loss")
    splits.sort(key=lambda split: (split != "train", split))  # training first, as everywhere
    measured = [_over_points(entries, f"{split}_loss", shape) for split in splits]
    dims = ("split", *coordinates)
    variables: dict[str, Any] = {"loss": (dims, np.stack(measured), _about("mean loss over the split"))}
    accuracies = [_over_points(entries, f"{split}_acc", shape) for split in splits]
    if not np.isnan(accuracies).all():
        errors = 1 - np.stack(accuracies) / 100
        variables["error"] = (dims, errors, _about("share of wrong classes"))
    variables |= _eigenvalues(entries, tuple(coordinates), shape) | _projection(entries)
    not_measured = int(sum(_unmeasured(entries[f"{split}_loss"]).sum() for split in splits))
    axes = {"split": splits, **{name: (name, values) for name, values in coordinates.items()}}
    kind = attributes or {"survey": _survey(variables, coordinates), "convention": "li2018"}
    return xr.Dataset(variables, axes, {**kind, "not_measured": not_measured})


def _coordinates(entries: Entries, survey: str) -> Entries:
    """Points along each dimension of ours, rows first."""
    if "xcoordinates" not in entries:
        raise ValueError("it has no xcoordinates")
    if "ycoordinates" in entries:
        return {"y": entries["ycoordinates"], "x": entries["xcoordinates"]}
    (name,) = PATH if survey == "path" else LINE
    return {name: entries["xcoordinates"]}


def _survey(variables: dict[str, Any], coordinates: Entries) -> str:
    """What picture it is drawn as."""
    if "path_x" in variables:
        return "trajectory"
    if "ratio" in variables:
        return "convexity"
    return "surface" if len(coordinates) == 2 else "line"


def _unmeasured(values: NDArray[Any]) -> NDArray[np.bool_]:
    return np.asarray(values == _MISSING)


def _over_points(entries: Entries, name: str, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Values at the points, NaN where they have not measured, everywhere if there are none of that name."""
    if name not in entries:
        return np.full(shape, np.nan)
    values = np.array(entries[name], np.float64)
    if values.size != np.prod(shape):
        expected = " x ".join(map(str, shape))
        raise ValueError(f"{name} has {values.size} values, expected {expected} by its coordinates")
    return np.where(_unmeasured(values), np.nan, values).reshape(shape)


def _eigenvalues(entries: Entries, dims: tuple[str, ...], shape: tuple[int, ...]) -> dict[str, Any]:
    if not _EIGENVALUES.keys() <= entries.keys():
        return {}
    highest = _over_points(entries, "max_eig", shape)
    lowest = np.where(
        np.isnan(highest), np.nan, np.reshape(entries["min_eig"], shape)
    )  # theirs begins with ones
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.abs(lowest / highest)
    return {
        "lambda_min": (dims, lowest, _about("smallest eigenvalue")),
        "lambda_max": (dims, highest, _about("largest eigenvalue")),
        "ratio": (dims, ratio, _about("abs(lambda_min / lambda_max)")),
    }


def _projection(entries: Entries) -> dict[str, Any]:
    dims = {"path_x": "snapshot", "path_y": "snapshot", "explained_variance_ratio": "component"}
    return {here: (dims[here], entries[there]) for there, here in _PROJECTION.items() if there in entries}


def _about(meaning: str) -> dict[str, str]:
    return {"long_name": meaning, "units": "1"}
