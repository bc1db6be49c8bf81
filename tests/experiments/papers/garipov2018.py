"""Garipov et al. 2018, "Loss Surfaces, Mode Connectivity, and Fast Ensembling of DNNs" (arXiv:1802.10026)."""

CURVE = {"study": "Curve"}
BATCHES = {"data.batch_size": 128, "names of data.augment": ["crop", "flip"]}
SGD = {"optimizer": "SGD", "optimizer.momentum": 0.9, "optimizer.nesterov": False, "optimizer.dampening": 0}
RESIDUAL = {"model": "PreActResNet"}
RESNET = {"depth": 164, "bottleneck": True}


def _falling(epochs: int) -> dict[str, object]:
    """The authors' learning_rate_schedule: constant, from a half to nine tenths down to a hundredth, constant."""
    shares = {0.0: 1, 0.3: 1, 0.5: 1, 0.6: 0.7525, 0.7: 0.505, 0.8: 0.2575, 0.9: 0.01}
    factors = {round(share * epochs): factor for share, factor in shares.items()}
    return {"epochs": epochs, "rate factors": factors | {epochs - 1: 0.01}}


# fmt: off
SETTINGS = [
    # where in the paper, experiments, which jobs, and what they have
    ("training, all experiments", "fge mode_connectivity curve_ensemble mode_width", {}, BATCHES | SGD),
    ("figures 1 and 2: PreResNet-164 on CIFAR-100", "curve_ensemble", {},
     {"data": "cifar100", "model": "PreActResNet", "model.depth": 164, "model.convention": "garipov2018"}
     | {"model.bottleneck": True, "model.classes": 100}),
    ("table 1: PreResNet-164, VGG-16 and WRN-28-10 on CIFAR-100", "fge", {},
     {("model", "optimizer.weight_decay"): {("PreActResNet", 3e-4), ("VGG", 5e-4), ("WideResNet", 5e-4)},
     "data": {"cifar100"}}),
    ("table 2, README: these on both data sets", "mode_connectivity", {},
     {"model": {"PreActResNet", "VGG", "WideResNet"}, "data": {"cifar10", "cifar100"}}),
    ("README: parameters, counted from the authors' code", "mode_connectivity", {"data": "cifar10"},
     {("model", "parameters"): {("PreActResNet", 1_703_258), ("VGG", 15_245_130), ("WideResNet", 36_489_290)}}),
    ("the authors' code: convolutions drawn by fan out, the wide one as torch draws it", "fge mode_connectivity", {},
     {("model", "init"): {("PreActResNet", "kaiming_convolutions"), ("VGG", "kaiming_convolutions"),
     ("WideResNet", "keep_defaults")}}),
    *((f"ends of curves: {model}", "mode_connectivity", {"study": "Classifier", "model": model},
     {"optimizer.lr": rate, "optimizer.weight_decay": 5e-4, "regularizer": {}} | _falling(200))
     for model, rate in (("VGG", 0.05), ("WideResNet", 0.1))),
    *((f"curves: {model}", "mode_connectivity", CURVE | {"model": model},
     {"optimizer.lr": rate, "regularizer.l2.weight_decay": 5e-4, "landscape.path.weight_decay": 5e-4,
     "study.ends.0.run.epochs": 200, "study.ends.1.run.optimizer.weight_decay": 5e-4, "study.curve.bends": 1}
     | _falling(epochs))
     for model, rate, epochs in (("VGG", 0.015, 600), ("WideResNet", 0.03, 200))),
    # ends: rate 0.1, weight decay 3e-4, 150 epochs
    ("ends of curves", "mode_connectivity", {"study": "Classifier"} | RESIDUAL,
     {"optimizer.lr": 0.1, "optimizer.weight_decay": 3e-4, "regularizer": {}} | _falling(150)),
    *(("ends of curves, that differ in nothing but their seeds", "mode_connectivity curve_ensemble", CURVE | RESIDUAL,
     {f"study.ends.{end}.run.seed": seed, f"study.ends.{end}.run.epochs": 150,
     f"study.ends.{end}.run.optimizer": {"lr": 0.1, "weight_decay": 3e-4, "nesterov": False},
     f"study.ends.{end}.run.model": RESNET}) for end, seed in ((0, 0),
     (1, 10))),
    # curves: one bend, 200 epochs at 0.03, the penalty at the points of the curve
    ("curves", "mode_connectivity", CURVE | RESIDUAL,
     {"optimizer.lr": 0.03, "optimizer.weight_decay": 0.0, "names of regularizer": ["l2"],
     "regularizer.l2": "L2", "regularizer.l2.weight_decay": 3e-4, "study.curve.bends": 1,
     "study.objective": "UniformPosition"} | _falling(200)),
    ("Bezier curves and polygonal chains", "mode_connectivity curve_ensemble", CURVE,
     {"study.curve": {"Bezier", "PolygonalChain"}}),
    ("evaluation: 61 points, with and without the penalty, batch norm's statistics of each",
     "mode_connectivity", RESIDUAL,
     {"landscape.path": {"points": 61, "weight_decay": 3e-4, "splits": ["train", "test"], "augmented": None}}
     | {"landscape.path.engine.evaluation": "recompute"}),
    ("figure 1: planes of 21 points a side, margin 0.2", "mode_connectivity", CURVE | RESIDUAL,
     {"landscape.curve_plane": {"points": 21, "margin": 0.2},
     "landscape.curve_plane.engine.evaluation": "recompute"}),
    ("figure 1: the plane of three optima", "mode_connectivity", {"study": "Classifier"} | RESIDUAL,
     {"landscape.plane": {"points": 21, "margin": 0.2, "others": [{"run": ["seed=10"]}, {"run": ["seed=20"]}]},
     "landscape.plane.engine.evaluation": "recompute", "landscape.path.through": [{"run": ["seed=10"]}]}),
    ("thresholds, ours: the rise on a curve, points that its error may rise, and bends that differ by 0.2 of the ends",
     "mode_connectivity", {},
     {"values.line_share": 0.1, "values.error_rise": 5.0, "values.apart": 0.2}),
    # ensembles along curves
    ("figure 2: ensembles of an end with each of 61 points; supplement: of 50 points", "curve_ensemble", {},
     {"landscape.path": {"points": 61, "ensemble": True, "splits": ["test"], "through": {"curve": []}},
     "landscape.fifty": {"points": 50, "ensemble": True, "temper_on": "train", "splits": ["test"],
                         "through": {"curve": []}},
     "landscape.path.engine.evaluation": "recompute", "landscape.fifty.engine.evaluation": "recompute"}),
    ("supplement: of three independent networks", "curve_ensemble", {},
     {"seeds of landscape.independent.members": [0, 10, 20]}
     | {"landscape.independent.combine": "probabilities"}),
    # curves by width, as VGG-16 is trained: rate 0.05 and weight decay 5e-4 for 200 epochs, curves 600 at 0.015
    ("supplement on width", "mode_width", {}, {"data": "cifar10"}),
    ("ends, as of VGG-16", "mode_width", {"study": "Classifier"},
     {"optimizer.lr": 0.05, "optimizer.weight_decay": 5e-4} | _falling(200)),
    ("curves, as of VGG-16", "mode_width", CURVE,
     {"optimizer.lr": 0.015, "optimizer.weight_decay": 0.0, "regularizer.l2.weight_decay": 5e-4,
     "study.curve": "Bezier", "study.curve.bends": 1, "study.objective": "UniformPosition"} | _falling(600)),
    ("curves and lines at each width", "mode_width", {},
     {"study": {"Curve", "Classifier"}, "model.width": {15, 25, 40, 50}}),
    *((f"supplement: three convolutions, three layers of 1000 K units, K = {k}", "mode_width",
     {"model.width": width}, {"kinds of layers": 3 * ["Conv2d"] + 3 * ["Linear"],
     "linear outputs": [round(1000 * k), round(1000 * k), 10]}) for width, k in {15: 0.3, 25: 0.5, 40: 0.8,
     50: 1.0}.items()),
    ("61 points", "mode_width", {}, {"landscape.path": {"points": 61, "splits": ["train", "test"]}}),
    ("line to another seed", "mode_width", {"study": "Classifier"},
     {"landscape.path.through": [{"run": ["seed=10"]}]}),
    # tunnels of VGG-16, with the settings of this paper at the centre
    ("VGG-16 without batch norm, with dropout: L2 5e-4, batches of 128", "tunnels", {},
     {"values.rate": 0.05, "values.weight_decay": 5e-4, "values.batch_size": 128, "layers": 16, "norms": 0,
     "dropouts": 2, "init": "kaiming_convolutions", "init.mode": "fan_out", "optimizer.momentum": 0.9,
     "optimizer.nesterov": False}),
    ("curves at the centre: 600 epochs at 0.015, the rate constant to the middle and linear to 90 %", "tunnels",
     {"rates.sgd": 0.05},
     {"optimizer.lr": 0.015, "study.ends.0.run.optimizer.lr": 0.05, "study.ends.0.run.optimizer.nesterov": False,
     "study.ends.0.run.epochs": 200, "rate factors of study.ends.0.run": _falling(200)["rate factors"]}
     | _falling(600)),
    # fast geometric ensembles
    ("FGE: a network takes B", "fge", {"study": "Classifier"} | RESIDUAL, {"optimizer.lr": 0.1} | _falling(150)),
    ("FGE: snapshots, of as many epochs", "fge", {"study": "SnapshotEnsemble"} | RESIDUAL,
     {"epochs": 150, "optimizer.lr": 0.1, "ends of cycles": [30, 60, 90, 120, 150]}),
    ("FGE: from four fifths of B on, rates between 0.05 and 0.01 in cycles of two epochs", "fge",
     {"study.start.run.epochs": 120},
     {"epochs": 30, "study.start.run.epochs": 0.8 * 150, "optimizer.lr": 0.05, "scheduler.floor": 0.01 / 0.05,
     "ends of cycles": list(range(1, 30, 2))}),
    *((f"FGE of {model}: from epoch 160 of 200 on, cycles of two epochs", "fge", {"study.start.run.epochs": 160,
     "model": model}, {"epochs": 40, "study.start.run.scheduler.epochs": 200, "optimizer.lr": rate,
     "scheduler.floor": floor, "ends of cycles": list(range(1, 40, 2))})
     for model, rate, floor in (("VGG", 0.01, 1.0), ("WideResNet", 0.05, 0.2))),
    ("table 1: 2B and 3B are two and three runs of each", "fge", {"study": "Classifier"},
     {"landscape.ensemble": {"own": True, "members": [{"run": ["seed=10"]}, {"run": ["seed=20"]}]}}),
    ("table 1: the same", "fge", {"landscape.ensemble.own": False},
     {"study": {"SnapshotEnsemble", "FastGeometricEnsemble"}, "landscape.ensemble.members": [{"members": "all"},
     {"members_of": ["seed=10"]}, {"members_of": ["seed=20"]}]}),
]

