import re
from dataclasses import replace
from pathlib import Path

import pytest

from lossatlas.claims import Outcome, Verdict, verdicts_from_json
from lossatlas.claims.verdict import check_remarks, with_remarks
from lossatlas.runs.composition.search_path import config_folder

REMARKS = {
    "L-F2a (iii)": {"fails": "Not shown: it holds."},
    "L-F2b": {"fails": "The digits are too easy.", "cannot tell": "Five seeds are few."},
}


def verdict(id: str, outcome: Outcome) -> Verdict:
    return Verdict(
        id=id,
        text="Small batches generalise better",
        outcome=outcome,
        statistic="mean difference of test error",
        units="%",
        estimate=3.7,
        interval=(1.2, 6.2),
        confidence=0.95,
        against=0.0,
        p_value=0.01,
        seeds=5,
    )


HOLDS, FAILS, OPEN = (
    verdict("L-F2a (iii)", "holds"),
    verdict("L-F2b", "fails"),
    verdict("L-F3", "cannot tell"),
)
PUBLISHED = sorted((config_folder() / "experiment").glob("*/results/*/verdict.json"))


def test_a_verdict_gets_the_remark_on_its_outcome_alone() -> None:
    marked = with_remarks([HOLDS, FAILS, OPEN], REMARKS)
    assert [verdict.remark for verdict in marked] == ["", "The digits are too easy.", ""]
    assert [replace(verdict, remark="") for verdict in marked] == [HOLDS, FAILS, OPEN]


@pytest.mark.parametrize(
    ("remarks", "complaint"),
    [
        ({"L-F9": {"fails": "why"}}, "experiment.remarks: there is no claim 'L-F9'"),
        (
            {"L-F2b": {"open": "why"}},
            "experiment.remarks: L-F2b: expected one of holds, fails, cannot tell, got 'open'",
        ),
    ],
)
def test_a_remark_on_no_claim_or_no_outcome_is_refused(
    remarks: dict[str, dict[str, str]], complaint: str
) -> None:
    with pytest.raises(ValueError, match=re.escape(complaint)):
        check_remarks(remarks, [HOLDS.id, FAILS.id])


@pytest.mark.parametrize("path", PUBLISHED, ids=lambda path: f"{path.parts[-4]}-{path.parts[-2]}")
def test_every_published_verdict_that_does_not_hold_says_why(path: Path) -> None:
    verdicts = verdicts_from_json(path.read_text(encoding="utf-8"))
    assert [v.id for v in verdicts if v.outcome != "holds" and not v.remark] == []
