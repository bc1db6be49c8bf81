"""von Bachmann 2021, the distance-kernel thesis: text, figures of chapter 4, table 4.1 and code.

Its distance D is the squared one, its kernel exp(-D / width), with width = 2 sigma^2 of our `study.width`.
"""

from math import exp, log

import pytest

NETWORKS = {"MobileNetV2", "ResNet"}
HILLS, PLAIN = {"study.push": "Away"}, {"study.push": "Nothing"}
ALL = (
    "distance_baseline distance_strength distance_width distance_multiple distance_ensemble distance_release"
)

# fmt: off
SETTINGS = [
    # where in the thesis, experiments, which jobs, and what they have
    ("default settings", f"{ALL} distance_schedule distance_cost", {},
     {"data.batch_size": 128, "data.validation": 5000,  # ours; the thesis validates on test images
     "optimizer": "SGD", "optimizer.momentum": 0.9, "optimizer.nesterov": False, "optimizer.dampening": 0}),
    ("default settings", f"{ALL} distance_cost", {"data": "cifar10"},
     {"names of data.augment": ["crop", "flip"], "data.shape": [3, 32, 32]}),
    ("default settings",
     "distance_baseline distance_strength distance_width distance_release distance_cost distance_schedule", {},
     {"optimizer.weight_decay": 1e-3}),
    ("default settings", "distance_baseline distance_strength distance_width distance_multiple distance_cost",
     {},
     {"optimizer.lr": 0.01}),
    ("default settings: a constant rate", "distance_baseline", {}, {"rate factors": {0: 1, 599: 1}}),
    ("default settings: ResNet-32, option A", "distance_baseline", {"model": "ResNet"},
     {"model": {"depth": 32, "width": 16, "shortcut": "A"}}),
    ("0.46M in table 6 of He et al. 2016", "distance_baseline", {"model": "ResNet", "data": "cifar10"},
     {"parameters": 464_154}),
    ("default settings: MobileNetV2", "distance_baseline", {"model": "MobileNetV2"},
     {"model": {"width": 1.0, "depth": 1.0}}),
    ("both networks",
     "distance_baseline distance_strength distance_width distance_multiple distance_schedule distance_cost", {},
     {"model": NETWORKS}),
    # the kernel
    ("default settings: exp(-D / 1000)", f"{ALL} distance_schedule".replace("distance_width ", ""), {},
     {"width of the hill": 1000}),
    ("default settings: exp(-D / 1000)", "distance_baseline", {}, {"kernel": {1.0: exp(-1), 2.0: exp(-2)}}),
    ("code: (s / K) times the kernel", "distance_baseline", {},
     {"study": {"strength": 1.0, "divided": True, "decoupled": False}}),
    ("figure 4.1: a checkpoint after 100 of 600 epochs", "distance_baseline", {},
     {"epochs": 600, "study.checkpoints": [100], "study.every": None, "study.release": None}),
    ("figure 4.1: before it all train plainly", "distance_baseline", {},
     {"study.trunk.run": {"epochs": 100}, "study.trunk.run.study": "Classifier"}),
    ("figure 4.1, and the controls of the draft", "distance_baseline", {"data": "cifar10"},
     {"model": NETWORKS, "study.push": {"Away", "Nothing", "RandomDirection", "Toward"}}),
    ("the same on MNIST", "distance_baseline", {"data": "mnist"},
     {"model": NETWORKS, "study.push": {"Away", "Nothing"}}),
    ("the hill is twice as steep as weight decay", "distance_baseline", {}, {"steepness over weight decay": 2}),
    # strength
    ("figure 4.2: s = 0.1 to 100", "distance_strength", HILLS,
     {"model": NETWORKS, "study.strength": {0.1, 1, 10, 100}}),
    ("figure 4.2: and none", "distance_strength", PLAIN, {"model": NETWORKS}),
    ("figure 4.2: a checkpoint after 100 epochs; longer than its 200", "distance_strength", {},
     {"study.checkpoints": [100], "epochs": 500}),
    *(("figure 4.2: s against weight decay", "distance_strength", HILLS | {"study.strength": s},
     {"steepness over weight decay": 2 * s}) for s in (0.1, 1, 10,
     100)),
    ("figure 4.2: the strengths in the words of the claims", "distance_strength", {},
     {"values.strengths": [0.1, 1, 10, 100], "values.steep": [10, 100],
     "values.named": {"below": 0.1, "above": 1, "strongest": 100}, "values.per_width": 1 / 1000}),
    # width
    ("figure 4.3: widths 10 to 10,000", "distance_width", HILLS,
     {"model": NETWORKS, "width of the hill": {10, 100, 1000, 10_000}}),
    ("figure 4.3: and none", "distance_width", PLAIN, {"model": NETWORKS}),
    ("figure 4.3: s = 1, a checkpoint after 100 epochs", "distance_width", {},
     {"study.strength": 1.0, "study.checkpoints": [100]}),
    *(("figure 4.3: s against weight decay", "distance_width", HILLS | {"width of the hill": width},
     {"steepness over weight decay": 2000 / width}) for width in (10, 100, 1000,
     10_000)),
    # several checkpoints
    ("figures 4.4 to 4.6: every 150 of 600 epochs", "distance_multiple", {},
     {"epochs": 600, "study": {"every": 150, "checkpoints": None, "release": None, "decoupled": False},
     "study.trunk.run": {"epochs": 150}, "values.checkpoints": [150, 300, 450], "values.after": [151, 301, 451],
     "values.per_factor": pytest.approx(1 / (1000 * log(3)), rel=1e-6)}),
    ("figures 4.4 to 4.6: s = 1, 10, 100, and 100 without weight decay; s / K or s, merged or not",
     "distance_multiple", HILLS,
     {"model": NETWORKS, ("study.strength", "study.divided", "study.merging",
     "optimizer.weight_decay"): {(1, True, "EachCheckpoint", 1e-3), (10, True, "EachCheckpoint", 1e-3),
     (100, True, "EachCheckpoint", 1e-3), (10, False, "EachCheckpoint", 1e-3),
     (10, True, "MeanOfCheckpoints", 1e-3), (10, True, "LastCheckpoint", 1e-3),
     (100, True, "EachCheckpoint", 0)}}),
    ("figures 4.4 to 4.6: no force, with and without weight decay", "distance_multiple", PLAIN,
     {"model": NETWORKS, "optimizer.weight_decay": {1e-3, 0.0}}),
    *(("figure 4.6: the trunk as what follows", "distance_multiple", {"optimizer.weight_decay": decay},
     {"study.trunk.run.optimizer": {"weight_decay": decay}}) for decay in (1e-3,
     0.0)),
    # schedules
    ("figures 4.7 to 4.10: schedule, strength, rate", "distance_schedule", {},
     {"model": NETWORKS, ("scheduler", "strength of the push", "optimizer.lr"): {("Constant", 0, 0.01),
     ("Constant", 100, 0.01), ("Restarted", 0, 0.01), ("WarmRestarts", 0, 0.01), ("WarmRestarts", 1, 0.01),
     ("Constant", 0, 0.1), ("WarmRestarts", 0, 0.1), ("WarmRestarts", 1, 0.1)}, "epochs": 600,
     "study.every": 150, "study.trunk.run": {"epochs": 150}}),
    ("figure 4.7: fixed", "distance_schedule", {"scheduler": "Constant"},
     {"rate factors": {0: 1, 150: 1, 599: 1}}),
    ("figure 4.7: a tenth after 50 and after 100 epochs, again after 150", "distance_schedule",
     {"scheduler": "Restarted"},
     {"rate factors": {0: 1, 49: 1, 50: 0.1, 75: 0.1, 100: 0.01, 149: 0.01, 150: 1, 225: 0.1, 599: 0.01},
     "scheduler.period": 150}),
    ("figure 4.7: half cosines of 150 epochs to 0", "distance_schedule", {"scheduler": "WarmRestarts"},
     {"rate factors": {0: 1, 50: 0.75, 75: 0.5, 100: 0.25, 150: 1, 225: 0.5, 250: 0.25},
     "ends of cycles": [150, 300, 450, 600]}),
    ("figure 4.7: the cosine at the end of a cycle", "distance_schedule", {"scheduler": "WarmRestarts"},
     {"scheduler.floor": 0, "scheduler.period": 150}),
    # the kernel let out, or from the start
    ("draft: let out again after 100 epochs, and a checkpoint at the initialisation", "distance_release", {},
     {("study.checkpoints", "study.push", "study.release"): {((100,), "Away", None), ((100,), "Away", 200),
     ((100,), "Nothing", None), ((0,), "Away", None), ((0,), "Away", 100), ((0,), "Nothing", None)}}),
    ("draft: from the initialisation there is no trunk", "distance_release", {"study.checkpoints": [0]},
     {"study.trunk": None}),
    ("draft: else one of 100 epochs", "distance_release", {"study.checkpoints": [100]},
     {"study.trunk.run": {"epochs": 100}}),
    # ensembles
    ("figures 4.11 and 4.12: MobileNetV2, a member every 150 of 750 epochs and at the end", "distance_ensemble", {},
     {"model": "MobileNetV2", "epochs": 750, "study.every": 150, "values.ends": [150, 300, 450, 600, 750],
     "values.size": 5}),
    ("table 4.1: plain, s = 1, 10, 100, cosine", "distance_ensemble", {"landscape.ensemble.own": False},
     {("scheduler", "strength of the push"): {("Constant", 0), ("Constant", 1), ("Constant", 10),
     ("Constant", 100), ("WarmRestarts", 0)}}),
    ("table 4.1: cosines of 150 epochs", "distance_ensemble", {"scheduler": "WarmRestarts"},
     {"ends of cycles": [150, 300, 450, 600, 750]}),
    ("beside it as many independent networks", "distance_ensemble", {"landscape.ensemble.own": True},
     {"strength of the push": 0, "landscape.ensemble.members": [{"run": [f"seed={k}0"]} for k in range(1, 5)],
     "landscape.logits.members": [{"run": [f"seed={k}0"]} for k in range(1, 5)]}),
    ("code: logits are averaged; probabilities beside them, of test images", "distance_ensemble", {},
     {"landscape.ensemble": {"combine": "probabilities", "splits": ["test"]},
     "landscape.logits": {"combine": "logits", "splits": ["test"]}}),
    # cost
    ("figure 4.13: steps of the thesis by the number of checkpoints, of which it has 0 to 3", "distance_cost",
     {},
     {"data": "cifar10", "landscape.step_time": {"batch_size": 128, "clock": "wall",
     "checkpoints": [0, 1, 2, 3, 6, 10]}, "landscape.step_time.optimizer": {"lr": 0.01, "momentum": 0.9,
     "nesterov": False, "weight_decay": 1e-3}, "landscape.step_time.force.kernel": "RBF",
     "values.shares": {"first": 14.5, "second": 27.8}  # 8 of 55 seconds, and from 72 to 92
     }),
]

