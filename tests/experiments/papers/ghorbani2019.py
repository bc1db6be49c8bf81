"""Ghorbani et al. 2019, "An Investigation into Neural Net Optimization via Hessian Eigenvalue Density".

arXiv:1901.10159; none of its settings is at hand.
"""

# fmt: off
SETTINGS = [
    ("eigenvalues before, during and after training", "spectrum", {},
     {"landscape.largest": {"snapshots": {"snapshots": "all"}}, "landscape.largest.survey": "eigenvalues",
     "study.snapshot_epochs": [0, 10, 300], "epochs": 300, "landscape.largest.survey.matrix": "hessian"}),
    ("densities with and without batch norm", "spectrum", {"names of landscape": ["largest", "density"]},
     {"landscape.density.survey": {"probes": 10, "steps": 90, "matrix": "hessian", "parameters": None},
     "model.batch_norm": {True, False}, "data": "cifar10"}),
    ("more eigenvalues than classes", "spectrum", {"model.batch_norm": False},
     {("data.classes", "landscape.largest.survey.largest"): {(10, 110), (100, 110)}}),
]

CLAIMS = [
    ("thresholds, ours", "spectrum", {"bulk": {"least": 0.9}}),
]
