"""What becomes of a network when the kernel that pushed it is gone, and what one does that pushes from the beginning.

The draft of the distance-kernel thesis (von Bachmann 2021) leaves both open: the sentences below are in its spirit, not
in its text.
"""

from collections.abc import Iterator

import xarray as xr

from lossatlas.claims import Claim, Equivalence, PairedDifference
from lossatlas.experiments import Values
from lossatlas.measures import after, at, mean, percent

PUSHED, RELEASED, UNDISTURBED = {"arm": "pushed"}, {"arm": "released"}, {"arm": "undisturbed"}


def barrier(to_checkpoint: xr.Dataset) -> xr.DataArray:
    return at(to_checkpoint["loss_barrier"], split="train")


def claims(v: Values) -> Iterator[Claim]:
    def end(history: xr.Dataset) -> xr.DataArray:
        return at(history["squared_distance_0"], epoch=v.end)

    def settled(history: xr.Dataset) -> xr.DataArray:
        """Test error in the mean of the last epochs."""
        return mean(after(percent(history["test_error"]), epoch=v.settled, until=v.end), "epoch")

    training, initialisation = {"checkpoint": v.checkpoint}, {"checkpoint": 0}

    yield PairedDifference(
        "release, comes back",
        "Let out, the network comes nearer to the checkpoint again, from the release to the end",
        lambda history: history["squared_distance_0"],
        greater={"epoch": v.release},
        lesser={"epoch": v.end},
        at={**training, **RELEASED},
    )
    yield PairedDifference(
        "release, nearer",
        "Let out, it ends nearer to the checkpoint than the one that is pushed to the end",
        end,
        greater=PUSHED,
        lesser=RELEASED,
        at=training,
    )
    yield PairedDifference(
        "release, stays away",
        "Let out, it still ends farther from the checkpoint than the undisturbed one",
        end,
        greater=RELEASED,
        lesser=UNDISTURBED,
        at=training,
    )
    yield Equivalence(
        "release, accuracy",
        "Let out, it errs as the undisturbed one on test images, to within a point",
        settled,
        first=RELEASED,
        second=UNDISTURBED,
        margin=v.margin,
        at=training,
    )
    yield PairedDifference(
        "release, barrier",
        "Let out, it has a higher barrier between it and the checkpoint than the undisturbed one",
        barrier,
        greater=RELEASED,
        lesser=UNDISTURBED,
        at=training,
    )

    yield PairedDifference(
        "initialisation, farther",
        "Pushed away from its initialisation a network ends farther from it",
        end,
        greater=PUSHED,
        lesser=UNDISTURBED,
        at=initialisation,
    )
    yield Equivalence(
        "initialisation, accuracy",
        "Pushed away from its initialisation a network errs as the undisturbed one on test images, to within a point",
        settled,
        first=PUSHED,
        second=UNDISTURBED,
        margin=v.margin,
        at=initialisation,
    )
    yield PairedDifference(
        "initialisation, release",
        "Let out again, a network that was pushed away from its initialisation still ends farther from it than the "
        "undisturbed one",
        end,
        greater=RELEASED,
        lesser=UNDISTURBED,
        at=initialisation,
    )