AGREE = {
    "plain": 7648,
    "cosine": 9130,
    "s = 1": 7658,
    "s = 10": 7739,
    "s = 100": 7788,
}  # table 4.1, of 10,000
PER_E = 1000 * log(10)  # what the log law has for a tenfold strength

CLAIMS = [
    # where in the thesis, experiment, and what its claims carry: the printed numbers in the order of their arms
    ("draft, equation 1.14: an identity", "ensemble_methods", {"identity": {"most": 1e-9}}),
    ("figure 4.1: distances at epoch 600, with the kernel and without", "distance_baseline",
     {"T-4.1 end, first network": (1570, 480), "T-4.1 end, second network": (2000, 800)}),
    ("figure 4.1: accuracies that differ by less than a point", "distance_baseline",
     {"T-4.1 accuracy, first network": {"margin": 1.0}, "T-4.1 accuracy, second network": {"margin": 1.0}}),
    ("figure 4.2: distances of ResNet-32 at epoch 200", "distance_strength",
     {"T-4.2 distance": (300, 1200, 3300, 5500), "log law": (pytest.approx((5500 - 3300) / PER_E, abs=5e-4),),
     "log law (weak)": (pytest.approx((5500 - 3300) / PER_E, abs=5e-4),
     pytest.approx((1200 - 300) / PER_E, abs=5e-4))}),
    ("figures 4.1 and 4.2: the same without a kernel and with s = 0.1 and 1", "distance_strength",
     {"weight decay (below)": (pytest.approx(237, abs=0.5), 300),
     "weight decay (above)": (1200, pytest.approx(237, abs=0.5))}),
    ("figure 4.2: least accuracies after 101 to 105 epochs, and means of 151 to 200", "distance_strength",
     {"T-4.2 drop": (13.2, 13.4, 19.9, 33.3), "T-4.2 late": (15.7, 12.6)}),
    ("figure 4.3: distances of ResNet-32 at epoch 400; where the widest overtakes (text, figure; draft: 207)",
     "distance_width",
     {"T-4.3 farther": (410, 540, 1500), "T-4.3 widest": (1500, 610), "T-4.3 crossing": (307, 124)}),
    ("figures 4.5 and 4.6: distances of MobileNetV2", "distance_multiple",
     {"T-4.5 strength": (1629, 3518, 5685), "T-4.5 falls strong": (5685, 4866),
     "T-4.5 falls middle": (3518, 2975), "T-4.5 first epoch": (3.45, 2.96, 2.41),
     "T-4.6 rises": (10_500, 20_000, 30_000)}),
    ("read off the figures", "distance_multiple",
     {f"T-4.{claim}": {"approximate": True} for claim in ("4 strong", "5 strength", "5 falls strong",
     "5 falls middle", "5 first epoch", "6 rises", "6 decay")}),
    ("text to figures 4.7, 4.8 and 4.10: errors from accuracies, and gains from the first cycle to the last",
     "distance_schedule",
     {"T-4.7 step": (100 - 90, 100 - 95), "T-4.7 cosine": (100 - 90, 100 - 95), "T-4.8 gain": (1.0, 0.8),
     "T-4.10 fixed": (100 - 60, 100 - 90)}),
    ("the same: printed, not read off", "distance_schedule",
     {claim: {"approximate": False} for claim in ("T-4.7 step", "T-4.7 cosine", "T-4.8 gain", "T-4.10 fixed")}),
    ("figures 4.7 and 4.9: distances at epoch 600", "distance_schedule",
     {"T-4.7 distance step": (777, 539), "T-4.7 distance cosine": (539, 351), "T-4.9 distance": (1076, 351)}),
    ("read off the figures", "distance_schedule",
     {f"T-4.{claim}": {"approximate": True} for claim in ("7 ends", "7 maxima", "7 returns", "7 distance step",
     "7 distance cosine", "8 ends", "9 best", "9 distance", "10 hills", "10 maxima", "10 distance")}),
    ("figure 4.11: errors at epoch 750", "distance_ensemble",
     {"T-4.11 cosine": (5.8, 4.1), "T-4.11 plain": (5.9, 5.8)}),
    ("figure 4.12, which contradicts its text", "distance_ensemble", {"T-4.12": (5.78, 5.76, 5.73)}),
    ("table 4.1", "distance_ensemble",
     {"T-Tab4.1 strength": tuple(AGREE[arm] / 100 for arm in ("plain", "s = 1", "s = 10", "s = 100")),
     "T-Tab4.1 cosine": (AGREE["cosine"] / 100, AGREE["s = 100"] / 100)}),
    ("figure 4.13: the first checkpoint, in percent of an epoch", "distance_cost",
     {"Closed form, share, first network": (pytest.approx(100 * 8 / 55, abs=0.05),),
     "Closed form, share, second network": (pytest.approx(100 * (92 - 72) / 72, abs=0.05),)}),
]

