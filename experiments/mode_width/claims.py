"""What Garipov et al. 2018 (arXiv:1802.10026) say in their supplement about the width of the network.

A *rise* is how far the highest training loss on a path lies above the higher of those at its ends. Their values are not
known.
"""

from collections.abc import Iterator

import xarray as xr

from lossatlas.claims import Claim, Trend
from lossatlas.experiments import Values
from lossatlas.measures import at


def rise(path: xr.Dataset) -> xr.DataArray:
    return at(path["loss_rise"], split="train")


def claims(v: Values) -> Iterator[Claim]:
    yield Trend(
        "G-A7 rise",
        "The wider the network, the less the training loss rises on the curve",
        rise,
        along="width",
        decreasing=True,
        at={"method": "curve"},
    )
    yield Trend(
        "G-A7 length",
        "The wider the network, the shorter is the curve against the straight line",
        lambda path: path["length_ratio"],
        along="width",
        decreasing=True,
        at={"method": "curve"},
    )
