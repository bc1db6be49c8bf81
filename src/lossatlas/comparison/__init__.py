"""Comparing runs that are there: what differs in their configurations, their curves, landscapes and numbers.

What is compared is a `Side`: a run, or the runs of a sweep, an experiment or a store. Of several sides all are compared
with the first.
"""

from lossatlas.comparison.comparison import Comparison, compare
from lossatlas.comparison.side import Side

__all__ = ["Comparison", "Side", "compare"]
