"""Figures: functions from datasets to pictures. No torch, no results computed here.

An experiment is drawn by the function ``figure`` of `contours`, `planes`, `relief`, `curvature`, `trajectories` and
`lines` (a panel a network), `trends`, `settings` and `scatter` (a dot a network), `courses` (over epochs or along
lines), `paths` (between networks), `matrices` (a cell a pair of networks), `surfaces` (to be turned by hand) or
`sharpness` (its page); `picture` draws one landscape of one network; `save` writes any of them.
"""

from lossatlas.figures.pictures import PICTURES, draws, picture
from lossatlas.figures.saving import save

__all__ = ["PICTURES", "draws", "picture", "save"]
