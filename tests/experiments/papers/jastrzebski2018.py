"""Jastrzebski et al. 2018, "Three Factors Influencing Minima in SGD" (arXiv:1711.04623). Its settings are not at hand.

The network is VGG-9 of Li et al. 2018 without batch norm.
"""

# fmt: off
SETTINGS = [
    # where in the paper, experiments, which jobs, and what they have
    ("stochastic gradient descent, without momentum, at a constant rate", "rate_to_batch", {},
     {"optimizer": "Momentum", "optimizer.momentum": 0, "optimizer.weight_decay": 0, "regularizer": {},
     "rate factors": {0: 1, 49: 1}}),
    *((f"rate over batch size, and as much rate x steps: {ratio}", "rate_to_batch", {"experiment.ratio": ratio},
     {("data.batch_size", "optimizer.lr", "epochs"): {(size, size * ratio, round(0.05 / ratio))
     for size in (32, 64, 128, 2048)}}) for ratio in (0.00025, 0.0005, 0.001)),
    ("width: largest eigenvalue of the Hessian, of the training loss", "rate_to_batch", {},
     {"landscape.eigenvalues": {"smallest": 0, "largest": 1, "matrix": "hessian", "split": "train"}}),
    ("ours: targets with a minimum; images that are not augmented", "rate_to_batch", {},
     {"study.loss.label_smoothing": 0.1, "data.augment.crop": None, "data.augment.flip": None}),
]

CLAIMS = [
    ("thresholds, ours", "rate_to_batch", {"same, largest eigenvalue": {"most": 1.15}, "same, width": {"most": 1.02},
     "same, loss": {"most": 1.02}, "too large, largest eigenvalue": {"least": 1.15}}),
]
