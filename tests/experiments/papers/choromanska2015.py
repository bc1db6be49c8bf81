"""Choromanska et al. 2015, "The Loss Surfaces of Multilayer Networks" (arXiv:1412.0233).

Its settings are not at hand.
"""

# fmt: off
SETTINGS = [
    # where in the paper, experiments, which jobs, and what they have
    ("minima of networks of one hidden layer, by its size", "local_minima", {},
     {"data": "mnist", "model": "MLP", "model.activation": "relu", "optimizer.weight_decay": 0,
      "experiment.width": {25, 50, 100, 250, 500}}),
    ("minima of many seeds", "local_minima", {}, {"seeds of landscape.minima.through": [10, 20, 30, 40]}),
]
