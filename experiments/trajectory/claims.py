"""What Li et al. 2018 (arXiv:1712.09913, section 7) say about trajectories of training.

The printed percentages are theirs (figure 9: VGG-9 on CIFAR-10, batch 128 against 8192, weight decay 0 or 5e-4). The
text of the paper says "between 40 and 90 %"; the sums that it prints are 39.61 to 94.11. So the bounds are these and a
point beyond, since a number that lies on a bound could not be told to lie within it from runs that spread.
"""

from collections.abc import Iterator

import xarray as xr

from lossatlas.claims import Claim, InRange, PairedDifference, printed
from lossatlas.experiments import Values
from lossatlas.measures import percent

FIGURE_9 = "Li et al. 2018, Fig. 9"
LEAST, MOST = 38.6, 95.1  # the least and the greatest sum that the paper prints, and a point beyond
PRINTED = {  # the two percentages of each plane, and their sum
    ("SGD", "small batches", "with"): ("24.57 + 15.04", 39.61),
    ("SGD", "large batches", "with"): ("87.78 + 6.33", 94.11),
    ("SGD", "small batches", "without"): ("73.65 + 11.04", 84.69),
    ("SGD", "large batches", "without"): ("81.87 + 8.72", 90.59),
    ("Adam", "small batches", "with"): ("32.80 + 17.47", 50.27),
    ("Adam", "large batches", "with"): ("71.74 + 13.03", 84.77),
    ("Adam", "small batches", "without"): ("77.97 + 9.56", 87.53),
    ("Adam", "large batches", "without"): ("80.31 + 9.25", 89.56),
}


def plane(trajectory: xr.Dataset) -> xr.DataArray:
    """Share of the trajectory's variance that two principal components show."""
    return percent(trajectory["plane_explained_ratio"])


def random_plane(trajectory: xr.Dataset) -> xr.DataArray:
    return percent(trajectory["random_explained_ratio"])


def claims(v: Values) -> Iterator[Claim]:
    decays = {"with": {"weight_decay": v.weight_decay}, "without": {"weight_decay": 0.0}}
    sizes = {
        "small batches": {"batch_size": v.small_batch},
        "large batches": {"batch_size": v.large_batch},
    }

    for (optimizer, batches, decay), (parts, total) in PRINTED.items():
        yield InRange(
            f"L-F9 {optimizer} {batches} {decay} decay",
            f"{optimizer}, {batches}, {decay} weight decay: two components show between {LEAST} and {MOST} % of "
            "the trajectory's variance, the paper's range and a point beyond",
            plane,
            least=LEAST,
            most=MOST,
            at={"optimizer": optimizer.lower(), **decays[decay], **sizes[batches]},
            paper=printed(total, source=f"{FIGURE_9}, {parts} %"),
        )
    lowest = "small batches", "with"
    for optimizer in ("SGD", "Adam"):
        for batches, decay in (
            ("large batches", "with"),
            ("small batches", "without"),
            ("large batches", "without"),
        ):
            name = {"with": "decay", "without": "no decay"}[decay]
            sums = (PRINTED[optimizer, *arm][1] for arm in ((batches, decay), lowest))
            yield PairedDifference(
                f"L-F9 {optimizer} lowest ({batches}, {name})",
                f"{optimizer}: two components show less of the trajectory for small batches with weight decay than for "
                f"{batches} {decay} it",
                plane,
                greater={**sizes[batches], **decays[decay]},
                lesser={**sizes["small batches"], **decays["with"]},
                at={"optimizer": optimizer.lower()},
                paper=printed(*sums, source=f"{FIGURE_9}, sums of the two printed percentages"),
            )

    everything = ["optimizer", "weight_decay", "batch_size", "draw"]
    yield InRange(
        "L-F8 random plane",
        "A plane of two random directions shows less than 1 % of the trajectory's variance, over all networks",
        random_plane,
        most=1.0,
        mean_over=everything,
    )
    yield InRange(
        "L-F8 excursion",
        "In such a plane the trajectory seems to go less than a tenth as far as it goes",
        lambda trajectory: trajectory["random_excursion"],
        most=0.1,  # whose square is the 1 % of the variance
        mean_over=everything,
    )
