"""Li et al. 2018, "Visualizing the Loss Landscape of Neural Nets" (arXiv:1712.09913)."""

from math import log

import pytest

ALL = "architectures convexity depth direction_normalization repeatability sharpness trajectory width"
FILTER_NORMALISED = {"seed": 123, "normalize": "filter", "ignore": "biasbn", "extent": 1.0, "points": 51} | {
    "splits": ["train", "test"]
}
LAYER_NORMALISED = FILTER_NORMALISED | {"normalize": "layer", "directions": 5}
NOT_NORMALISED = FILTER_NORMALISED | {"normalize": "none", "extent": 0.5, "directions": 5}
STAGE = ["ProjectedShortcut", "Identity", "Identity"]  # of three blocks, that doubles the channels

# fmt: off
SETTINGS = [
    # where in the paper, experiments, which jobs, and what they have
    ("training, walk-throughs and cifar10/main.py of the authors' code", ALL, {},
     {"data": "cifar10", "names of data.augment": ["crop", "flip"], "data.augment.crop": "RandomCrop",
     "data.augment.crop.padding": 4, "data.augment.flip": "RandomHorizontalFlip", "data.augment.flip.p": 0.5,
     "study.loss": "CrossEntropyLoss", "study.loss.label_smoothing": 0.0, "epochs": 300, "rate factors": {0: 1,
     149: 1, 150: 0.1, 224: 0.1, 225: 0.01, 274: 0.01, 275: 0.001, 299: 0.001}, "regularizer": {}}),
    ("initialisation, cifar10/main.py of the authors' code", ALL, {"init": "kaiming_normal"},
     {"init.mode": "fan_in", "init.linear_std": 1e-3}),
    ("training", ALL, {"optimizer": "SGD"},
     {"optimizer.momentum": 0.9, "optimizer.nesterov": True, "optimizer.dampening": 0}),
    ("training", "convexity direction_normalization repeatability sharpness trajectory width",
     {"optimizer": "SGD"},
     {"optimizer.lr": 0.1}),
    ("names of the authors' scripts", "sharpness trajectory", {"optimizer": "Adam"},
     {"optimizer.lr": 1e-3, "optimizer.amsgrad": False}),
    ("training", "architectures convexity depth width", {},
     {"optimizer": "SGD", "data.batch_size": 128, "optimizer.weight_decay": 5e-4}),
    ("section 5, the networks of figure 5", "init_sensitivity", {"experiment.part": "trained"},
     {"data": "cifar10", "epochs": 300, "data.batch_size": 128, "model.depth": 56, "model.skip": {True, False},
      "optimizer": "SGD", "optimizer.lr": 0.1, "optimizer.nesterov": True, "optimizer.weight_decay": 5e-4}),
    # VGG-9, figures 2, 3 and 9
    ("figures 2, 3 and 9, table 1: optimizer by weight decay by batch size", "sharpness trajectory",
     {"model": "VGG"},
     {"optimizer": {"SGD", "Adam"}, "optimizer.weight_decay": {0.0, 5e-4}, "data.batch_size": {128, 8192}}),
    ("figures 2 and 3: weight decay by batch size", "direction_normalization",
     {"names of landscape": ["line", "line_layer", "line_none"]},
     {"optimizer.weight_decay": {0.0, 5e-4}, "data.batch_size": {128, 8192}}),
    ("appendix: ten directions through VGG-9 of either batch size and weight decay", "repeatability",
     {"model": "VGG"},
     {"optimizer.weight_decay": {0.0, 5e-4}, "data.batch_size": {128, 8192}, "model.width": 64}),
    ("VGG-9, 64-64-M-128-128-M-256-256-256-M, 4096 -> 256, batch norm after every convolution and the layer",
     "direction_normalization repeatability sharpness trajectory", {"model": "VGG"},
     {"layers in order": [*("convolution 3-64", "norm 64", "convolution 64-64", "norm 64", "pool 2"),
     *("convolution 64-128", "norm 128", "convolution 128-128", "norm 128", "pool 2"), *("convolution 128-256",
     "norm 256", "convolution 256-256", "norm 256"), *("convolution 256-256", "norm 256", "pool 2"),
     *("linear 4096-256", "norm 256", "linear 256-10")]}),
    ("the same with biases, 34 tensors of 2,789,706 parameters, counted from the authors' code",
     "direction_normalization repeatability sharpness trajectory", {"model": "VGG"},
     {"parameters": 2_789_706, "model.convention": "li2018"}),
    ("lambda_max of VGG-9", "sharpness", {"model": "VGG"},
     {"landscape.eigenvalues": {"largest": 1, "matrix": "hessian", "split": "train"}}),
    # ResNets and DenseNets
    ("figure 15: ResNet-56 with batches of 128 and of 4096, SGD and Adam with weight decay 0 and 5e-4", "sharpness",
     {"model": "ResNet"},
     {"data.batch_size": {128, 4096}, "optimizer": {"SGD", "Adam"}, "optimizer.weight_decay": {0.0, 5e-4},
     "model": {"depth": 56, "width": 16, "skip": True, "shortcut": "B"},
     "names of landscape": ["line", "surface"]}),
    ("figure 5: 20 and 56 layers at rate 0.1; without shortcuts 13.31 % is the error of ResNet-56 at it",
     "depth", {"model.depth": {20, 56}},
     {"model.depth": {20, 56}, "model.skip": {True, False}, "optimizer.lr": 0.1}),
    ("figure 5: 110 layers", "depth", {"model.depth": 110, "model.skip": True}, {"optimizer.lr": 0.1}),
    ("section 5: the rate of deep networks without shortcuts", "depth",
     {"model.depth": 110, "model.skip": False},
     {"optimizer.lr": 0.01}),
    ("section 5: 156 layers without shortcuts, that do not train", "depth", {"model.depth": 156},
     {"model.skip": False, "optimizer.lr": 0.1}),
    ("figure 5, and section 5", "depth", {},
     {"model": "ResNet", "model.depth": {20, 56, 110, 156}, "model.width": 16, "model.shortcut": "B"}),
    ("figure 5: projections where the shape changes", "depth", {"model.depth": 20, "model.skip": True},
     {"shortcuts": [*3 * ["Identity"], *STAGE, *STAGE]}),
    ("figure 5: no shortcuts at all", "depth", {"model.depth": 20, "model.skip": False},
     {"shortcuts": 9 * ["NoneType"]}),
    ("section 5: below 2.5 before training", "depth", {"model.depth": 20},
     {"first loss": pytest.approx(log(10), abs=0.1)}),
    ("figure 4: DenseNet-121 (Huang et al. 2017, growth 32), a 3x3 convolution in front as the authors have it",
     "architectures", {"model": "DenseNet"},
     {"layers": 121, "first convolution": "3x3, stride 1", "linear": ["1024-10"], "model.growth": 32,
     "optimizer.lr": 0.1}),
    ("figure 4: ResNet-110 without shortcuts, at the rate of the authors' script", "architectures",
     {"model.depth": 110},
     {"layers": 110, "shortcuts": 54 * ["NoneType"], "model.width": 16, "optimizer.lr": 0.01}),
    ("table of losses and errors: ResNet-56 without shortcuts at two rates", "architectures",
     {"model.depth": 56},
     {"layers": 56, "shortcuts": 27 * ["NoneType"], "model.width": 16, "optimizer.lr": {0.1, 0.01}}),
    ("section 5: 156 layers, for which no rate is printed", "architectures", {"model.depth": 156},
     {"layers": 156, "shortcuts": 77 * ["NoneType"], "optimizer.lr": {0.1, 0.01, 0.001}}),
    ("figure 6: WRN-56-k", "width", {},
     {"model.depth": 56, "model.width": {16, 32, 64, 128}, "model.skip": {True, False}}),
    *((f"figure 6: k = {k}, 56 layers of {16 * k}, {32 * k} and {64 * k} channels", "width",
     {"model.width": 16 * k}, {"layers": 56, "channels": [16 * k, 32 * k, 64 * k], "linear": [f"{64 * k}-10"]})
     for k in (1, 2, 4,
     8)),
    ("figure 6: option B", "width", {"model.skip": True}, {"projections": 2}),
    ("figure 6: no shortcuts", "width", {"model.skip": False}, {"projections": 0}),
    ("figure 7", "convexity", {"model": "ResNet"},
     {"model.depth": 56, "model.width": 16, "model.skip": {True, False}}),
    ("figure 7", "convexity", {"model.skip": True}, {"model.shortcut": "B"}),
    ("figure 7: the authors' DenseNet-121 puts new channels in front", "architectures convexity", {"model": "DenseNet"},
     {"model": {"blocks": [6, 12, 24, 16], "growth": 32, "convention": "li2018"}}),
    # landscapes
    ("figures 3 to 7: filter-normalised surfaces", "convexity depth width sharpness", {},
     {"landscape.surface": FILTER_NORMALISED}),
    ("figure 6: nothing else", "width", {}, {"names of landscape": ["surface"]}),
    ("figure 5: nothing else", "depth", {"model.depth": {20, 110, 156}}, {"names of landscape": ["surface"]}),
    ("figure 1: ResNet-56 with and without shortcuts on 251 x 251 points", "depth",
     {"landscape.figure_1.normalize": "filter"},
     {"model.depth": 56, "model.skip": {True, False}, "optimizer.lr": 0.1,
     "landscape.figure_1": FILTER_NORMALISED | {"points": 251, "splits": ["train"]}}),
    ("figure 4: of two networks", "architectures", {"names of landscape": ["surface"]},
     {"landscape.surface": FILTER_NORMALISED, "layers": {121, 110}}),
    ("figure 4: of no other", "architectures", {"model.depth": {56, 156}}, {"names of landscape": []}),
    ("figure 7: the ratio of the eigenvalues of the Hessian of the training loss, on the same grids",
     "convexity", {},
     {"landscape.convexity": {key: FILTER_NORMALISED[key] for key in FILTER_NORMALISED if key != "splits"}
     | {"matrix": "hessian", "split": "train"}, "landscape.convexity.engine.subsample": None,
     "landscape.convexity.parameters": "matrices"}),
    ("figure 3: filter-normalised lines, in ten directions (appendix)", "repeatability sharpness",
     {"model": "VGG"},
     {"landscape.line": FILTER_NORMALISED | {"directions": 10}}),
    ("appendix", "repeatability", {"model": "VGG"}, {"names of landscape": ["line"]}),
    ("figure 15", "sharpness", {"model": "ResNet"}, {"landscape.line": FILTER_NORMALISED | {"directions": 10}}),
    ("appendix: lines that are normalised by layer or not at all", "direction_normalization",
     {"landscape.line_none.normalize": "none"},
     {"landscape.line_layer": LAYER_NORMALISED, "landscape.line_none": NOT_NORMALISED}),
    ("figure 2: from small to large batches, batch norm's statistics too", "sharpness", {"model": "VGG"},
     {"landscape.interpolation": {"low": -0.5, "high": 1.5, "points": 401, "statistics": True}
     | {"splits": ["train", "test"], "other": {"run": ["data.batch_size=8192"]}}}),
    ("appendix: planes of ResNet-56, drawn several times", "repeatability", {"model": "ResNet"},
     {"model.depth": 56, "model.width": 16, "model.skip": {True, False}, "optimizer.weight_decay": 5e-4,
     "data.batch_size": 128, "landscape.surface": FILTER_NORMALISED, "landscape.surface_1": FILTER_NORMALISED
     | {"seed": 124}, "landscape.surface_2": FILTER_NORMALISED | {"seed": 125}}),
    ("figures 3 and 5: contours at 0.1, 0.6, ... below 10", "sharpness", {},
     {"drawn contours": [0.1 + 0.5 * k for k in range(20)]}),
    ("figure 4: the same", "architectures", {}, {"values.contours": [0.1 + 0.5 * k for k in range(20)]}),
    ("figures 5 and 6: the lowest", "depth width", {}, {"values.contour": 0.1}),
    ("figure 3: the area of losses below 0.6", "sharpness", {}, {"values.area": 0.6}),
    # trajectories, section 7
    ("section 7: a network of every epoch; the rate falls after 150, 225 and 275", "trajectory", {},
     {"study.snapshot_epochs": list(range(300)), "experiment.values.drops": [150, 225, 275]}),
    ("section 7: the plane of the principal components of the way to the last network", "trajectory", {},
     {"landscape.trajectory": {"snapshots": {"snapshots": "all"}, "points": 51, "ignore": "none",
     "normalize": "none", "splits": ["train", "test"]}}),
]

