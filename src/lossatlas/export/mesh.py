"""Surfaces as meshes, for ParaView and whatever else reads VTK."""

from pathlib import Path

import meshio
import numpy as np
import xarray as xr
from numpy.typing import NDArray

from lossatlas.export.layout import PLANE, axes
from lossatlas.files import replacing
from lossatlas.measures.ceiling import fitting_ceiling

FORMATS = {".vtu": "vtu", ".vtk": "vtk"}  # meshio's names
_LOG_OFFSET = (
    0.1  # under the logarithm, so that a loss of zero has a height, as in h52vtp.py of Li et al. 2018
)

Values = NDArray[np.float64]


def to_vtk(
    dataset: xr.Dataset,
    path: str | Path,
    *,
    split: str | None = None,
    ceiling: float | None = None,
    log: bool = False,
) -> list[Path]:
    """Write a surface as a mesh of quadrilaterals, in VTK's XML (.vtu) or legacy (.vtk) format.

    A point stands at (x, y, z) with z the loss of ``split`` (None: "train", or the first), cut at ``ceiling`` (None:
    at 10, or if all losses are larger at a power of ten above the lowest, as in the pictures; inf: nowhere), or its
    height ln(z + 0.1) with ``log``. Point data are all that is measured at a point, uncut, such as ``loss_train`` and
    ``error_test``. Quadrilaterals with a corner whose loss is NaN or infinite are left out.

    The projected path of a trajectory goes into a second file, ``<stem>-path``: a line over its snapshots, at the
    height of their own losses. Returns the files. `NoPlaceError` for a landscape that is not over a plane,
    ValueError for a split that it does not have, or one without two finite losses side by side both ways; for a
    ``ceiling`` that is not above any loss, and for losses without a logarithm where one is asked for.

    >>> from tempfile import TemporaryDirectory
    >>> bowl = xr.Dataset(
    ...     {"loss": (("split", "y", "x"), [[[2.0, 1.0, 20.0], [1.0, 0.0, 1.0]]])},
    ...     {"split": ["train"], "y": [-1.0, 0.0], "x": [-1.0, 0.0, 1.0]},
    ... )
    >>> with TemporaryDirectory() as folder:
    ...     mesh = meshio.read(*to_vtk(bowl, f"{folder}/bowl.vtu"))
    >>> mesh.points[2].tolist(), mesh.point_data["loss_train"][2].item()
    ([1.0, -1.0, 10.0], 20.0)
    >>> mesh.cells_dict["quad"].tolist()
    [[0, 1, 4, 3], [1, 2, 5, 4]]
    """
    axes(dataset, "VTK", [PLANE])
    path = Path(path)
    loss = _of_split(dataset["loss"], split).transpose("y", "x").values.astype(float)
    cut = _checked_ceiling(loss, ceiling)
    written = [_written(_surface(dataset, loss, cut, log), path)]
    if "path_x" in dataset:
        written.append(_written(_path(dataset, split, cut, log), path.with_stem(f"{path.stem}-path")))
    return written


def _checked_ceiling(loss: Values, ceiling: float | None) -> float:
    if ceiling is None:
        return fitting_ceiling(loss)
    finite = loss[np.isfinite(loss)]
    if finite.size and not finite.min() < ceiling:
        ends = f"{finite.min():.4g} to {finite.max():.4g}"
        raise ValueError(f"ceiling {ceiling:g} does not lie above any loss, {ends}: the mesh would be flat")
    return ceiling


def _surface(dataset: xr.Dataset, loss: Values, ceiling: float, log: bool) -> meshio.Mesh:
    y, x = np.meshgrid(dataset["y"].values, dataset["x"].values, indexing="ij")
    z = height(loss, ceiling, log=log)
    points = np.stack([x, y, z], axis=-1).reshape(-1, 3)
    quads = _quads(np.isfinite(loss) & np.isfinite(z))
    if not len(quads):
        raise ValueError("the loss is NaN or infinite almost everywhere: no mesh can be made of it")
    used, connected = np.unique(quads, return_inverse=True)
    data = {name: values[used] for name, values in _point_data(dataset).items()}
    return meshio.Mesh(points[used], [("quad", connected.reshape(quads.shape))], point_data=data)


def _path(dataset: xr.Dataset, split: str | None, ceiling: float, log: bool) -> meshio.Mesh:
    loss = _of_split(dataset["path_loss"], split).values.astype(float)
    z = height(loss, ceiling, log=log)
    z = np.where(np.isfinite(z), z, 0.0)  # on the ground: a line has no holes
    points = np.stack([dataset["path_x"].values, dataset["path_y"].values, z], axis=-1)
    steps = np.arange(len(points))
    data = {"loss": loss, "snapshot": steps}
    return meshio.Mesh(points, [("line", np.stack([steps[:-1], steps[1:]], axis=1))], point_data=data)


def height(loss: Values, ceiling: float, *, log: bool) -> Values:
    """What is drawn upwards for a loss. ValueError for one without a logarithm, if that is asked for.

    >>> height(np.array([0.9, 50.0]), 9.9, log=True).round(6).tolist()
    [0.0, 2.302585]
    """
    cut = np.minimum(loss, ceiling)
    if not log:
        return cut
    finite = loss[np.isfinite(loss)]
    if (finite <= -_LOG_OFFSET).any():
        ends = f"{finite.min():.4g} to {finite.max():.4g}"
        raise ValueError(f"losses are negative, {ends}, and have no logarithm: leave out log")
    with np.errstate(invalid="ignore"):  # of negative infinity, where there is a hole
        return np.log(cut + _LOG_OFFSET)


def _of_split(values: xr.DataArray, split: str | None) -> xr.DataArray:
    if "split" not in values.dims:
        return values
    known = [str(name) for name in values["split"].values]
    wanted = split or ("train" if "train" in known else known[0])
    if wanted not in known:
        raise ValueError(f"unknown split {wanted!r}, the landscape has {', '.join(known)}")
    return values.sel(split=wanted)


def _quads(finite: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Corners of the grid's cells, anticlockwise, as indices of its points; (cells, 4)."""
    index = np.arange(finite.size).reshape(finite.shape)
    corners = [(slice(None, -1), slice(None, -1)), (slice(None, -1), slice(1, None))]
    corners += [(slice(1, None), slice(1, None)), (slice(1, None), slice(None, -1))]
    whole = np.logical_and.reduce([finite[corner] for corner in corners])
    return np.stack([index[corner][whole] for corner in corners], axis=1)


def _point_data(dataset: xr.Dataset) -> dict[str, Values]:
    """Values of each variable over the plane, row by row, by its name and that of the split."""
    found: dict[str, Values] = {}
    for name, values in dataset.data_vars.items():
        if set(values.dims) == {"y", "x"}:
            found[str(name)] = _flat(values)
        elif set(values.dims) == {"split", "y", "x"}:
            for split in values["split"].values:
                found[f"{name}_{split}"] = _flat(values.sel(split=split))
    return found


def _flat(values: xr.DataArray) -> Values:
    return values.transpose("y", "x").values.astype(float).ravel()


def _written(mesh: meshio.Mesh, path: Path) -> Path:
    with replacing(path) as temporary:
        mesh.write(temporary, file_format=FORMATS[path.suffix])
    return path
