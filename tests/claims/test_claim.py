from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

from lossatlas.claims import PairedDifference, judge


def claim(name: str, gap: float) -> PairedDifference:
    noise = np.array([0.3, -0.3, 0.1, -0.1, 0.2])
    values = xr.DataArray(np.stack([gap + noise, 0 * noise]), {"arm": ["a", "b"], "seed": range(5)})
    return PairedDifference(
        id=name, text="t", measure=lambda: values, greater={"arm": "a"}, lesser={"arm": "b"}
    )


def test_each_claim_is_judged_alone_and_again_as_one_of_many() -> None:
    """One interval just excludes 0 at 95 %; as one of ten it would have to at 99.5 %."""
    weak, strong = claim("weak", 0.35), [claim(f"strong {i}", 9.0) for i in range(9)]
    verdicts = judge([weak, *strong], {})
    assert (verdicts[0].outcome, verdicts[0].corrected) == ("holds", "cannot tell")
    assert verdicts[0].confidence == 0.95
    assert {(v.outcome, v.corrected) for v in verdicts[1:]} == {("holds", "holds")}


def test_the_correction_is_bonferronis() -> None:
    weak = claim("weak", 0.35)
    p_value = weak({}).p_value
    for number in range(1, 8):
        verdict = judge([weak, *(claim(str(i), 9.0) for i in range(number - 1))], {})[0]
        assert (verdict.corrected == "holds") == (p_value < 0.05 / number)


def test_a_lone_claim_needs_no_correction() -> None:
    verdict = judge([claim("only", 0.35)], {})[0]
    assert verdict == replace(claim("only", 0.35)({}), corrected="holds")


def test_two_claims_of_one_id_are_refused() -> None:
    with pytest.raises(ValueError, match="claims must have ids of their own, 'x' stands twice"):
        judge([claim("x", 1.0), claim("x", 2.0)], {})
