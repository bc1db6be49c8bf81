"""Experiments: what is swept, what is claimed of it and drawn, and what came of it."""

from lossatlas.experiments.values import Figures, Values

__all__ = ["Figures", "Values"]