CLAIMS = [
    # where in the paper, experiment, and what its claims carry: the printed numbers in the order of their arms
    ("section 5: distances, about", "fge", {"G-F3 distance": (40, 7)}),
    ("table 1, B", "fge",
     {"G-T1 B, FGE and snapshots": (20.9, 20.2), "G-T1 B, snapshots and one": (21.5, 20.9),
     "G-T1 B, FGE and one": (21.5, 20.2)}),
    ("accuracies in the README of the authors' code, 2B and 3B", "fge",
     {"G-T1 2B, FGE and two": (100 - 80.5, 100 - 81.3), "G-T1 3B, FGE and three": (100 - 81.6, 100 - 81.7)}),
    ("table 1 and README, of other networks", "fge",
     {"G-T1 B, FGE and snapshots, VGG-16": (26.4, 25.7), "G-T1 B, FGE and one, WRN-28-10": (19.2, 17.7),
     "G-T1 2B, FGE and two, VGG-16": (100 - 74.8, 100 - 76.1), "G-T1 3B, FGE and three, WRN-28-10": (17.0, 16.8)}),
    ("table 2 and README, of other networks", "mode_connectivity",
     {"G-T2 Bezier against line, VGG-16, CIFAR-10": (90, 7.01), "G-T2 chain against line, WRN-28-10, CIFAR-10":
     (66.6, 10.38), "G-T2 Bezier against line, VGG-16, CIFAR-100": (99.01, 31.23),
     "G-README Bezier, rise, VGG-16, CIFAR-100": (30.1 - 27.5,),
     "G-README chain, rise, ResNet-164, CIFAR-10": (5.13 - 4.76,),
     "G-README Bezier, rise, WRN-28-10, CIFAR-10": (3.88 - 3.73,)}),
    ("supplement: two ends, and 50 points of the curve", "curve_ensemble",
     {"G-A6 Bezier": (22.0, 21.03), "G-A6 chain": (22.0, 21.03)}),
    ("README of the authors' code: largest error on the curve less that of the worse end", "mode_connectivity",
     {"G-T2 Bezier, rise": (23.4 - 21.7,), "G-T2 chain, rise": (23.6 - 21.7,)}),
    ("table 2: largest error on the line and on the curve", "mode_connectivity",
     {"G-T2 Bezier against line": (98.83, 26.1), "G-T2 chain against line": (98.83,)}),
    ("supplement: bends of two chains, in the distance of the ends", "mode_connectivity",
     {"G-nu apart": (29.6 / 50,)}),
    ("thresholds, ours", "mode_connectivity",
     {"G-T2 Bezier, rise": {"most": 5.0}, "G-T2 chain, rise": {"most": 5.0},
     "G-T2 Bezier, length": {"least": 1.0, "most": 4.0}, "G-T2 chain, length": {"least": 1.0, "most": 4.0},
     "G-README Bezier": {"least": 0.0}, "G-README chain": {"least": 0.0}, "G-nu apart": {"least": 0.2}}),
]
