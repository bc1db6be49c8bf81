"""Figures: functions from datasets to pictures. No torch, no results computed here."""

from lossatlas.figures.pictures import PICTURES, draws, picture
from lossatlas.figures.saving import save

__all__ = ["PICTURES", "draws", "picture", "save"]