SHARES = {  # figure 9, percent that the first and the second component explain
    "SGD small batches with decay": (24.57, 15.04),
    "SGD large batches with decay": (87.78, 6.33),
    "Adam small batches with decay": (32.80, 17.47),
    "Adam large batches with decay": (71.74, 13.03),
    "SGD small batches without decay": (73.65, 11.04),
    "SGD large batches without decay": (81.87, 8.72),
    "Adam small batches without decay": (77.97, 9.56),
    "Adam large batches without decay": (80.31, 9.25),
}


def _lowest(optimizer: str, sizes: str, decay: str) -> tuple[float, float]:
    """Sum of the shares of a network, and that of the same optimizer with small batches and weight decay."""
    return (
        sum(SHARES[f"{optimizer} {sizes} batches {decay} decay"]),
        sum(SHARES[f"{optimizer} small batches with decay"]),
    )


CLAIMS = [
    # where in the paper, experiment, and what its claims carry: the printed numbers in the order of their arms
    ("figure 5", "architectures", {"L-F4 error": (16.44,)}),
    ("table of losses and errors", "architectures", {"L-T2": (13.31, 10.83)}),
    ("figure 5, errors", "depth",
     {"L-F5 error shallow": (8.18, 7.37), "L-F5 error deep": (13.31, 5.89), "L-F5 error deepest": (16.44, 5.79),
     "L-F5 error noshort": (8.18, 13.31, 16.44), "L-F5 error short": (7.37, 5.89, 5.79)}),
    ("figure 5, half-widths of the contour of 0.1, read off the picture", "depth",
     {"L-F5 half-width x short": (0.20, 0.17), "L-F5 half-width y short": (0.24, 0.16),
     "L-F5 half-width x shallow": (0.14, 0.17), "L-F5 half-width y shallow": (0.18, 0.16),
     "L-F5 half-width x deepest": (0.20, 0.08)}),
    ("figure 2, test errors", "sharpness", {"L-F2a (iii)": (11.07, 7.37), "L-F2d (iii)": (10.19, 6.0)}),
    ("figure 2, norms, read off the picture", "sharpness", {"L-F2b": (158, 64), "L-F2e": (40, 23)}),
    ("figure 15, test errors", "sharpness", {"L-F15 error": (10.59, 5.89)}),
    ("figure 6, errors", "width",
     {"L-F6 error (short)": (5.89, 5.07, 4.34, 3.93), "L-F6 error (noshort)": (13.31, 10.26, 9.69, 8.70)}),
    ("figure 6, half-widths, read off the picture; of a sliver the first", "width",
     {"L-F6 half-width (short)": (0.25, 0.38, 0.50, 0.55),
     "L-F6 half-width (noshort)": (None, 0.14, 0.14, 0.22)}),
    ("figure 9", "trajectory", {f"L-F9 {network}": (sum(shares),) for network, shares in SHARES.items()}),
    ("figure 9: the least and the most of the eight sums, and a point beyond", "trajectory",
     {f"L-F9 {network}": {"least": 39.6 - 1, "most": 94.1 + 1} for network in SHARES}),
    ("figure 9: lowest with small batches and weight decay", "trajectory",
     {f"L-F9 {optimizer} lowest (large batches, decay)": _lowest(optimizer, "large", "with")
     for optimizer in ("SGD", "Adam")}
     | {f"L-F9 {optimizer} lowest ({sizes} batches, no decay)": _lowest(optimizer, sizes, "without")
     for optimizer in ("SGD", "Adam") for sizes in ("small", "large")}),
]
