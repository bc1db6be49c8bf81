"""He, Wang & Tao 2020, "Piecewise linear activations substantially shape the loss surfaces of neural networks".

arXiv:2003.12236. It has theorems and no settings of networks: those of `cells` at scale paper are the
distance-kernel thesis's (von_bachmann2021.py).
"""

# fmt: off
SETTINGS = [
    # where in the paper, experiments, which jobs, and what they have
    ("networks of ReLUs: the thesis's ResNet-32", "cells", {},
     {"data": "cifar10", "model": "ResNet", "model.depth": 32}),
    ("between checkpoint and pushed network", "cells", {"experiment.between": "pushed", "study.push": "Away"},
     {"study.strength": {1, 10, 100}, "width of the hill": 1000, "study.checkpoints": [100], "optimizer.lr": 0.01,
      "data.batch_size": 128, "optimizer.weight_decay": 0.001}),
    ("along a curve between two seeds", "cells", {"experiment.between": "curve"},
     {"seeds of study.ends": [0, 10], "regularizer.l2.weight_decay": 0.001}),
]
