"""Wilson et al. 2017, "The Marginal Value of Adaptive Gradient Methods in Machine Learning" (arXiv:1705.08292)."""

# fmt: off
SETTINGS = [
    # where in the paper, experiments, which jobs, and what they have
    ("VGG with batch norm and dropout on CIFAR-10", "adaptive_generalization", {},
     {"data": "cifar10", "model": "VGG", "model.batch_norm": True, "model.dropout": 0.5, "regularizer": {}}),
    ("the rates with the lowest training loss", "adaptive_generalization", {"optimizer": "Momentum"},
     {("optimizer.momentum", "optimizer.lr"): {(0.0, 0.5), (0.9, 0.5)}}),
    ("the same", "adaptive_generalization", {"optimizer": "AdaGrad"}, {"optimizer.lr": 0.01}),
    ("the same", "adaptive_generalization", {"optimizer": "RMSProp"}, {"optimizer.lr": 3e-4}),
    ("the same", "adaptive_generalization", {"optimizer": "Adam"}, {"optimizer.lr": 3e-4}),
]

CLAIMS = [
    ("RMSProp and SGD", "adaptive_generalization", {"Wilson": (9.60, 7.65)}),
]
