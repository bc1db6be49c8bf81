"""Notes on optimisation, of learning rates. They print no settings of networks, and no results."""

# fmt: off
SETTINGS = [
    # where in the notes, experiments, which jobs, and what they have
    ("gradient descent", "learning_rates", {},
     {"optimizer": "Momentum", "optimizer.momentum": 0, "optimizer.weight_decay": 0, "regularizer": {}}),
    ("divergence in one dimension, at twice the optimal rate 1 / lambda", "learning_rates",
     {"experiment.part": "line"},
     {"study.loss": {"curvatures": [1.0]}, "optimizer.lr": {1.0, 1.9, 2.1}, "rate factors": {0: 1, 29: 1}}),
    ("divergence in many dimensions, at 2 / lambda_max", "learning_rates", {"experiment.part": "bowl"},
     {"study.loss": "Quadratic", "optimizer.lr": {1.9, 2.1}, "data.classes": 10}),
    *(("the best rate of a condition number, 2 / (lambda_min + lambda_max)", "learning_rates",
     {"study.loss.condition": k}, {"optimizer.lr": 2 / (1 + k), "data.classes": 2}) for k in (3, 10,
     100)),
    ("descent of the loss of all images", "learning_rates", {"experiment.part": {"descent", "warmed"}},
     {"study.loss": "SquaredError", "data.augment.crop": None}),
    ("warm-up", "learning_rates", {"experiment.part": "warmed"},
     {"rate factors": {0: 0, 1000: 0.5, 2000: 1, 3999: 1}}),
    ("schedules at equal epochs", "learning_rates", {"study.loss": "CrossEntropyLoss"},
     {"experiment.part": {"constant", "step", "warmup", "cyclical"}}),
    ("schedules at equal epochs", "learning_rates", {"study.loss": "CrossEntropyLoss"}, {"epochs": 200}),
]

CLAIMS = [
    ("((k - 1) / (k + 1))^2", "learning_rates", {"condition, factor": {"most": 0.01}}),
]