RESNET, MOBILENET = {"model": "resnet32_padded"}, {"model": "mobilenetv2"}
FIRST = {"quantity": "squared_distance_0"}

CURVES = [
    # where in the thesis, experiment, which curve of its reference.csv, and values at an epoch or over several
    ("figure 4.1", "distance_baseline", RESNET | FIRST | {"push": "away"}, {600: pytest.approx(1570, rel=0.02)}),
    ("figure 4.1", "distance_baseline", RESNET | FIRST | {"push": "nothing"},
     {200: pytest.approx(237, abs=0.5), 600: pytest.approx(480, rel=0.02)}),
    ("figure 4.1", "distance_baseline", MOBILENET | FIRST | {"push": "away"},
     {600: pytest.approx(2000, rel=0.02)}),
    ("figure 4.1", "distance_baseline", MOBILENET | FIRST | {"push": "nothing"},
     {600: pytest.approx(800, rel=0.02)}),
    *(("figure 4.2", "distance_strength", network | FIRST | {"strength": strength},
     {200: pytest.approx(distance, abs=60)}) for network, distances in ((RESNET, (300, 1200, 3300, 5500)),
     (MOBILENET, (500, 1500, 3400, 5600))) for strength, distance in zip((0.1, 1, 10, 100), distances,
     strict=True)),
    *(("figure 4.2: least accuracies", "distance_strength", RESNET
     | {"quantity": "test_error", "strength": strength},
     {("max", 101, 105): pytest.approx(error / 100, abs=6e-4)}) for strength,
     error in {0.1: 13.2, 1: 13.4, 10: 19.9,
     100: 33.3}.items()),
    *(("figure 4.2: late accuracies", "distance_strength", RESNET
     | {"quantity": "test_error", "strength": strength},
     {("mean", 151, 200): pytest.approx(error / 100, abs=6e-4)}) for strength, error in {100: 15.7,
     0.1: 12.6}.items()),
    *(("figure 4.3", "distance_width", network | FIRST | {"sigma": (width / 2) ** 0.5},
     {400: pytest.approx(distance, abs=20)}) for network, distances in ((RESNET, (410, 540, 1500, 610)),
     (MOBILENET, (700, 770, 1850, 1070))) for width, distance in zip((10, 100, 1000, 10_000), distances,
     strict=True)),
    *(("figure 4.5", "distance_multiple", MOBILENET | FIRST | {"arm": "divided", "strength": strength},
     {epoch: pytest.approx(distance, rel=1e-3) for epoch, distance in values.items()}) for strength,
     values in {1: {300: 1629}, 10: {300: 3518, 600: 2975},
     100: {300: 5685, 600: 4866}}.items()),
    *(("figure 4.5: an epoch after each checkpoint, its logarithm to base 10", "distance_multiple", MOBILENET
     | {"arm": "divided", "strength": 100, "quantity": f"squared_distance_{k}"},
     {150 * (k + 1) + 1: pytest.approx(10**logarithm, rel=0.023)}) for k,
     logarithm in enumerate((3.45, 2.96, 2.41))),
    ("figure 4.6", "distance_multiple", MOBILENET | FIRST | {"arm": "without_decay", "strength": 100},
     {300: pytest.approx(10_500, rel=0.03), 450: pytest.approx(20_000, rel=0.03),
     600: pytest.approx(30_000, rel=0.03)}),
    *(("figures 4.7 and 4.9", "distance_schedule", MOBILENET | FIRST
     | {"schedule": schedule, "strength": strength, "rate": 1}, {600: pytest.approx(distance, abs=1)})
     for schedule, strength, distance in (("fixed", 0, 777), ("step", 0, 539), ("cosine", 0, 351),
     ("cosine", 1, 1076))),
    *(("figures 4.11 and 4.12", "distance_ensemble", {"arm": arm, "quantity": "ensemble_error"},
     {750: pytest.approx(error / 100, abs=5e-4)}) for arm, error in {"plain": 5.9, "weak": 5.78, "middle": 5.76,
     "strong": 5.73,
     "cosine": 4.1}.items()),
    *(("figure 4.13: seconds of an epoch; another checkpoint after each 150", "distance_cost", network
     | {"quantity": "epoch_seconds"}, {("median", 150 * k + 1, 150 * k + 150): pytest.approx(second, abs=1.5)
     for k, second in enumerate(seconds)}) for network,
     seconds in ((RESNET, (55, 55 + 8, 55 + 8 + 12, 55 + 8 + 12 + 10)),
     (MOBILENET, (72, 92)))),
]
