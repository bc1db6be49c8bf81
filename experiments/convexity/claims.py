"""What figure 7 of Li et al. 2018 (arXiv:1712.09913) says about the eigenvalues of the Hessian over the plane.

The Hessian is that by the parameters of two or more dimensions, as in the authors' code, which leaves out biases and
the parameters of batch norm. The paper prints one number, of its DenseNet: negative eigenvalues of less than 1 % of the
positive ones "over a large region", which is taken to be more than half of the plane.
"""

from collections.abc import Iterator

import xarray as xr

from lossatlas.claims import Claim, InRange, PairedDifference
from lossatlas.experiments import Values
from lossatlas.measures import mean_by_curvature, mean_over_plane, negative_curvature, share_above


def claims(v: Values) -> Iterator[Claim]:
    def not_convex(convexity: xr.Dataset) -> xr.DataArray:
        return share_above(convexity, threshold=v.not_convex)

    def hardly_convex(convexity: xr.Dataset) -> xr.DataArray:
        return share_above(convexity, threshold=v.convex)

    short, noshort, dense = ({"model": model} for model in (v.short, v.noshort, v.dense))

    yield PairedDifference(
        "L-F7 mean",
        "Without shortcuts abs(λmin/λmax) is the larger, in the mean over the plane",
        mean_over_plane,
        greater=noshort,
        lesser=short,
    )
    yield PairedDifference(
        "L-F7 share",
        "Without shortcuts more of the plane has abs(λmin/λmax) > 0.1",
        not_convex,
        greater=noshort,
        lesser=short,
    )
    yield InRange(
        "L-F7 DenseNet",
        "Over most of the plane of a DenseNet negative eigenvalues are less than 1 % of the positive ones",
        hardly_convex,
        most=0.5,
        at=dense,
    )
    yield PairedDifference(
        "L-F7 dense against noshort",
        "The DenseNet's plane is the more convex one, beside that of the network without shortcuts",
        mean_over_plane,
        greater=noshort,
        lesser=dense,
    )
    yield PairedDifference(
        "L-F7 where",
        "Without shortcuts the ratio is the larger where the two-dimensional plot curves down",
        mean_by_curvature,
        greater={"curves_down": True},
        lesser={"curves_down": False},
        at=noshort,
    )
    yield PairedDifference(
        "L-F7 plot",
        "Without shortcuts the two-dimensional plot itself curves down over more of the plane",
        negative_curvature,
        greater=noshort,
        lesser=short,
    )
