"""Claims: what a paper says, judged on datasets. No torch, no training, no drawing.

An experiment's config lists claims; each names a `measure <lossatlas.claims.measures>`, the arms it
compares and a test, and is called with the datasets to give a `Verdict`.
"""

from lossatlas.claims.claim import Claim
from lossatlas.claims.comparisons import Equivalence, PairedDifference, PairedRatio
from lossatlas.claims.correlation import RankCorrelation
from lossatlas.claims.dependencies import landscapes_of
from lossatlas.claims.judge import judge
from lossatlas.claims.measures import Datasets, Measure
from lossatlas.claims.ranking import RankingAgreement
from lossatlas.claims.report import caption, rows, table, to_json
from lossatlas.claims.statistics import Outcome
from lossatlas.claims.stronger_correlation import StrongerCorrelation
from lossatlas.claims.trend import Trend
from lossatlas.claims.verdict import Arm, Paper, Verdict, verdicts_from_json
from lossatlas.claims.within import Within

__all__ = [
    "Arm",
    "Claim",
    "Datasets",
    "Equivalence",
    "Measure",
    "Outcome",
    "PairedDifference",
    "PairedRatio",
    "Paper",
    "RankCorrelation",
    "RankingAgreement",
    "StrongerCorrelation",
    "Trend",
    "Verdict",
    "Within",
    "caption",
    "judge",
    "landscapes_of",
    "rows",
    "table",
    "to_json",
    "verdicts_from_json",
]
