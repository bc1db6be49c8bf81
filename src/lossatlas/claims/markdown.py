"""Verdicts as a table in Markdown, for an experiment's page."""

from collections.abc import Sequence
from math import isnan

from lossatlas.claims.report import conditions, estimate, labelled, mark, number, printed
from lossatlas.claims.verdict import Arm, Verdict

HEADINGS = ("claim", "", "verdict", "estimate", "reproduced", "paper")


def markdown(verdicts: Sequence[Verdict]) -> str:
    """One row a claim, its remark below its sentence, and after the table the conditions. Ends without a newline."""
    lines = [_line(HEADINGS), _line(["---"] * len(HEADINGS)), *(_line(_cells(v)) for v in verdicts)]
    return "\n".join([*lines, "", conditions(verdicts)])


def _cells(verdict: Verdict) -> list[str]:
    remark = f"<br>*{verdict.remark}*" if verdict.remark else ""
    return [
        verdict.id,
        verdict.text + remark,
        f"**{verdict.outcome}{mark(verdict)}**",
        estimate(verdict),
        "<br>".join(map(_spread, verdict.arms)) or "–",
        "<br>".join(printed(verdict)) or "–",
    ]


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _spread(arm: Arm) -> str:
    return labelled(arm, number(arm.mean) + ("" if isnan(arm.sd) else f" ± {number(arm.sd)}"))
