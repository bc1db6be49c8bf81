"""Grounds: heights of surfaces on a grid, for pictures of what moves over them."""

from collections.abc import Mapping

import torch
import xarray as xr

from lossatlas.toy.surfaces import Surface


def grounds(
    surfaces: Mapping[str, Surface], windows: Mapping[str, tuple[float, float]], *, points: int = 81
) -> xr.Dataset:
    """Heights of several surfaces, each on a square of its own, as the survey `surface` would find them.

    Parameters
    ----------
    surfaces : mapping of str to Surface
        By the name that each has on the axis "ground".
    windows : mapping of str to (float, float)
        Ends of x, and of y, by the same names.
    points : int, default 81
        Along each side.

    Returns
    -------
    xr.Dataset
        ``loss`` over (ground, split, y, x) in float64, gathered over the axes of all; NaN outside of a window.

    Examples
    --------
    >>> from lossatlas.toy import Bowl
    >>> grounds({"bowl": Bowl(4.0)}, {"bowl": (0.0, 1.0)}, points=2).loss.sel(x=1, y=1).item()  # (1 + 4) / 2
    2.5
    """
    parts = []
    for name, surface in surfaces.items():
        axis = torch.linspace(*windows[name], points, dtype=torch.float64)
        y, x = torch.meshgrid(axis, axis, indexing="ij")
        heights = surface.heights(torch.stack([x, y], -1)).numpy()[None]
        axes = {"split": ["train"], "y": axis.numpy(), "x": axis.numpy()}
        parts.append(xr.Dataset({"loss": (("split", "y", "x"), heights)}, {**axes, "ground": name}))
    return xr.concat(parts, "ground", join="outer")
