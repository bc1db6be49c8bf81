"""What `local_minima` draws: losses and their spread by width, and negative curvature along training."""

from functools import partial

import xarray as xr

from lossatlas.experiments import Figures, Values
from lossatlas.figures.experiments import learning_curves, trends
from lossatlas.measures import percent

from .claims import by_snapshot, mean_of, negative_share, spread_of


def figures(v: Values) -> Figures:
    def negative(index: xr.Dataset) -> xr.DataArray:
        return percent(negative_share(index, near=v.near)).rename(snapshot="epoch")

    def loss(losses: xr.Dataset, index: xr.Dataset) -> xr.DataArray:
        return by_snapshot(losses, index).rename(snapshot="epoch")

    return {
        "figure": partial(
            trends,
            measures={
                "mean training loss": mean_of("train"),
                "spread of the training loss": spread_of("train"),
                "mean test loss": mean_of("test"),
                "spread of the test loss": spread_of("test"),
            },
            along="width",
        ),
        "index": partial(
            learning_curves,
            measures={"negative eigenvalues": negative, "training loss": loss},
            along="epoch",
            by="width",
        ),
    }
