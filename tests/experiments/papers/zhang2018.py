"""Zhang et al. 2018, "mixup: Beyond Empirical Risk Minimization" (arXiv:1710.09412)."""

# fmt: off
SETTINGS = [
    # where in the paper, experiments, which jobs, and what they have
    ("PreAct ResNet-18 on CIFAR-10", "regularization", {"experiment.recipe": "zhang2018"},
     {"epochs": 200, "data": "cifar10", "data.batch_size": 128, "model": "PreActResNet", "model.depth": 18,
      "model.stages": 4, "model.width": 64, "parameters": 11_172_170, "optimizer": "SGD",
      "optimizer.lr": 0.1, "optimizer.momentum": 0.9,
      "optimizer.nesterov": False, "optimizer.weight_decay": 1e-4, "experiment.method": {"none", "mixup"},
      "rate factors": {0: 1, 99: 1, 100: 0.1, 149: 0.1, 150: 0.01, 199: 0.01}}),
    ("alpha = 1", "regularization", {"experiment.method": "mixup"}, {"data.augment.mixup.alpha": 1}),
]

CLAIMS = [
    ("PreAct ResNet-18 on CIFAR-10, ERM and mixup", "regularization", {"mixup": (5.6, 4.2)}),
]
