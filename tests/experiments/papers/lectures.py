"""A lecture and notes on optimisation, which name no settings, with the papers that they rest on.

Wilson et al. 2017, "The Marginal Value of Adaptive Gradient Methods in Machine Learning" (arXiv:1705.08292), lend
`optimizers` their network and rates; Dauphin et al. 2014 (arXiv:1406.2572) the methods of `second_order`.
"""

# fmt: off
SETTINGS = [
    # where in the paper, experiments, which jobs, and what they have
    ("Wilson et al.: VGG with batch norm and dropout on CIFAR-10", "optimizers", {"model": "VGG"},
     {"data": "cifar10", "model.batch_norm": True, "model.dropout": 0.5, "scheduler": "Constant"}),
    ("Wilson et al.: rates by the training loss; SGD and heavy ball", "optimizers",
     {"model": "VGG", "optimizer": "Momentum"},
     {("optimizer.momentum", "optimizer.nesterov", "optimizer.lr"):
      {(0.0, False, 0.5), (0.9, False, 0.5), (0.9, True, 0.5)}}),
    ("Wilson et al.: AdaGrad", "optimizers", {"model": "VGG", "optimizer": "AdaGrad"}, {"optimizer.lr": 0.01}),
    ("Wilson et al.: RMSProp", "optimizers", {"model": "VGG", "optimizer": "RMSProp"}, {"optimizer.lr": 3e-4}),
    ("Wilson et al.: Adam", "optimizers", {"model": "VGG", "optimizer": "Adam"}, {"optimizer.lr": 3e-4}),
    ("lecture: balls without weight decay", "optimizers", {"model": "Point"}, {"optimizer.weight_decay": 0.0}),
    ("Dauphin et al.: abs(H) in place of H", "second_order", {"model": "Point"},
     {("study.loss", "optimizer"): {(surface, method) for surface in ("Saddle", "MonkeySaddle")
     for method in ("Momentum", "Newton", "SaddleFreeNewton")}}),
    ("notes: L-BFGS and Quickprop against SGD", "second_order", {"model": "MLP"},
     {("optimizer", "data.batch_size"): {("Momentum", 128), ("Momentum", 10000), ("Quickprop", 10000),
     ("LBFGS", 10000), ("HessianFree", 10000)}}),
]

CLAIMS = [
    ("Li et al. 2018, figure 9: shares of two components of VGG-9, which are 39.6 to 94.1 %", "optimizers",
     {"network dimensions": {"least": 40, "most": 94}}),
]
