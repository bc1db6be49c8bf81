"""Claims: what a paper says, judged on datasets. No torch, no training, no drawing.

An experiment's ``claims.py`` yields claims; each has a `measure <lossatlas.measures>`, the arms it
compares and a test, and is called with the datasets to give a `Verdict`.
"""

from lossatlas.claims.claim import Claim, judge
from lossatlas.claims.comparisons import Equivalence, InRange, PairedDifference, PairedRatio
from lossatlas.claims.correlation import RankCorrelation, RankingAgreement, StrongerCorrelation
from lossatlas.claims.report import caption, latex, markdown, rows, table, to_json
from lossatlas.claims.statistics import Outcome
from lossatlas.claims.trend import Trend
from lossatlas.claims.verdict import Arm, Paper, Verdict, printed, verdicts_from_json

__all__ = [
    "Arm",
    "Claim",
    "Equivalence",
    "InRange",
    "Outcome",
    "PairedDifference",
    "PairedRatio",
    "Paper",
    "RankCorrelation",
    "RankingAgreement",
    "StrongerCorrelation",
    "Trend",
    "Verdict",
    "caption",
    "judge",
    "latex",
    "markdown",
    "printed",
    "rows",
    "table",
    "to_json",
    "verdicts_from_json",
]
