"""Figures of an experiment: from the datasets of its sweep to many panels on a page, a function a file.

A panel a network: `contours`, `network_planes`, `training_path_planes`, `reliefs`, `curvature_maps`, `trajectories`
and `loss_lines`. A dot a network: `trends`, `one_setting_at_a_time` and `scatter`. Over epochs or along lines:
`learning_curves`; between networks: `path_profiles`; a cell a pair of networks: `correlation_matrices`; networks that
compute the same function: `rescaled_networks`; to be turned by hand: `interactive_surfaces`; optimizers on a surface of
two weights: `race`, `race_animation` and `interactive_race`. What only one experiment draws stands in its folder.
"""

from lossatlas.figures.experiments.contours import contours
from lossatlas.figures.experiments.correlation_matrices import correlation_matrices
from lossatlas.figures.experiments.curvature_maps import curvature_maps
from lossatlas.figures.experiments.interactive_race import interactive_race
from lossatlas.figures.experiments.interactive_surfaces import interactive_surfaces
from lossatlas.figures.experiments.learning_curves import learning_curves
from lossatlas.figures.experiments.loss_lines import loss_lines
from lossatlas.figures.experiments.network_planes import network_planes
from lossatlas.figures.experiments.one_setting_at_a_time import one_setting_at_a_time
from lossatlas.figures.experiments.path_profiles import path_profiles
from lossatlas.figures.experiments.race import race, race_animation
from lossatlas.figures.experiments.reliefs import reliefs
from lossatlas.figures.experiments.rescaled_networks import rescaled_networks
from lossatlas.figures.experiments.scatter import scatter
from lossatlas.figures.experiments.training_path_planes import training_path_planes
from lossatlas.figures.experiments.trajectories import trajectories
from lossatlas.figures.experiments.trends import trends
from lossatlas.figures.layout.arrangement import Names

__all__ = [
    "Names",
    "contours",
    "correlation_matrices",
    "curvature_maps",
    "interactive_race",
    "interactive_surfaces",
    "learning_curves",
    "loss_lines",
    "network_planes",
    "one_setting_at_a_time",
    "path_profiles",
    "race",
    "race_animation",
    "reliefs",
    "rescaled_networks",
    "scatter",
    "training_path_planes",
    "trajectories",
    "trends",
]
