"""The claims of `trajectory` about the paper's own numbers, of which they must hold."""

import numpy as np
import xarray as xr
from composed import sweeps

from lossatlas.claims import InRange
from lossatlas.experiments.definition import definition

SPREAD = np.array([-0.35, -0.25, -0.15, 0.0, 0.0, 0.2, 0.25, 0.3])  # points, between eight seeds; drawn once


def test_the_printed_shares_lie_within_the_range_that_claims_name() -> None:
    experiment = sweeps("trajectory")[0].jobs[0].config["experiment"]
    claims = [
        claim
        for claim in definition("trajectory", experiment).claims
        if isinstance(claim, InRange) and claim.paper is not None
    ]
    assert len(claims) == 8
    outcomes = {}
    for claim in claims:
        assert claim.paper is not None
        assert f"between {claim.least} and {claim.most} %" in claim.text  # the text says what is tested
        values = xr.DataArray(claim.paper.first + SPREAD, {"seed": range(8)}, ("seed",))
        of_numbers = InRange("x", "x", lambda numbers: numbers["share"], least=claim.least, most=claim.most)
        outcomes[claim.paper.first] = of_numbers({"numbers": xr.Dataset({"share": values})}).outcome
    assert set(outcomes) == {39.61, 94.11, 84.69, 90.59, 50.27, 84.77, 87.53, 89.56}
    assert set(outcomes.values()) == {"holds"}
