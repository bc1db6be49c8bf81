"""Keskar et al. 2017, "On Large-Batch Training for Deep Learning" (arXiv:1609.04836)."""

# fmt: off
SETTINGS = [
    ("sharpness in two sizes of the box, ten iterations of L-BFGS-B", "sharpness", {"model": "VGG"},
     {"landscape.sharpness": {"epsilons": [1e-3, 5e-4], "iterations": 10, "split": "train"}}),
    ("the larger of them", "sharpness", {}, {"values.epsilon": 1e-3}),
]

CLAIMS = [
    ("network C2, test accuracies of large and small batches", "sharpness",
     {"Keskar (ii)": (100 - 87.26, 100 - 89.24)}),
    ("network C2, sharpness in the full space, epsilon 1e-3", "sharpness", {"Keskar (iii)": (925.32, 8.68)}),
]
