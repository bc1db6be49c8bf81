"""What Huang et al. 2017 (arXiv:1704.00109) say about the diversity of snapshots.

The paper prints no numbers in either figure.
"""

from collections.abc import Iterator

import xarray as xr

from lossatlas import measures
from lossatlas.claims import Claim, InRange, PairedDifference
from lossatlas.experiments import Values
from lossatlas.measures import at, between_members, mean, percent, stacked

NOCYCLE, CYCLES = {"method": "nocycle"}, {"method": "snapshot_01"}


def bump(interpolation: xr.Dataset) -> xr.DataArray:
    return percent(measures.bump(interpolation, variable="error", split="test"))


def error(ensemble: xr.Dataset, members: list[int]) -> xr.DataArray:
    """Test error of single members, in their mean."""
    return mean(percent(at(ensemble["member_error"], split="test", member=members)), "member")


def claims(v: Values) -> Iterator[Claim]:
    def early_and_late(ensemble: xr.Dataset) -> xr.DataArray:
        return stacked(error(ensemble, v.first), error(ensemble, v.late), over="part")

    def early(ensemble: xr.Dataset) -> xr.DataArray:
        return error(ensemble, v.first)

    def of_all_and_last(ensemble: xr.Dataset) -> xr.DataArray:
        """Correlation of what two members say, of all and of the last three."""
        correlation = at(ensemble["correlation"], split="test")
        among_last = at(correlation, member=v.last, other=v.last)
        return stacked(between_members(correlation), between_members(among_last), over="members")

    def of_consecutive_and_others(ensemble: xr.Dataset) -> xr.DataArray:
        correlation = at(ensemble["correlation"], split="test")
        return stacked(*(between_members(correlation, apart=n) for n in ([1], v.farther)), over="apart")

    yield InRange(
        "H-F5 cyclic",
        "Halfway between the last snapshot of cycles and an earlier one the test error is higher than at both, in the "
        "mean of the earlier",
        bump,
        least=0.0,
        at={**CYCLES, **v.figure_5},
        mean_over=["member"],
    )
    yield InRange(
        "H-F5 NoCycle",
        "Between the last network of NoCycle and the two before it there is none, to within a fifth of a point",
        bump,
        most=0.2,
        at={**NOCYCLE, **v.figure_5, "member": v.late},
        mean_over=["member"],
    )
    yield PairedDifference(
        "H-F5 NoCycle early",
        "The first three networks of NoCycle err more than the two that follow",
        early_and_late,
        greater={"part": 0},
        lesser={"part": 1},
        at={**NOCYCLE, **v.figure_5},
    )
    yield PairedDifference(
        "H-F5 cyclic early",
        "The first three snapshots of cycles err less than the first three networks of NoCycle",
        early,
        greater=NOCYCLE,
        lesser=CYCLES,
        at=v.figure_5,
    )
    yield PairedDifference(
        "H-F6 correlation",
        "What two snapshots of cycles say correlates less than what two of the last three networks of NoCycle say",
        of_all_and_last,
        greater={**NOCYCLE, "members": 1},
        lesser={**CYCLES, "members": 0},
        at=v.figure_6,
    )
    yield PairedDifference(
        "H-F6 consecutive",
        "Of the snapshots of cycles, consecutive ones correlate more than others",
        of_consecutive_and_others,
        greater={"apart": 0},
        lesser={"apart": 1},
        at={**CYCLES, **v.figure_6},
    )
