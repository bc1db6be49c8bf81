"""Entezari et al. 2022 (arXiv:2110.06296) and Ainsworth et al. 2022, "Git Re-Basin" (arXiv:2209.04836).

No settings of theirs are taken over; what stands here is what the page of `symmetry` says.
"""

PERCEPTRONS, CONVOLUTIONAL = (16, 64, 256, 1024), (16, 32, 64, 128)

# fmt: off
SETTINGS = [
    ("perceptrons by width", "symmetry", {"model": "MLP"},
     {"linear outputs": {(w, w, w, 10) for w in PERCEPTRONS}, "norms": 0}),
    ("ResNet-20 by the width of its first stage", "symmetry", {"model": "ResNet"},
     {"convolutions": {(*7 * [w], *6 * [2 * w], *6 * [4 * w]) for w in CONVOLUTIONAL}}),
    ("barriers: to the own copy with its units in another order, and to another seed; 25 points", "symmetry",
     {},
     {"names of landscape": ["copy", "independent"], "landscape.copy": {"other": None, "points": 25,
     "statistics": True, "splits": ["train", "test"]}, "landscape.independent": {"other": {"run": ["seed=10"]},
     "points": 25, "statistics": True} | {"splits": ["train", "test"]}}),
    *((f"batch norm's statistics: {evaluation}", "symmetry", {"model": model},
     {f"landscape.{line}.engine.evaluation": evaluation for line in ("copy", "independent")}) for model,
     evaluation in {"ResNet": "recompute",
     "MLP": "eval"}.items()),
]

CLAIMS = []
