"""Huang et al. 2017, "Snapshot Ensembles: Train 1, Get M for Free" (arXiv:1704.00109)."""

SNAPSHOTS = {"study": "SnapshotEnsemble"}
CHECKPOINTS = {"study": "CheckpointEnsemble"}
BASELINE = {"rate factors": {0: 1, 149: 1, 150: 0.1, 224: 0.1, 225: 0.01, 299: 0.01}}  # / 10 at 50 % and 75 %
FORTY = {"model": {"blocks": [12, 12, 12], "growth": 12}, "layers": 40}
OTHERS = [{"run": [f"seed={k}0"]} for k in range(1, 6)]  # five networks beside the run's own

# fmt: off
SETTINGS = [
    # where in the paper, experiments, which jobs, and what they have
    ("table 1: DenseNet-40 on CIFAR-10", "snapshot", {"study": "Classifier", "scheduler": "CyclicCosine"},
     {"data": "cifar10"} | FORTY),
    ("table 1 and figures 2 and 3: DenseNet-40 and -100 on CIFAR-10", "snapshot", CHECKPOINTS,
     {"data": "cifar10", ("model.blocks", "model.growth"): {((12, 12, 12), 12), ((32, 32, 32), 24)}}),
    ("the same, and of both rates", "snapshot", SNAPSHOTS | {"data": "cifar10"},
     {("model.blocks", "model.growth", "optimizer.lr"): {(blocks, growth, rate) for rate in (0.1, 0.2)
     for blocks, growth in (((12, 12, 12), 12), ((32, 32, 32), 24))}, "scheduler.cycles": 6}),
    ("table 3 and figure 4: DenseNet-40 on CIFAR-100", "snapshot", SNAPSHOTS | {"data": "cifar100"},
     {("optimizer.lr", "scheduler.cycles"): {(0.1, 6), (0.2, 6), (0.2, 2), (0.2, 4), (0.2, 8), (0.2, 10)}} | FORTY),
    ("figure 4: independent networks on CIFAR-100", "snapshot", {"study": "Classifier", "scheduler": "Step"},
     {"data": "cifar100"} | FORTY),
    ("section 4, training", "snapshot", {},
     {"data.batch_size": 64, "names of data.augment": ["crop", "flip"], "model.bottleneck": False,
     "optimizer": "SGD", "optimizer.momentum": 0.9, "optimizer.nesterov": True, "optimizer.weight_decay": 1e-4,
     "regularizer": {}}),
    ("figures 5 and 6: DenseNet-40 with growth 12, DenseNet-100 with growth 24", "snapshot_diversity", {},
     {("layers", "model.growth"): {(40, 12), (100, 24)}}),
    ("section 4, training", "snapshot_diversity", {},
     {"data": "cifar10", "data.batch_size": 64, "names of data.augment": ["crop", "flip"], "optimizer": "SGD",
     "optimizer.momentum": 0.9, "optimizer.nesterov": True, "optimizer.weight_decay": 1e-4, "regularizer": {}}),
    ("section 4: B = 300 epochs, M = 6", "snapshot", CHECKPOINTS,
     {"epochs": 300, "study.members": 6, "study.after": None, "optimizer.lr": 0.1} | BASELINE),
    ("section 4: B = 300 epochs, M = 6", "snapshot_diversity", CHECKPOINTS,
     {"epochs": 300, "study.members": 6, "optimizer.lr": 0.1} | BASELINE),
    ("section 4: six cycles from the rates 0.1 and 0.2; table 3: of 0.2, other numbers of cycles", "snapshot",
     SNAPSHOTS,
     {("optimizer.lr", "scheduler.cycles"): {(0.1, 6), (0.2, 6), (0.2, 2), (0.2, 4), (0.2, 8), (0.2, 10)},
     "scheduler": "CyclicCosine", "scheduler.epochs": 300, "epochs": 300}),
    ("section 4: six cycles", "snapshot_diversity", SNAPSHOTS,
     {"scheduler": "CyclicCosine", "scheduler.cycles": 6, "epochs": 300, "optimizer.lr": 0.1}),
    ("section 4: cycles of 50 epochs", "snapshot", {"study": "SnapshotEnsemble", "scheduler.cycles": 6},
     {"ends of cycles": [50, 100, 150, 200, 250, 300]}),
    ("section 4: SingleCycle, six networks of B / 6 epochs", "snapshot",
     {"study": "Classifier", "scheduler": "CyclicCosine"},
     {"epochs": 300 / 6, "scheduler.cycles": 1, "optimizer.lr": 0.1, "landscape.ensemble.own": True,
     "landscape.ensemble.members": OTHERS}),
    ("figure 4: independent networks", "snapshot", {"study": "Classifier", "scheduler": "Step"},
     {"epochs": 300, "optimizer.lr": 0.1, "landscape.ensemble.own": True, "landscape.ensemble.members": OTHERS}
     | BASELINE),
    ("section 4: ResNet-110, B = 200 epochs, M = 5", "ensemble_methods", {},
     {"data": "cifar10", "data.batch_size": 64, "names of data.augment": ["crop", "flip"], "optimizer": "SGD",
     "optimizer.momentum": 0.9, "optimizer.nesterov": True, "optimizer.lr": 0.1, "optimizer.weight_decay": 0.0,
     "regularizer.l2.weight_decay": 1e-4, "scheduler": "CyclicCosine", "model": "ResNet", "model.depth": 110}),
    ("section 4: SingleCycle, five networks of B / 5 epochs", "ensemble_methods",
     {"experiment.method": "initialisations"},
     {"study": "Classifier", "epochs": 200 / 5, "scheduler.cycles": 1, "landscape.ensemble.own": True,
     "landscape.ensemble.members": OTHERS[:4]}),
    ("section 4: five cycles of 40 epochs", "ensemble_methods", {"study": "SnapshotEnsemble"},
     {"epochs": 200, "scheduler.cycles": 5, "ends of cycles": [40, 80, 120, 160, 200]}),
    ("softmax outputs are averaged; no member is chosen on test images", "snapshot", {},
     {"landscape.ensemble": {"combine": "probabilities", "weights": None, "choose_on": None,
     "splits": ["test"]}}),
    ("figure 5: from the last member to each before it, test error", "snapshot_diversity", {},
     {"landscape.interpolation": {"other": {"members": [0, 1, 2, 3, 4]}, "low": 0.0, "high": 1.0}
     | {"points": 21, "splits": ["test"], "statistics": True}}),
    ("figure 6: the last three of NoCycle are those at lower rates", "snapshot_diversity", {},
     {"values.last": [3, 4, 5]}),
    ("figures 5 and 6: of which network", "snapshot_diversity", {},
     {"values.figure_5": {"model": "densenet40"}, "values.figure_6": {"model": "densenet100"}}),
    ("figure 5: its first three, and the last two before the end", "snapshot_diversity", {},
     {"values.first": [0, 1, 2], "values.late": [3, 4]}),
]

