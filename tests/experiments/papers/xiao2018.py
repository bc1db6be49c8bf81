"""Xiao et al. 2018, "Dynamical Isometry and a Mean Field Theory of CNNs" (arXiv:1806.05393).

But for the depth of 10,000 layers none of its settings is at hand.
"""

PLAIN = {"model": "ResNet", "model.skip": False, "normalization": "no_normalization"}

# fmt: off
SETTINGS = [
    ("vanilla networks of up to 10,000 layers, delta-orthogonal with tanh", "initialization",
     {"init": "delta_orthogonal"} | PLAIN, {"model.activation": "tanh", "model.depth": {20, 110, 1000, 10_000}}),
    ("beside them Gaussian weights of the same variance, and Kaiming's with ReLU", "initialization",
     {"init": "variance_scaling"} | PLAIN, {"model.depth": {20, 110, 1000, 10_000},
     ("model.activation", "init.gain"): {("tanh", 1.1), ("relu", "relu")}, "init.mode": "fan_in"}),
    ("curvature at the start", "initialization", PLAIN,
     {"landscape.curvature.survey": "eigenvalues", "study.snapshot_epochs": [0], "optimizer.weight_decay": 0}),
    ("orthogonal perceptrons, whose Jacobian is taken", "initialization",
     {"model": "MLP", "init": "delta_orthogonal"},
     {"landscape.jacobian": "jacobian", ("model.activation", "init.gain"): {("tanh", 1.1), ("relu", "relu")},
     "optimizer.lr": 0, "data.normalize": False}),
    ("variances: each activation by its own gain, and ReLU by that of none", "initialization",
     {"names of landscape": ["signals"]},
     {("model.activation", "init.gain"): {*((name, name) for name in ("linear", "relu", "leaky_relu", "tanh",
     "sigmoid", "gelu", "silu", "selu")), ("relu", "linear")}, "optimizer.lr": 0, "init.mode": "fan_in"}),
]

CLAIMS = [
    ("abstract: 10,000 layers or more", "initialization", {"deepest": (10_000,)}),
    ("thresholds, ours", "initialization",
     {"Isometry, tanh": {"most": 2.0}, "Isometry, ReLU": {"least": 2.0}, "variance, relu": {"least": 0.9,
     "most": 1.1}}),
]
