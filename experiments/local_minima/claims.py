"""What Choromanska et al. 2015 (arXiv:1412.0233) say of the losses of minima, and of the index of critical points.

The larger the network, the closer its minima lie to each other in loss, at a lower one; critical points of high loss
have many directions of negative curvature, those of low loss hardly any. No numbers of theirs are at hand.
"""

from collections.abc import Iterator

import xarray as xr
from scipy.stats import spearmanr

from lossatlas import measures
from lossatlas.claims import Claim, InRange, Trend
from lossatlas.experiments import Values
from lossatlas.measures import Measure, at, named, percent

WORDS = {"train": "training", "test": "test"}


def losses_of(split: str) -> Measure:
    """Loss of each network, over (..., t)."""

    def losses(minima: xr.Dataset) -> xr.DataArray:
        return named(at(minima["loss"], split=split), f"{WORDS[split]} loss")

    return losses


def mean_of(split: str) -> Measure:
    return lambda minima: measures.mean(losses_of(split)(minima), "t")


def spread_of(split: str) -> Measure:
    return lambda minima: measures.spread(losses_of(split)(minima), over="t")


def by_snapshot(losses: xr.Dataset, index: xr.Dataset) -> xr.DataArray:
    """Training loss at each snapshot."""
    return at(losses["loss"], split="train").rename(t="snapshot").assign_coords(snapshot=index["snapshot"])


def claims(v: Values) -> Iterator[Claim]:
    def negative(index: xr.Dataset) -> xr.DataArray:
        """Share of the eigenvalues that are negative, at each snapshot."""
        return percent(negative_share(index, near=v.near))

    def correlation(losses: xr.Dataset, index: xr.Dataset) -> xr.DataArray:
        """Spearman's, over the snapshots of a network."""
        pair = by_snapshot(losses, index), negative(index)
        dims = [["snapshot"], ["snapshot"]]
        found = xr.apply_ufunc(
            lambda *pair: spearmanr(*pair).statistic, *pair, input_core_dims=dims, vectorize=True
        )
        return named(found, "rank correlation of loss and negative share")

    start, end = {"snapshot": v.snapshots[0]}, {"snapshot": v.snapshots[-1]}
    for split, words in WORDS.items():
        yield Trend(
            f"loss, {split}",
            f"The wider the network, the lower the {words} loss of its minima",
            mean_of(split),
            along="width",
            among=v.widths,
            decreasing=True,
        )
        yield Trend(
            f"spread, {split}",
            f"And the less do the minima of several seeds differ in {words} loss",
            spread_of(split),
            along="width",
            among=v.widths,
            decreasing=True,
        )
    for width in v.widths:
        yield InRange(
            f"index, {width}",
            f"Along the training of {width} units negative curvature goes with the loss: rank correlation 0.5 or more",
            correlation,
            least=0.5,
            at={"width": width},
        )
    widest = {"width": max(v.widths)}
    yield InRange(
        "index, start",
        "At the start one eigenvalue in twenty or more is negative",
        negative,
        least=5.0,
        at=widest | start,
    )
    yield InRange(
        "index, end",
        "At the end at most one eigenvalue in a hundred is",
        negative,
        most=1.0,
        at=widest | end,
    )


def negative_share(index: xr.Dataset, *, near: float) -> xr.DataArray:
    """Share of the eigenvalues that are below zero by more than ``near`` times the largest, at each snapshot."""
    node = index["node"]
    return measures.share_beyond(-node, index["weight"], near * node.max(("probe", "step")))
