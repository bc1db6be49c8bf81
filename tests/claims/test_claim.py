from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

from lossatlas.claims import PairedDifference, judge
from lossatlas.claims.statistics import adjusted


def claim(name: str, gap: float) -> PairedDifference:
    noise = np.array([0.3, -0.3, 0.1, -0.1, 0.2, -0.2, 0.05, -0.05, 0.25, -0.25, 0.15, -0.15])
    values = xr.DataArray(np.stack([gap + noise, 0 * noise]), {"arm": ["a", "b"], "seed": range(12)})
    return PairedDifference(
        id=name, text="t", measure=lambda: values, greater={"arm": "a"}, lesser={"arm": "b"}
    )


def test_each_claim_is_judged_alone_and_again_as_one_of_many() -> None:
    """One interval just excludes 0 at 95 %; with nine as weak ones beside it that is not enough."""
    weak, strong = [claim(f"weak {i}", 0.22) for i in range(9)], claim("strong", 9.0)
    verdicts = judge([*weak, strong], {})
    assert {(v.outcome, v.corrected) for v in verdicts[:-1]} == {("holds", "cannot tell")}
    assert (verdicts[-1].outcome, verdicts[-1].corrected) == ("holds", "holds")
    assert {v.confidence for v in verdicts} == {0.95}


def test_a_claim_is_corrected_for_those_that_are_not_decided_before_it() -> None:
    """Of p = 0.01, 0.02, 0.03 and none: 4 x 0.01, 3 x 0.02, no less than that; by Bonferroni 0.04, 0.08 and 0.12."""
    assert adjusted([0.02, np.nan, 0.01, 0.03]).tolist() == pytest.approx([0.06, 1.0, 0.04, 0.06])


@pytest.mark.parametrize("decided_before", [0, 3, 6])
def test_what_is_decided_makes_it_easier_for_the_rest(decided_before: int) -> None:
    weak = claim("weak", 0.22)
    p_value = weak({}).p_value
    others = [claim(str(i), 9.0 if i < decided_before else 0.0) for i in range(7)]
    verdict = judge([weak, *others], {})[0]
    assert (verdict.corrected == "holds") == (p_value * (8 - decided_before) <= 0.05)


def test_a_lone_claim_needs_no_correction() -> None:
    verdict = judge([claim("only", 0.35)], {})[0]
    assert verdict == replace(claim("only", 0.35)({}), corrected="holds")


def test_two_claims_of_one_id_are_refused() -> None:
    with pytest.raises(ValueError, match="claims must have ids of their own, 'x' stands twice"):
        judge([claim("x", 1.0), claim("x", 2.0)], {})
