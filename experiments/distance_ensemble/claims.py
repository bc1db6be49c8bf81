"""What the distance-kernel thesis (von Bachmann 2021) says of ensembles of checkpoints that push each other away.

The printed numbers are those of MobileNetV2 on CIFAR-10 with five members, read off its figures 4.11 and 4.12 after 750
epochs, or of its table 4.1.
"""

from collections.abc import Iterator

import xarray as xr

from lossatlas.claims import Claim, Equivalence, InRange, PairedDifference, Paper, Trend, printed
from lossatlas.experiments import Values
from lossatlas.measures import at, between_members, difference, named, percent, ratio, stacked

PLAIN, MIDDLE, STRONG = {"arm": "plain"}, {"arm": "middle"}, {"arm": "strong"}
COSINE, INDEPENDENT = {"arm": "cosine"}, {"arm": "independent"}


def of_thesis(*numbers: float, where: str, approximate: bool = False) -> Paper:
    return printed(*numbers, source=f"von Bachmann 2021, {where}", approximate=approximate)


def error(ensemble: xr.Dataset) -> xr.DataArray:
    """Test error of all members together."""
    return percent(at(ensemble["error"], split="test"))


def error_by_size(ensemble: xr.Dataset) -> xr.DataArray:
    """Test error of the last members together."""
    return percent(at(ensemble["error_last"], split="test"))


def agreement(ensemble: xr.Dataset) -> xr.DataArray:
    """Share of the test images that all members classify alike."""
    alike = named(at(ensemble["agreement"], split="test") * 100, "examples that all members classify alike")
    return ratio(alike, at(ensemble["examples"], split="test"))


def apart(ensemble: xr.Dataset) -> xr.DataArray:
    return between_members(ensemble["distance"])


def more_disagreement(ensemble: xr.Dataset) -> xr.DataArray:
    """Of two members that push each other away, than of two that drift."""
    disagreement = percent(between_members(at(ensemble["disagreement"], split="test")))
    return difference(disagreement, first=MIDDLE, second=PLAIN)


def of_both_averages(ensemble: xr.Dataset, logits: xr.Dataset) -> xr.DataArray:
    """Error of the mean of probabilities, and of that of logits."""
    return stacked(error(ensemble), error(logits), over="average")


def claims(v: Values) -> Iterator[Claim]:
    single, all_members = {"size": 1}, {"size": v.size}

    yield PairedDifference(
        "T-4.11 cosine",
        "Members at cosine restarts err less together than members that push each other away",
        error,
        greater=MIDDLE,
        lesser=COSINE,
        paper=of_thesis(5.8, 4.1, where="Fig. 4.11", approximate=True),
    )
    yield Equivalence(
        "T-4.11 plain",
        "Members that push each other away err together as members that drift, to within half a point",
        error,
        first=PLAIN,
        second=MIDDLE,
        margin=0.5,
        paper=of_thesis(5.9, 5.8, where="Fig. 4.11", approximate=True),
    )
    yield PairedDifference(
        "T-4.11 plain single",
        "Members that drift: together they err less than the last of them",
        error_by_size,
        greater=single,
        lesser=all_members,
        at=PLAIN,
        paper=of_thesis(10.5, 5.9, where="Fig. 4.11", approximate=True),
    )
    yield PairedDifference(
        "T-4.11 distanced single",
        "Members that push each other away: the same",
        error_by_size,
        greater=single,
        lesser=all_members,
        at=MIDDLE,
        paper=of_thesis(10, 6, where="text to Fig. 4.11, an accuracy of 94 %, 4 more than of one network"),
    )
    yield Trend(
        "T-4.12",
        "The stronger the hills, the more the members err together",
        error,
        along="arm",
        among=["weak", "middle", "strong"],
        paper=of_thesis(5.78, 5.76, 5.73, where="Fig. 4.12, which contradicts its text", approximate=True),
    )
    table = "Table 4.1, of 10,000 images"
    yield Trend(
        "T-Tab4.1 strength",
        "The stronger the hills, the more images all members classify alike",
        agreement,
        along="arm",
        among=["plain", "weak", "middle", "strong"],
        paper=of_thesis(76.48, 76.58, 77.39, 77.88, where=table),
    )
    yield PairedDifference(
        "T-Tab4.1 cosine",
        "Members at cosine restarts classify more images alike than those that the strongest hills drive apart",
        agreement,
        greater=COSINE,
        lesser=STRONG,
        paper=of_thesis(91.3, 77.88, where=table),
    )

    yield PairedDifference(
        "diversity distance",
        "Members that push each other away lie farther apart than members that drift",
        apart,
        greater=MIDDLE,
        lesser=PLAIN,
    )
    yield InRange(
        "diversity answers",
        "And yet two of them differ in their answers by no more than half a point above what two that drift do",
        more_disagreement,
        most=0.5,
    )
    yield PairedDifference(
        "independent",
        "As many independent networks, each of the whole training, err less together than members that push each other "
        "away",
        error,
        greater=MIDDLE,
        lesser=INDEPENDENT,
    )
    yield Equivalence(
        "logits",
        "It does not matter to these, to within half a point, whether probabilities are averaged or logits, as in the "
        "thesis's code",
        of_both_averages,
        first={"average": 0},
        second={"average": 1},
        margin=0.5,
        at=MIDDLE,
    )
