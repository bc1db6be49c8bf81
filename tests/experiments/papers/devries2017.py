"""DeVries & Taylor 2017, "Improved Regularization of Convolutional Neural Networks with Cutout" (arXiv:1708.04552)."""

# fmt: off
SETTINGS = [
    # where in the paper, experiments, which jobs, and what they have
    ("WRN-28-10 on CIFAR-10", "regularization", {"experiment.recipe": "devries2017"},
     {"epochs": 200, "data": "cifar10", "data.batch_size": 128, "model": "WideResNet", "model.depth": 28,
      "model.widen": 10, "model.dropout": 0.3, "optimizer": "SGD", "optimizer.lr": 0.1,
      "optimizer.momentum": 0.9, "optimizer.nesterov": True, "optimizer.weight_decay": 5e-4,
      "experiment.method": {"none", "cutout"},
      "rate factors": {0: 1, 59: 1, 60: 0.2, 119: 0.2, 120: 0.04, 159: 0.04, 160: 0.008, 199: 0.008}}),
    ("a square of 16 pixels", "regularization", {"experiment.method": "cutout"},
     {"names of data.augment": ["crop", "flip", "cutout"], "data.augment.cutout.size": 16}),
]

CLAIMS = [
    ("WRN-28-10 on CIFAR-10, without and with cutout", "regularization", {"cutout": (3.87, 3.08)}),
]
