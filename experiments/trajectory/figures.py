"""What `trajectory` draws: name of the file -> function of the datasets and a caption."""

from functools import partial

from lossatlas.experiments import Figures, Values
from lossatlas.figures.experiments import training_path_planes, trajectories

NAMES = {"optimizer": {"sgd": "SGD", "adam": "Adam"}}


def figures(v: Values) -> Figures:
    drawn = partial(trajectories, rows="optimizer", columns="batch_size", drops=v.drops, names=NAMES)
    plain = {"optimizer": "sgd", "weight_decay": v.weight_decay, "batch_size": v.small_batch}
    return {
        "figure": partial(drawn, at={"weight_decay": v.weight_decay}),  # as Figure 9 of Li et al. 2018
        "figure_no_decay": partial(drawn, at={"weight_decay": 0.0}),
        "random_planes": partial(training_path_planes, at=plain),  # as Figure 8
    }
