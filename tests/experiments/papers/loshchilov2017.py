"""Loshchilov & Hutter 2017, "SGDR: Stochastic Gradient Descent with Warm Restarts" (arXiv:1608.03983)."""

# fmt: off
SETTINGS = [
    # where in the paper, experiments, which jobs, and what they have
    ("table 1: WRN-28-20 beside WRN-28-10", "warm_restarts", {"scheduler.floor": 0, "study": "SnapshotEnsemble"},
     {("scheduler.period", "model.widen", "data"): {(period, widen, data) for period in (200, 100, 50, 1, 10)
     for widen in (10, 20) for data in ("cifar10", "cifar100")}}),
    ("table 1: the same, from both rates", "warm_restarts", {"scheduler.gamma": 0.2},
     {("optimizer.lr", "model.widen", "data"): {(rate, widen, data) for rate in (0.1, 0.05) for widen in (10, 20)
     for data in ("cifar10", "cifar100")}}),
    ("table 2: WRN-28-10", "warm_restarts", {"study.after": [148, 149, 150]}, {"model.widen": 10}),
    ("training: WRN-28-10 and WRN-28-20", "warm_restarts", {},
     {"epochs": 200, "data.batch_size": 128, "names of data.augment": ["crop", "flip"],
     "model.depth": 28, "optimizer": "SGD", "optimizer.momentum": 0.9,
     "optimizer.nesterov": False, "optimizer.weight_decay": 5e-4}),
    ("restarts begin at 0.05", "warm_restarts", {"scheduler.floor": 0}, {"optimizer.lr": 0.05}),
    ("table 1: T_0 and T_mult", "warm_restarts", {"scheduler.floor": 0},
     {("scheduler.period", "scheduler.growth"): {(200, 1), (100, 1), (50, 1), (1, 2), (10, 2)}}),
    ("the default schedule, times 0.2 after 60, 120 and 160 epochs", "warm_restarts",
     {"scheduler.gamma": 0.2},
     {"rate factors": {0: 1, 59: 1, 60: 0.2, 119: 0.2, 120: 0.04, 159: 0.04, 160: 0.008, 199: 0.008}}),
    ("T_0 = 10 and T_mult = 2 restart last after 30, 70 and 150 epochs", "warm_restarts",
     {"scheduler.period": 10},
     {"ends of cycles": [10, 30, 70, 150]}),
    ("networks just before a restart", "warm_restarts", {"study.after": [148, 149, 150]},
     {"scheduler.period": 10, "scheduler.growth": 2}),
]

CLAIMS = [
    ("table 1, CIFAR-10: default with rate 0.05, and T_0 = 10, T_mult = 2", "warm_restarts",
     {"SGDR restarts": (4.13, 4.03), "SGDR restarts, wider": (3.96, 3.74)}),
    ("table 1, CIFAR-100: the same", "warm_restarts",
     {"SGDR restarts, CIFAR-100": (20.21, 19.74), "SGDR restarts, wider, CIFAR-100": (19.67, 18.70)}),
    ("table 2, CIFAR-100: N = 1, M = 1 and 3", "warm_restarts", {"SGDR ensemble, CIFAR-100": (19.57, 17.75)}),
    ("table 2, CIFAR-10: N = 1, M = 1 and 3", "warm_restarts", {"SGDR ensemble": (4.03, 3.51)}),
]
