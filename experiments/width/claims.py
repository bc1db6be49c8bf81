"""What figure 6 of Li et al. 2018 (arXiv:1712.09913) says about wide networks.

The printed numbers are those of ResNet-56 on CIFAR-10, k = 1, 2, 4, 8 times as wide; half-widths are read off the
picture.
"""

from collections.abc import Iterator
from functools import partial

import xarray as xr

from lossatlas import measures
from lossatlas.claims import Claim, PairedDifference, RankCorrelation, Trend, printed
from lossatlas.experiments import Values

SHORT, NOSHORT = {"skip": True}, {"skip": False}
FIGURE = "Li et al. 2018, Fig. 6"

drawn = partial(printed, source=f"{FIGURE}, read off the picture", approximate=True)


def test_error(summary: xr.Dataset) -> xr.DataArray:
    return measures.percent(summary["test_error"])


def claims(v: Values) -> Iterator[Claim]:
    def area(surface: xr.Dataset) -> xr.DataArray:
        return measures.area(surface, level=v.contour)

    def half_width(surface: xr.Dataset) -> xr.DataArray:
        return measures.half_width(surface, level=v.contour, along="x")

    shortcuts = (("short", "With", SHORT), ("noshort", "Without", NOSHORT))
    for (name, words, where), errors in zip(
        shortcuts, ((5.89, 5.07, 4.34, 3.93), (13.31, 10.26, 9.69, 8.7)), strict=True
    ):
        yield Trend(
            f"L-F6 error ({name})",
            f"{words} shortcuts, wider networks generalise better",
            test_error,
            along="width",
            decreasing=True,
            at=where,
            paper=printed(*errors, source=FIGURE),
        )
    for name, words, where in shortcuts:
        yield Trend(
            f"L-F6 area ({name})",
            f"{words} shortcuts, the minima of wider networks have the larger area below the lowest contour",
            area,
            along="width",
            at=where,
        )
    half_widths = (
        drawn(0.25, 0.38, 0.5, 0.55),  # the last along x; along y 0.78
        drawn(None, 0.14, 0.14, 0.22),  # the first is a sliver
    )
    for (name, words, where), paper in zip(shortcuts, half_widths, strict=True):
        yield Trend(
            f"L-F6 half-width ({name})",
            f"{words} shortcuts, the lowest contour of wider networks reaches farther along the first direction",
            half_width,
            along="width",
            at=where,
            paper=paper,
        )
    yield RankCorrelation(
        "L-F6 correlation",
        "Over all eight architectures, the larger area goes with the lower test error",
        area,
        other=test_error,
        negative=True,
        of_means=True,
    )
    yield PairedDifference(
        "L-F6 shortcuts",
        "At the same width, shortcuts make the area below the lowest contour larger, over all widths",
        area,
        greater=SHORT,
        lesser=NOSHORT,
        mean_over=["width"],
    )
