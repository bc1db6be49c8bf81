"""Figures: functions from datasets to pictures. No torch, no results computed here.

The rooms are seaborn's levels: `panels` draw on given axes; `landscapes` draw one landscape of one network, by
`picture`; `experiments` draw the networks of a sweep, many panels on a page, with `layout`, which they share. `save`
writes any of them, and `use` draws in another `Style` than the paper's.
"""

from lossatlas.figures.landscapes import PICTURES, draws, picture
from lossatlas.figures.saving import drawn_in, save
from lossatlas.figures.style import Style, told, use

__all__ = ["PICTURES", "Style", "drawn_in", "draws", "picture", "save", "told", "use"]
