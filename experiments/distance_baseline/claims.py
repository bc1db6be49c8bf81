"""What the distance-kernel thesis (von Bachmann 2021, figure 4.1 and its text) says of a kernel against none.

And controls that it does not have. The thesis's distances and errors are read off its figure, one run each; they are
squared distances.
"""

from collections.abc import Iterator

import xarray as xr

from lossatlas import measures
from lossatlas.claims import Claim, Equivalence, InRange, PairedDifference, PairedRatio, Paper, printed
from lossatlas.experiments import Values
from lossatlas.measures import at, difference, mean, percent, ratio, stacked

AWAY, NOTHING = {"push": "away"}, {"push": "nothing"}
RANDOM, TOWARD = {"push": "random"}, {"push": "toward"}


def drawn(*numbers: float, what: str) -> Paper:
    return printed(*numbers, source=f"thesis, figure 4.1, {what}", approximate=True)


def distance(history: xr.Dataset) -> xr.DataArray:
    return history["squared_distance_0"]


def barrier(to_checkpoint: xr.Dataset) -> xr.DataArray:
    return at(to_checkpoint["loss_barrier"], split="train")


def relative_distance(to_checkpoint: xr.Dataset, to_other_seed: xr.Dataset) -> xr.DataArray:
    """Distance of the pushed network to the checkpoint, to that of undisturbed networks of two seeds."""
    return ratio(at(to_checkpoint["end_distance"], **AWAY), at(to_other_seed["end_distance"], **NOTHING))


def barrier_left(to_checkpoint: xr.Dataset, to_other_seed: xr.Dataset) -> xr.DataArray:
    """Barrier between the pushed network and the checkpoint, to that between independent seeds."""
    return ratio(at(barrier(to_checkpoint), **AWAY), at(barrier(to_other_seed), **NOTHING))


def barrier_to_undisturbed(to_undisturbed: xr.Dataset, to_other_seed: xr.Dataset) -> xr.DataArray:
    return ratio(at(barrier(to_undisturbed), **AWAY), at(barrier(to_other_seed), **NOTHING))


def barrier_of_seeds(to_other_seed: xr.Dataset, to_undisturbed: xr.Dataset) -> xr.DataArray:
    """By how much the barrier between independent seeds is higher than that to the undisturbed network."""
    both = stacked(at(barrier(to_other_seed), **NOTHING), at(barrier(to_undisturbed), **AWAY), over="line")
    return difference(both, first={"line": 0}, second={"line": 1})


def claims(v: Values) -> Iterator[Claim]:
    def after_checkpoint(history: xr.Dataset) -> xr.DataArray:
        return measures.after(distance(history), epoch=v.checkpoint)

    def end(history: xr.Dataset) -> xr.DataArray:
        return at(distance(history), epoch=v.end)

    def error(history: xr.Dataset) -> xr.DataArray:
        """Test error in the mean of the last epochs."""
        settled = measures.after(percent(history["test_error"]), epoch=v.settled, until=v.end)
        return mean(settled, "epoch")

    first, second = ({"data": v.data, "model": model} for model in (v.first, v.second))
    networks = (  # where, as the ids and the texts name it, as it is printed
        (first, "first network", "ResNet", "ResNet-32"),
        (second, "second network", "MobileNetV2", "MobileNetV2"),
    )

    for where, name, network, _ in networks:
        yield PairedDifference(
            f"T-4.1 farther, {name}",
            f"At each epoch after the checkpoint the pushed {network} is farther from it than the undisturbed one",
            after_checkpoint,
            greater=AWAY,
            lesser=NOTHING,
            worst_over=["epoch"],
            at=where,
        )
    for (where, name, network, printed_as), ends in zip(networks, ((1570, 480), (2000, 800)), strict=True):
        yield PairedRatio(
            f"T-4.1 end, {name}",
            f"At the end the pushed {network} is more than twice as far from the checkpoint as the undisturbed one, "
            "squared",
            end,
            greater=AWAY,
            lesser=NOTHING,
            factor=v.factor,
            at=where,
            paper=drawn(*ends, what=f"{printed_as} at epoch 600"),
        )
    for (where, name, network, printed_as), errors in zip(networks, ((11.3, 11.7), (9.3, 10.7)), strict=True):
        yield Equivalence(
            f"T-4.1 accuracy, {name}",
            f"The pushed {network} and the undisturbed one err alike on test images, to within a point",
            error,
            first=AWAY,
            second=NOTHING,
            margin=v.margin,
            at=where,
            paper=drawn(*errors, what=f"mean over the last ten epochs of {printed_as}"),
        )
    for (where, name, network, printed_as), distances in zip(networks, ((487, 384), (798, 633)), strict=True):
        yield PairedDifference(
            f"T-4.1 grows, {name}",
            f"The undisturbed {network} is farther from the checkpoint at the end than halfway",
            distance,
            greater={"epoch": v.end},
            lesser={"epoch": v.midway},
            at={**where, **NOTHING},
            paper=drawn(*distances, what=f"{printed_as} at epochs 600 and 350"),
        )

    for name, text, farther, nearer in (
        (
            "attraction",
            "A kernel of the other sign keeps the ResNet nearer to the checkpoint than it goes undisturbed",
            NOTHING,
            TOWARD,
        ),
        (
            "random push",
            "A push as strong in a random direction takes the ResNet less far than one away from the "
            "checkpoint",
            AWAY,
            RANDOM,
        ),
        (
            "random push against none",
            "A push as strong in a random direction takes the ResNet farther than it goes undisturbed",
            RANDOM,
            NOTHING,
        ),
    ):
        yield PairedDifference(f"control, {name}", text, end, greater=farther, lesser=nearer, at=first)
    yield InRange(
        "control, independent seeds",
        "The pushed ResNet ends nearer to the checkpoint than undisturbed networks of two seeds are to each other",
        relative_distance,
        most=1.0,
        at=first,
    )

    yield PairedDifference(
        "basin, checkpoint",
        "Towards the checkpoint the training loss rises higher from the pushed network than from the undisturbed one",
        barrier,
        greater=AWAY,
        lesser=NOTHING,
        at=first,
    )
    tenth = "lies a barrier of more than a tenth of that between independent seeds"
    yield InRange(
        "basin, left",
        f"Between the pushed network and the checkpoint {tenth}",
        barrier_left,
        least=0.1,
        at=first,
    )
    yield InRange(
        "basin, undisturbed",
        f"Between the pushed and the undisturbed network {tenth}",
        barrier_to_undisturbed,
        least=0.1,
        at=first,
    )
    yield InRange(
        "basin, independent seeds",
        "Between the pushed and the undisturbed network lies a lower barrier than between independent seeds",
        barrier_of_seeds,
        least=0.0,
        at=first,
    )