TABLE_1 = {
    "single": 5.24,
    "NoCycle": 5.20,
    "SingleCycle": 5.55,
    "0.1": 4.99,
    "0.2": 4.84,
}  # DenseNet-40, CIFAR-10
TABLE_3 = {2: 22.92, 4: 22.07, 6: 21.93, 8: 21.89, 10: 22.16}  # by cycles: DenseNet-40, CIFAR-100, rate 0.2
SEVERAL = round(sum(TABLE_3[cycles] for cycles in (4, 6, 8)) / 3, 2)

CLAIMS = [
    ("table 1", "snapshot",
     {f"H-T1 {other} {rate}": (TABLE_1[other], TABLE_1[rate]) for other in ("single", "NoCycle", "SingleCycle")
     for rate in ("0.1", "0.2")} | {"H-T1 rate": (TABLE_1["0.1"], TABLE_1["0.2"])}),
    ("table 1: ResNet-110, SingleCycle and snapshots from the rate 0.1", "ensemble_methods",
     {"snapshots": (7.35, 5.73)}),
    ("table 3: fewest and most cycles, and the mean of 4, 6 and 8", "snapshot",
     {"H-T3 fewest": (TABLE_3[2], SEVERAL), "H-T3 most": (TABLE_3[10], SEVERAL)}),
]
