"""Figures: functions from datasets to pictures. No torch, no results computed here.

`sharpness.figure` draws an experiment's page, `surfaces.figure` its surfaces in three dimensions,
`picture` one landscape of one network; `save` writes any of them.
"""

from lossatlas.figures.pictures import PICTURES, draws, picture
from lossatlas.figures.saving import save

__all__ = ["PICTURES", "draws", "picture", "save"]
